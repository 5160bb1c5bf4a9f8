"""RevokeSessions: Daypass's own operation, called by plain SigV4."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local_node import (
    ACCOUNT,
    REGION,
    LocalNode,
    allow,
    local_node,
    session_credentials,
    trust,
)

ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
PATH = "/_daypass/sessions/revoke"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def revoke(
    node: LocalNode, body: Any, credentials: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Sign and send; moves the clock on, as time passes between requests."""
    node.now += 0.001
    given = credentials or node.root
    request = AWSRequest(
        "POST",
        node.node.endpoint_url + PATH,
        {"Content-Type": "application/json"},
        body if isinstance(body, bytes) else json.dumps(body).encode(),
    )
    SigV4Auth(
        Credentials(
            given["aws_access_key_id"],
            given["aws_secret_access_key"],
            given.get("aws_session_token"),
        ),
        "daypass",
        REGION,
    ).add_auth(request)
    answer = node._send(request.prepare())
    node.now += 0.001
    return answer.status_code, json.loads(answer.content)


def alive(node: LocalNode, credentials: dict[str, str]) -> bool:
    try:
        node.client("sts", credentials).get_caller_identity()
    except ClientError as error:
        refused = error.response
    else:
        return True
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused["Error"]["Code"] == "InvalidClientTokenId"
    return False


def accessor_of(node: LocalNode, credentials: dict[str, str]) -> str:
    return node.node.keys.open(credentials["aws_session_token"]).accessor


@pytest.fixture
def chain(node: LocalNode) -> list[dict[str, str]]:
    """A user, a session of the role "first" he assumed, and one of "second" that it assumed."""
    alice = node.user("alice", allow("sts:AssumeRole"))
    first = node.role("first", trust(ACCOUNT_ITSELF), allow("sts:AssumeRole"))
    second = node.role("second", trust(ACCOUNT_ITSELF))
    parent = node.assume(alice, first)
    return [alice, parent, node.assume(parent, second)]


def test_session_is_revoked_by_accessor_with_what_descends_from_it(node, chain):
    alice, parent, child = chain
    accessor = accessor_of(node, parent)
    status, answer = revoke(node, {"Accessor": accessor})
    assert status == 200
    assert answer["Revoked"]["Kind"] == "session"
    assert answer["Revoked"]["Target"] == accessor
    assert answer["Revoked"]["Before"] == pytest.approx(node.now, abs=1)
    assert [alive(node, one) for one in (alice, parent, child)] == [True, False, False]


def test_child_alone_is_revoked(node, chain):
    alice, parent, child = chain
    assert revoke(node, {"Accessor": accessor_of(node, child)})[0] == 200
    assert [alive(node, one) for one in (alice, parent, child)] == [True, True, False]


def test_session_is_revoked_by_its_access_key_id(node, chain):
    alice, parent, child = chain
    assert revoke(node, {"AccessKeyId": parent["aws_access_key_id"]})[0] == 200
    assert [alive(node, one) for one in (alice, parent, child)] == [True, False, False]


def test_sessions_of_a_long_term_key_are_revoked_and_it_can_make_new_ones(node, chain):
    alice, parent, child = chain
    assert revoke(node, {"AccessKeyId": alice["aws_access_key_id"]})[0] == 200
    assert [alive(node, one) for one in (alice, parent, child)] == [True, False, False]
    assert alive(node, node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first"))


def test_sessions_of_a_role_are_revoked_until_now(node, chain):
    alice, parent, child = chain
    status, answer = revoke(node, {"RoleName": "first"})
    assert (status, answer["Revoked"]["Kind"], answer["Revoked"]["Target"]) == (
        200,
        "role",
        "first",
    )
    assert [alive(node, one) for one in (alice, parent, child)] == [True, False, False]
    again = node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first")
    assert alive(node, again)


def test_sessions_of_a_user_are_revoked_with_the_roles_he_assumed(node, chain):
    alice, parent, child = chain
    own = session_credentials(node.client("sts", alice).get_session_token())
    assert revoke(node, {"UserName": "alice"})[0] == 200
    assert [alive(node, one) for one in (alice, own, parent, child)] == [True, False, False, False]


def test_sessions_issued_until_a_second_are_revoked(node, chain):
    alice, parent, _ = chain
    until = int(node.now)
    node.now += 10
    later = node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first")
    assert revoke(node, {"RoleName": "first", "Before": until})[0] == 200
    assert [alive(node, one) for one in (parent, later)] == [False, True]


def test_all_sessions_are_revoked(node, chain):
    alice, parent, child = chain
    status, answer = revoke(node, {"Before": int(node.now)})
    assert (status, answer["Revoked"]["Kind"]) == (200, "all")
    assert "Target" not in answer["Revoked"]
    assert [alive(node, one) for one in (alice, parent, child)] == [True, False, False]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Nothing says what to revoke"),
        ({"RoleName": "first", "UserName": "alice"}, "More than one"),
        ({"Accessor": "abcdefgh23456722", "Before": 1_700_000_000}, "Before goes with"),
        ({"RoleName": "first", "Before": 1_900_000_000}, "not a time in the past"),
        ({"Before": 0}, "not a time in the past"),
        ({"Before": -1}, "not a time in the past"),
        ({"Before": "yesterday"}, ""),
        ({"Accessor": "short"}, ""),
        ({"Accessor": ["abcdefgh23456722"]}, ""),
        ({"RoleName": 7}, ""),
        (b"{", ""),
        (b"[]", ""),
        (b'{"Before": 1e400}', ""),
    ],
)
def test_unclear_request_is_refused_and_revokes_nothing(node, chain, body, says):
    status, answer = revoke(node, body)
    assert status == 400
    assert says in (answer.get("message") or answer.get("Message") or "")
    assert all(alive(node, one) for one in chain)


def test_unknown_role_or_user_is_not_found(node):
    for body in ({"RoleName": "absent"}, {"UserName": "absent"}):
        assert revoke(node, body)[0] == 404


def test_revoking_needs_its_own_permission(node, chain):
    alice, parent, child = chain
    status, answer = revoke(node, {"RoleName": "first"}, alice)
    assert status == 403
    assert "daypass:RevokeSessions" in str(answer)
    assert alive(node, child)
    arn = f"arn:aws:daypass:{REGION}:{ACCOUNT}:sessions/role/first"
    keeper = node.user("keeper", allow("daypass:RevokeSessions", arn))
    assert revoke(node, {"RoleName": "second"}, keeper)[0] == 403
    assert revoke(node, {"Before": int(node.now)}, keeper)[0] == 403
    assert revoke(node, {"RoleName": "first"}, keeper)[0] == 200
    assert not alive(node, parent)
