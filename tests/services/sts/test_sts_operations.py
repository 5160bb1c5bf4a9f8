"""The operations beside AssumeRole answer as AWS does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import (
    ACCOUNT,
    LocalNode,
    allow,
    local_node,
    session_credentials,
    trust,
)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


def identity(node: LocalNode, credentials: dict[str, str]) -> dict[str, str]:
    answer = node.client("sts", credentials).get_caller_identity()
    return {name: answer[name] for name in ("UserId", "Account", "Arn")}


def test_everybody_learns_who_he_is_even_if_a_policy_denies_it(node):
    deny = allow("*").replace("Allow", "Deny")
    alice = node.user("alice", deny)
    user = node.client("iam").get_user(UserName="alice")["User"]
    assert identity(node, alice) == {
        "UserId": user["UserId"],
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    }
    assert identity(node, node.root) == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }


def test_session_token_has_the_users_permissions(node):
    alice = node.user("alice", allow("iam:ListRoles"))
    answer = node.client("sts", alice).get_session_token()
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 43200
    session = session_credentials(answer)
    assert identity(node, session) == identity(node, alice)
    assert node.client("sts", alice).get_session_token(DurationSeconds=129600)
    for duration in (899, 129601):
        assert (
            refusal(node.client("sts", alice).get_session_token, DurationSeconds=duration)[0]
            == "ValidationError"
        )


def test_session_token_of_root_lasts_an_hour(node):
    answer = node.client("sts").get_session_token(DurationSeconds=129600)
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 3600
    assert identity(node, session_credentials(answer)) == identity(node, node.root)


@pytest.mark.parametrize(
    ("operation", "given"),
    [("get_session_token", {}), ("get_federation_token", {"Name": "bob"})],
)
def test_temporary_credentials_may_not_make_more_of_their_kind(node, operation, given):
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust({"AWS": ACCOUNT}), allow("sts:*"))
    client = node.client("sts", alice)
    sessions = [
        node.assume(alice, role),
        session_credentials(client.get_session_token()),
        session_credentials(client.get_federation_token(Name="bob", Policy=allow("*"))),
    ]
    name = {"get_session_token": "GetSessionToken"}.get(operation, "GetFederationToken")
    for session in sessions:
        assert refusal(getattr(node.client("sts", session), operation), **given) == (
            "AccessDenied",
            403,
            f"Cannot call {name} with session credentials",
        )


def test_sessions_of_users_call_nothing_of_sts_but_what_aws_lets_them(node):
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust({"AWS": ACCOUNT}), allow("sts:*"))
    client = node.client("sts", alice)
    own = session_credentials(client.get_session_token())
    federated = session_credentials(client.get_federation_token(Name="bob", Policy=allow("*")))
    assert node.assume(own, role)
    key = alice["aws_access_key_id"]
    for session in (own, federated):
        assert (
            refusal(node.client("sts", session).get_access_key_info, AccessKeyId=key)[0]
            == "AccessDenied"
        )
    assert (
        refusal(node.client("sts", federated).assume_role, RoleArn=role, RoleSessionName="session")[
            0
        ]
        == "AccessDenied"
    )


def test_federated_user_may_do_what_his_user_and_the_session_policy_allow(node):
    alice = node.user("alice", allow(["sts:GetFederationToken", "sts:TagSession"]))
    answer = node.client("sts", alice).get_federation_token(
        Name="bob", Policy=allow("*"), Tags=[{"Key": "Team", "Value": "one"}]
    )
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:bob", "Arn": arn}
    assert answer["PackedPolicySize"] > 0
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 43200
    assert identity(node, session_credentials(answer)) == {
        "UserId": f"{ACCOUNT}:bob",
        "Account": ACCOUNT,
        "Arn": arn,
    }


def test_federation_needs_permission_for_that_name(node):
    manager = f"arn:aws:sts::{ACCOUNT}:federated-user/Manager*"
    client = node.client("sts", node.user("alice", allow("sts:GetFederationToken", manager)))
    assert client.get_federation_token(Name="Manager1")
    code, status, message = refusal(client.get_federation_token, Name="Worker1")
    assert (code, status) == ("AccessDenied", 403)
    assert "is not authorized to perform: sts:GetFederationToken" in message
    tags = [{"Key": "Team", "Value": "one"}]
    assert refusal(client.get_federation_token, Name="Manager1", Tags=tags)[0] == "AccessDenied"


def test_access_key_ids_tell_their_account(node):
    alice = node.user("alice", allow("sts:GetAccessKeyInfo"))
    client = node.client("sts", alice)
    keys = {
        alice["aws_access_key_id"]: ACCOUNT,
        node.root["aws_access_key_id"]: ACCOUNT,
        "ASIAQNZGKIQY56JQ7WML": "029608264753",
    }
    for key, account in keys.items():
        assert client.get_access_key_info(AccessKeyId=key)["Account"] == account
    for unknown in ("AKIAIOSFODNN7EXAMPLE", "ROLEQNZGKIQY56JQ7WML"):
        assert refusal(client.get_access_key_info, AccessKeyId=unknown)[:2] == (
            "ValidationError",
            400,
        )
    assert refusal(
        node.client("sts", node.user("bob")).get_access_key_info,
        AccessKeyId=alice["aws_access_key_id"],
    )[:2] == ("AccessDenied", 403)
