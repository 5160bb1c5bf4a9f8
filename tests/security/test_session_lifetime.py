"""Attacks that try to keep, widen or inherit a session's rights."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from daypass.store.sessions import revoke_session
from daypass.tokens import Ancestor, TokenTooLargeError, new_accessor, new_unique_id
from tests.local_node import ACCOUNT, LocalNode, allow, local_node, session_credentials, trust

ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def code_of(call: Any, **given: Any) -> str:
    """The code of the refusal, "" if there is none."""
    try:
        call(**given)
    except ClientError as error:
        refused = error.response
    else:
        return ""
    assert 400 <= refused["ResponseMetadata"]["HTTPStatusCode"] < 500
    return str(refused["Error"]["Code"])


# -- the subject goes or changes while sessions live -------------------------------------------


def test_session_of_a_deleted_role_dies_with_it_and_stays_dead_when_it_is_made_again(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    session = node.assume(alice, node.role("reader", trust(ACCOUNT_ITSELF)))
    who = node.client("sts", session).get_caller_identity
    assert code_of(who) == ""
    node.client("iam").delete_role(RoleName="reader")
    assert code_of(who) == "InvalidClientTokenId"
    node.role("reader", trust(ACCOUNT_ITSELF), allow("*"))
    assert code_of(who) == "InvalidClientTokenId"


def test_session_of_a_deleted_user_dies_with_him(node):
    alice = node.user("alice")
    session = session_credentials(node.client("sts", alice).get_session_token())
    client = node.client("iam")
    client.delete_access_key(UserName="alice", AccessKeyId=alice["aws_access_key_id"])
    client.delete_user(UserName="alice")
    node.user("alice", allow("*"))
    assert code_of(node.client("sts", session).get_caller_identity) == "InvalidClientTokenId"


def test_permission_taken_from_a_role_is_gone_at_the_next_request(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust(ACCOUNT_ITSELF), allow("iam:ListUsers"))
    listing = node.client("iam", node.assume(alice, role)).list_users
    assert code_of(listing) == ""
    node.client("iam").delete_role_policy(RoleName="reader", PolicyName="inline")
    assert code_of(listing) == "AccessDenied"


def test_permission_taken_from_a_managed_session_policy_is_gone_at_the_next_request(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust(ACCOUNT_ITSELF), allow("iam:*"))
    policy = node.client("iam").create_policy(
        PolicyName="narrow", PolicyDocument=allow("iam:ListUsers")
    )["Policy"]["Arn"]
    listing = node.client("iam", node.assume(alice, role, PolicyArns=[{"arn": policy}])).list_users
    assert code_of(listing) == ""
    node.client("iam").delete_policy(PolicyArn=policy)
    assert code_of(listing) == "AccessDenied"


def test_role_that_is_trusted_no_more_cannot_be_assumed_again(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    assume = node.client("sts", alice).assume_role
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert code_of(assume, **given) == ""
    node.client("iam").update_assume_role_policy(
        RoleName="reader", PolicyDocument=trust({"Service": "lambda.amazonaws.com"})
    )
    assert code_of(assume, **given) == "AccessDenied"


# -- immortality -------------------------------------------------------------------------------


def test_role_that_assumes_itself_for_ever_ends_with_its_first_session(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role(
        "loop", trust(ACCOUNT_ITSELF), allow("sts:AssumeRole"), MaxSessionDuration=43200
    )
    first = current = node.assume(alice, role, DurationSeconds=43200)
    for _ in range(5):
        assert (
            code_of(
                node.client("sts", current).assume_role,
                RoleArn=role,
                RoleSessionName="session",
                DurationSeconds=43200,
            )
            == "ValidationError"
        )
        node.now += 1800
        current = node.assume(current, role)
    accessor = node.node.keys.open(first["aws_session_token"]).accessor
    node.store.write_now(lambda transaction: revoke_session(transaction, accessor, node.now))
    assert code_of(node.client("sts", current).get_caller_identity) == "InvalidClientTokenId"


def test_chain_cannot_grow_out_of_reach_of_a_revocation(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("loop", trust(ACCOUNT_ITSELF), allow("sts:AssumeRole"))
    current, opened = node.assume(alice, role), node.node.keys.open
    for links in range(2, 12):
        parent = opened(current["aws_session_token"])
        current = node.assume(current, role)
        session = opened(current["aws_session_token"])
        assert len(session.parents) == links
        assert session.parents[1:] == parent.parents
    ancestors = tuple(
        Ancestor(new_accessor(f"{number:020}"), new_unique_id("AROA"), node.now)
        for number in range(200)
    )
    with pytest.raises(TokenTooLargeError):
        node.node.keys.seal(replace(session, parents=ancestors))


# -- session policies --------------------------------------------------------------------------


def test_narrowed_session_cannot_take_its_role_again_without_the_policy(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("admin", trust(ACCOUNT_ITSELF), allow("*"))
    node.client("iam").update_assume_role_policy(
        RoleName="admin", PolicyDocument=trust({"AWS": [ACCOUNT, role]})
    )
    narrow = node.assume(alice, role, Policy=allow("iam:ListUsers"))
    assert code_of(node.client("iam", narrow).list_users) == ""
    client = node.client("sts", narrow)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert code_of(client.assume_role, **given) == "AccessDenied"
    assert code_of(client.assume_role, Policy=allow("*"), **given) == "AccessDenied"
    assert code_of(node.client("iam", narrow).create_access_key, UserName="alice") == (
        "AccessDenied"
    )


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
VALID = {"Version": "2012-10-17", "Statement": [STATEMENT]}


@pytest.mark.parametrize(
    "policy",
    [
        "null",
        "{}",
        "[]",
        '""',
        "true",
        "not json",
        "{",
        " ",
        '{"Version":"2012-10-17"}',
        '{"Version":"2012-10-17","Statement":null}',
        json.dumps({**VALID, "Version": "2011-01-01"}),
        json.dumps({**VALID, "Unknown": 1}),
        json.dumps({**VALID, "Statement": [{**STATEMENT, "Unknown": 1}]}),
        json.dumps({**VALID, "Statement": [{**STATEMENT, "Effect": "allow"}]}),
        json.dumps({**VALID, "Statement": [{**STATEMENT, "Principal": "*"}]}),
        json.dumps({**VALID, "Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]}),
        '{"Version":"2012-10-17","Statement":[],"Statement":[{"Effect":"Allow","Action":"*",'
        '"Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*",'
        '"Resource":"*"}]}',
        "[" * 1000 + "]" * 1000,
        '{"Version":' + '{"a":' * 300 + "1" + "}" * 301,
        json.dumps(VALID) + " " * 2048,
        json.dumps(VALID) + json.dumps(VALID),
        "\ufeff" + json.dumps(VALID),
        json.dumps({**VALID, "Statement": [STATEMENT] * 60}),
    ],
)
def test_session_policy_that_is_none_gets_no_session(node, policy):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust(ACCOUNT_ITSELF), allow("*"))
    code = code_of(
        node.client("sts", alice).assume_role,
        RoleArn=role,
        RoleSessionName="session",
        Policy=policy,
    )
    assert code in {"MalformedPolicyDocument", "ValidationError"}


# -- names -------------------------------------------------------------------------------------

NOT_VALID = {"ValidationError", "MalformedInput"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "a" * 65,
        "a/b",
        "../../x",
        "a*",
        "a?",
        "${aws:username}",
        "a b",
        "a\n",
        "\nab",
        "a\x00b",
        "<b>",
        "a:b",
        "añb",
        "٣٣",
    ],
)
def test_session_name_with_anything_else_than_aws_allows_is_refused(node, name):
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": name}
    assert code_of(client.assume_role, **given) in NOT_VALID
    given = {"RoleArn": role, "RoleSessionName": "session", "SourceIdentity": name}
    if len(name) != 65:  # the model has 256 as the longest source identity
        assert code_of(client.assume_role, **given) in NOT_VALID


@pytest.mark.parametrize("text", ["a*", "a?", "${aws:username}", "a<b", "a\x00", "a" * 257])
def test_tag_value_with_anything_else_than_aws_allows_is_refused(node, text):
    alice = node.user("alice", allow(["sts:AssumeRole", "sts:TagSession"]))
    role = node.role("reader", trust(ACCOUNT_ITSELF, Action=["sts:AssumeRole", "sts:TagSession"]))
    code = code_of(
        node.client("sts", alice).assume_role,
        RoleArn=role,
        RoleSessionName="session",
        Tags=[{"Key": "Team", "Value": text}],
    )
    assert code in NOT_VALID


def test_session_named_like_a_user_is_not_that_user(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    resource = f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"
    role = node.role("self-service", trust(ACCOUNT_ITSELF), allow("iam:GetUser", resource))
    session = node.assume(alice, role, RoleSessionName="alice")
    assert code_of(node.client("iam", session).get_user, UserName="alice") == "AccessDenied"
