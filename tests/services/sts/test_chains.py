"""Chains of five roles, seen through policies that depend on what each link is."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import (
    ACCOUNT,
    Credentials,
    LocalNode,
    allow,
    local_node,
    session_credentials,
)

NAMES = ("one", "two", "three", "four", "five")
ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/chain/{name}"


def session_arn(name: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/to-{name}"


def trust(principal: str, conditions: dict[str, dict[str, Any]]) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ACTIONS,
        "Condition": conditions,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_id(node: LocalNode, name: str) -> str:
    return str(node.client("iam").get_role(RoleName=name)["Role"]["RoleId"])


def make_chain(node: LocalNode) -> Credentials:
    """Five roles, each trusting the session of the one before, and alice, whom the first trusts.

    Each link's conditions name all that the one before must have brought.
    """
    alice = node.user("alice")
    node.client("iam").tag_user(UserName="alice", Tags=[{"Key": "Desk", "Value": "7"}])
    first = trust(
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        {
            "StringEquals": {
                "aws:username": "alice",
                "aws:PrincipalTag/Desk": "7",
                "aws:RequestTag/Project": "Blue",
                "sts:SourceIdentity": "alice",
                "sts:RoleSessionName": "to-one",
            },
            "Null": {"aws:SourceIdentity": "true"},
        },
    )
    node.role("one", first, allow(ACTIONS), Path="/chain/")
    for before, name in itertools.pairwise(NAMES):
        document = trust(
            session_arn(before),
            {
                "StringEquals": {
                    "aws:userid": f"{role_id(node, before)}:to-{before}",
                    "aws:PrincipalArn": arn(before),
                    "aws:PrincipalType": "AssumedRole",
                    "aws:SourceIdentity": "alice",
                    "sts:SourceIdentity": "alice",
                    "aws:PrincipalTag/Project": "Blue",
                    "aws:RequestTag/Project": "Blue",
                },
                "ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "Project"},
                "Null": {
                    "aws:username": "true",
                    # Alice's own tags are not the session's.
                    "aws:PrincipalTag/Desk": "true",
                },
            },
        )
        node.role(name, document, allow(ACTIONS), Path="/chain/")
    return alice


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def walk(node: LocalNode, credentials: Credentials, **first: Any) -> list[Credentials]:
    """The credentials at each link."""
    given = {
        "SourceIdentity": "alice",
        "Tags": tags(Project="Blue", Note="first"),
        "TransitiveTagKeys": ["Project"],
        **first,
    }
    links = []
    for name in NAMES:
        answer = node.client("sts", credentials).assume_role(
            RoleArn=arn(name), RoleSessionName=f"to-{name}", **given
        )
        assert answer["SourceIdentity"] == "alice"
        assert answer["AssumedRoleUser"]["Arn"] == session_arn(name)
        credentials, given = session_credentials(answer), {}
        links.append(credentials)
    return links


def allowed(node: LocalNode, name: str, credentials: Credentials, **condition: Any) -> bool:
    """Whether the link's role may list users if its policy asks for this condition."""
    node.client("iam").put_role_policy(
        RoleName=name,
        PolicyName="probe",
        PolicyDocument=allow("iam:ListUsers", Condition=condition),
    )
    try:
        node.client("iam", credentials).list_users()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    finally:
        node.client("iam").delete_role_policy(RoleName=name, PolicyName="probe")
    return True


def test_each_link_is_who_it_is_and_brings_what_it_inherited(node):
    links = walk(node, make_chain(node))
    for name, credentials in zip(NAMES, links, strict=True):
        identity = node.client("sts", credentials).get_caller_identity()
        assert identity["Arn"] == session_arn(name)
        assert identity["UserId"] == f"{role_id(node, name)}:to-{name}"
        for key, value in {
            "aws:userid": f"{role_id(node, name)}:to-{name}",
            "aws:PrincipalArn": arn(name),
            "aws:SourceIdentity": "alice",
            "aws:PrincipalTag/Project": "Blue",
            "aws:PrincipalTag/project": "Blue",
        }.items():
            assert allowed(node, name, credentials, StringEquals={key: value}), (name, key)
            assert not allowed(node, name, credentials, StringNotEquals={key: value}), (name, key)
        # What was not made transitive is the first link's alone; nothing is alice's own.
        noted = allowed(node, name, credentials, StringEquals={"aws:PrincipalTag/Note": "first"})
        assert noted == (name == "one")
        for absent in ("aws:username", "aws:PrincipalTag/Desk", "sts:SourceIdentity"):
            assert allowed(node, name, credentials, Null={absent: "true"}), (name, absent)


@pytest.mark.parametrize(
    "first",
    [
        {"SourceIdentity": "bob"},
        {"Tags": tags(Project="Red"), "TransitiveTagKeys": ["Project"]},
        {"Tags": tags(Project="Blue"), "TransitiveTagKeys": []},
    ],
    ids=["another source identity", "another tag", "a tag that is not passed on"],
)
def test_a_chain_that_begins_otherwise_breaks_where_it_is_looked_at(node, first):
    alice = make_chain(node)
    with pytest.raises(ClientError) as refused:
        walk(node, alice, **first)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_no_link_can_be_left_out(node):
    links = walk(node, make_chain(node))
    for place, credentials in enumerate(links):
        for skipped in NAMES[place + 2 :]:
            with pytest.raises(ClientError) as refused:
                node.client("sts", credentials).assume_role(
                    RoleArn=arn(skipped), RoleSessionName=f"to-{skipped}"
                )
            assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_later_link_adds_tags_and_overrides_none(node):
    alice = make_chain(node)
    links = walk(node, alice)
    client = node.client("sts", links[3])
    given = {"RoleArn": arn("five"), "RoleSessionName": "to-five"}
    answer = client.assume_role(Tags=tags(Note="last", Cost="42"), **given)
    five = session_credentials(answer)
    for key, value in {"Project": "Blue", "Note": "last", "Cost": "42"}.items():
        assert allowed(node, "five", five, StringEquals={f"aws:PrincipalTag/{key}": value})
    with pytest.raises(ClientError) as refused:
        client.assume_role(Tags=tags(PROJECT="Red"), **given)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(ClientError) as refused:
        client.assume_role(SourceIdentity="bob", **given)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_no_link_lives_longer_than_an_hour_by_chaining(node):
    alice = make_chain(node)
    for name in NAMES:
        node.client("iam").update_role(RoleName=name, MaxSessionDuration=43200)
    links = walk(node, alice, DurationSeconds=43200)
    with pytest.raises(ClientError) as refused:
        node.client("sts", links[0]).assume_role(
            RoleArn=arn("two"), RoleSessionName="to-two", DurationSeconds=3601
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    node.now += 3600
    assert node.client("sts", links[0]).get_caller_identity()
    for credentials in links[1:]:
        with pytest.raises(ClientError) as refused:
            node.client("sts", credentials).get_caller_identity()
        assert refused.value.response["Error"]["Code"] == "ExpiredToken"


@pytest.mark.parametrize("place", range(5))
def test_revoking_a_link_ends_it_and_all_that_follow(node, place):
    from daypass.store.sessions import revoke_subject

    links = walk(node, make_chain(node))
    subject = role_id(node, NAMES[place])
    node.store.write_now(lambda t: revoke_subject(t, subject, node.now, node.now))
    for number, credentials in enumerate(links):
        client = node.client("sts", credentials)
        if number < place:
            assert client.get_caller_identity()
        else:
            with pytest.raises(ClientError):
                client.get_caller_identity()
