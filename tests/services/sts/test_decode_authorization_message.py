"""Every denial carries a message that DecodeAuthorizationMessage opens."""

import base64
import json
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

INVALID = ("InvalidAuthorizationMessageException", 400, "Message is not valid")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def denied(call: Any, **given: Any) -> str:
    """The encoded message of a denial."""
    with pytest.raises(ClientError) as refused:
        call(**given)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    return str(headers["x-daypass-authorization-message"])


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


def decoded(node: LocalNode, message: str) -> dict[str, Any]:
    answer = node.client("sts").decode_authorization_message(EncodedMessage=message)
    return dict(json.loads(answer["DecodedMessage"]))


def values(items: dict[str, Any]) -> list[str]:
    return [item["value"] for item in items["items"]]


def conditions(items: dict[str, Any]) -> dict[str, list[str]]:
    return {item["key"]: values(item["values"]) for item in items["items"]}


def test_what_nothing_allows_has_the_form_that_aws_publishes(node):
    alice = node.user("alice", allow("iam:ListUsers"))
    user_id = node.client("iam").get_user(UserName="alice")["User"]["UserId"]
    message = decoded(node, denied(node.client("iam", alice).list_roles))
    assert message["allowed"] is False
    assert message["explicitDeny"] is False
    assert message["matchedStatements"] == {"items": []}
    assert message["failures"] == {"items": []}
    context = message["context"]
    assert context["principal"] == {
        "id": user_id,
        "name": "alice",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    }
    assert context["action"] == "iam:ListRoles"
    assert context["resource"] == f"arn:aws:iam::{ACCOUNT}:role/"
    found = conditions(context["conditions"])
    assert found["aws:username"] == ["alice"]
    assert found["aws:sourceip"] == ["127.0.0.1"]
    assert "no identity-based policy allows iam:ListRoles" in message["explanation"]


def test_an_explicit_deny_comes_with_its_statement(node):
    statement = {
        "Sid": "OnlyWithTeam",
        "Effect": "Deny",
        "Action": ["iam:CreateUser", "iam:DeleteUser"],
        "Resource": f"arn:aws:iam::{ACCOUNT}:user/*",
        "Condition": {"StringNotEquals": {"aws:RequestTag/Team": ["a", "b"]}},
    }
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything, statement]})
    alice = node.user("alice", policy)
    given = {"UserName": "bob", "Tags": [{"Key": "Team", "Value": "c"}]}
    message = decoded(node, denied(node.client("iam", alice).create_user, **given))
    assert message["explicitDeny"] is True
    by_effect = {each["effect"]: each for each in message["matchedStatements"]["items"]}
    found = by_effect["DENY"]
    assert found["statementId"] == "OnlyWithTeam"
    assert found["policy"] == "inline"
    assert values(found["actions"]) == ["iam:CreateUser", "iam:DeleteUser"]
    assert values(found["resources"]) == [f"arn:aws:iam::{ACCOUNT}:user/*"]
    assert conditions(found["conditions"]) == {"aws:RequestTag/Team": ["a", "b"]}
    assert found["principalGroups"] == {"items": []}
    assert values(by_effect["ALLOW"]["actions"]) == ["*"]
    assert conditions(message["context"]["conditions"])["aws:requesttag/team"] == ["c"]


def test_the_principal_of_a_session_is_its_id_without_a_name(node):
    alice = node.user("alice")
    role = node.role("reader", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}))
    role_id = node.client("iam").get_role(RoleName="reader")["Role"]["RoleId"]
    session = node.assume(alice, role)
    message = decoded(node, denied(node.client("iam", session).list_users))
    assert message["context"]["principal"] == {
        "id": f"{role_id}:session",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/session",
    }


def test_a_role_that_is_not_there_looks_like_one_that_does_not_trust(node):
    alice = node.user("alice", allow("sts:*"))
    closed = node.role("closed", trust({"Service": "lambda.amazonaws.com"}))
    client = node.client("sts", alice)
    texts = set()
    for arn in (closed, f"arn:aws:iam::{ACCOUNT}:role/absent"):
        given = {"RoleArn": arn, "RoleSessionName": "session"}
        message = decoded(node, denied(client.assume_role, **given))
        texts.add(json.dumps(message["matchedStatements"]))
    assert len(texts) == 1


def test_decoding_needs_permission(node):
    message = denied(node.client("iam", node.user("alice")).list_users)
    for policy, allowed in ((None, False), (allow("sts:DecodeAuthorizationMessage"), True)):
        client = node.client("sts", node.user(f"user-{allowed}", policy))
        if allowed:
            assert client.decode_authorization_message(EncodedMessage=message)
        else:
            code, _, text = refusal(client.decode_authorization_message, EncodedMessage=message)
            assert code == "AccessDenied"
            assert "sts:DecodeAuthorizationMessage on resource: *" in text


def test_who_was_denied_reads_nothing_from_it(node):
    message = denied(node.client("iam", node.user("alice")).list_users)
    raw = base64.urlsafe_b64decode(message + "=" * (-len(message) % 4))
    for secret in (b"alice", b"ListUsers", b"127.0.0.1", ACCOUNT.encode()):
        assert secret not in raw


def test_a_message_that_is_not_ours_is_not_valid(node):
    alice = node.user("alice")
    message = denied(node.client("iam", alice).list_users)
    token = node.client("sts", alice).get_session_token()["Credentials"]["SessionToken"]
    call = node.client("sts").decode_authorization_message
    flipped = ("A" if message[40] != "A" else "B").join((message[:40], message[41:]))
    for other in ("x", "x" * 10240, message[:-4], message + "AAAA", flipped, token, "é" * 20, "\n"):
        assert refusal(call, EncodedMessage=other) == INVALID


@pytest.mark.parametrize("message", ["", "x" * 10241])
def test_a_message_of_another_length_fails_validation(node, message):
    call = node.client("sts").decode_authorization_message
    code, status, text = refusal(call, EncodedMessage=message)
    assert (code, status) == ("ValidationError", 400)
    assert "'encodedMessage'" in text


def test_a_message_expires_with_the_longest_session(node):
    message = denied(node.client("iam", node.user("alice")).list_users)
    node.now += 36 * 3600 - 1
    assert decoded(node, message)
    node.now += 1
    assert (
        refusal(node.client("sts").decode_authorization_message, EncodedMessage=message) == INVALID
    )


def test_a_session_token_is_no_message_and_a_message_is_no_session_token(node):
    alice = node.user("alice")
    session = session_credentials(node.client("sts", alice).get_session_token())
    message = denied(node.client("iam", alice).list_users)
    forged = {**session, "aws_session_token": message}
    assert refusal(node.client("sts", forged).get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_large_context_is_left_out_rather_than_too_long(node):
    import secrets

    actions = ["sts:AssumeRole", "sts:TagSession"]
    alice = node.user("alice")
    role = node.role("reader", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, Action=actions))
    tags = [{"Key": f"key{i}", "Value": secrets.token_hex(100)} for i in range(23)]
    session = node.assume(alice, role, Tags=tags)
    encoded = denied(node.client("iam", session).list_users)
    assert len(encoded) <= 4096
    message = decoded(node, encoded)
    assert message["context"]["conditions"] == {"items": []}
    assert message["context"]["action"] == "iam:ListUsers"
