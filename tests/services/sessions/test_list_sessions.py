"""ListSessions and GetSession: what was issued, by whom it came to be, and whether it lives."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from daypass.gateway.issue import issue_session
from daypass.services.sessions.upkeep import follow_trail
from daypass.store.issued import count_issued, drop_ended
from daypass.store.sessions import revoke_session
from daypass.tokens import SessionKind
from tests.local_node import (
    ACCOUNT,
    REGION,
    LocalNode,
    allow,
    credentials_of,
    local_node,
    session_credentials,
    trust,
)

ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
TAGGED = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def ask(
    node: LocalNode, path: str = "", credentials: dict[str, str] | None = None, **query: Any
) -> tuple[int, dict[str, Any]]:
    given = credentials or node.root
    url = f"{node.node.endpoint_url}/_daypass/sessions{path}"
    request = AWSRequest("GET", f"{url}?{urlencode(query)}" if query else url)
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
    return answer.status_code, json.loads(answer.content)


def listed(node: LocalNode, **query: Any) -> list[dict[str, Any]]:
    status, answer = ask(node, **query)
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["Sessions"]
    return found


def accessor_of(node: LocalNode, credentials: dict[str, str]) -> str:
    return node.node.keys.open(credentials["aws_session_token"]).accessor


@pytest.fixture
def chain(node: LocalNode) -> list[dict[str, str]]:
    """A user, a session of the role "first" he assumed, and one of "second" that it assumed."""
    alice = node.user("alice", allow("sts:*"))
    first = node.role("first", trust(ACCOUNT_ITSELF, Action=TAGGED), allow("sts:*"))
    second = node.role("second", trust(ACCOUNT_ITSELF, Action=TAGGED))
    parent = node.assume(
        alice,
        first,
        Tags=[{"Key": "Team", "Value": "blue"}],
        TransitiveTagKeys=["Team"],
        SourceIdentity="alice-herself",
    )
    node.now += 1
    return [alice, parent, node.assume(parent, second, RoleSessionName="deeper")]


def test_issued_session_is_listed_with_all_it_is(node, chain):
    _, parent, child = chain
    shown = {one["Accessor"]: one for one in listed(node)}
    assert list(shown) == [accessor_of(node, child), accessor_of(node, parent)]
    one = shown[accessor_of(node, child)]
    role_id = node.client("iam").get_role(RoleName="second")["Role"]["RoleId"]
    assert one["AccessKeyId"] == child["aws_access_key_id"]
    assert one["Kind"] == "assumed-role"
    assert one["SubjectId"] == role_id
    assert (one["SubjectName"], one["SessionName"]) == ("second", "deeper")
    assert one["Parent"] == accessor_of(node, parent)
    assert one["Ancestors"][0] == accessor_of(node, parent)
    assert one["SourceIdentity"] == "alice-herself"
    assert one["Tags"] == {"Team": "blue"}
    assert one["TransitiveTagKeys"] == ["Team"]
    assert one["MfaAuthenticated"] is False
    assert one["Issued"] == pytest.approx(node.now, abs=1)
    assert one["Expires"] == int(node.now) + 3600
    assert one["State"] == "live"
    assert "LastUsed" not in one


def test_no_answer_has_a_secret_or_a_token(node, chain):
    text = json.dumps(listed(node))
    for credentials in chain:
        assert credentials["aws_secret_access_key"] not in text
        assert credentials.get("aws_session_token", "no token") not in text


def test_last_use_is_shown_with_its_address(node, chain):
    _, parent, _ = chain
    node.now += 60
    node.client("sts", parent).get_caller_identity()
    _, answer = ask(node, f"/{accessor_of(node, parent)}")
    assert answer["Session"]["LastUsed"] == pytest.approx(node.now, abs=0.01)
    assert answer["Session"]["LastAddress"] == "127.0.0.1"


def test_sessions_of_a_role_a_user_and_a_parent_are_chosen(node, chain):
    _, parent, child = chain
    bob = node.user("bob", allow("sts:*"))
    own = session_credentials(node.client("sts", bob).get_session_token())
    of = [accessor_of(node, one) for one in (parent, child)]
    assert [one["Accessor"] for one in listed(node, RoleName="first")] == of[:1]
    assert [one["Accessor"] for one in listed(node, UserName="alice")] == of[::-1]
    assert [one["Accessor"] for one in listed(node, UserName="bob")] == [accessor_of(node, own)]
    assert [one["Accessor"] for one in listed(node, Parent=of[0])] == of[1:]
    found = listed(node, AccessKeyId=child["aws_access_key_id"])
    assert [one["Accessor"] for one in found] == of[1:]
    assert listed(node, RoleName="nobody") == []
    assert ask(node, UserName="nobody")[0] == 404


def test_revoked_sessions_are_shown_when_asked_for(node, chain):
    _, parent, child = chain
    revoked = accessor_of(node, parent)
    node.store.write_now(lambda transaction: revoke_session(transaction, revoked, node.now))
    assert listed(node) == []
    shown = listed(node, IncludeRevoked="true")
    assert {one["State"] for one in shown} == {"revoked"}
    assert len(shown) == 2
    _, answer = ask(node, f"/{accessor_of(node, child)}")
    assert answer["Session"]["State"] == "revoked"


def test_sessions_of_a_deleted_role_do_not_live(node, chain):
    node.client("iam").delete_role(RoleName="second")
    assert [one["SubjectName"] for one in listed(node)] == ["first"]


def test_expired_sessions_are_not_listed_and_then_forgotten(node, chain):
    _, parent, _ = chain
    assert len(listed(node)) == 2
    node.now += 3601
    assert listed(node, IncludeRevoked="true") == []
    node.store.write_now(lambda transaction: drop_ended(transaction, node.now))
    assert count_issued(node.store.reader) == (0, 0)
    assert ask(node, f"/{accessor_of(node, parent)}")[0] == 404


def test_pages_show_each_session_once(node, chain):
    alice = chain[0]
    for _ in range(7):
        node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first")
    seen, token = [], {}
    for _ in range(20):
        _, answer = ask(node, MaxItems=2, **token)
        assert len(answer["Sessions"]) <= 2
        seen += [one["Accessor"] for one in answer["Sessions"]]
        if "NextToken" not in answer:
            break
        # What is issued between two pages moves nothing.
        node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first")
        token = {"NextToken": answer["NextToken"]}
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize(
    "query",
    [
        {"MaxItems": 0},
        {"MaxItems": 1001},
        {"MaxItems": "many"},
        {"NextToken": "x"},
        {"NextToken": "9" * 30},
        {"RoleName": "first", "UserName": "alice"},
        {"Parent": "short"},
        {"RoleName": "a/b"},
    ],
)
def test_unclear_request_is_refused(node, query):
    assert ask(node, **query)[0] == 400


def test_seeing_sessions_needs_permission(node, chain):
    alice, parent, _ = chain
    path = f"/{accessor_of(node, parent)}"
    assert ask(node, credentials=alice)[0] == 403
    assert ask(node, path, credentials=alice)[0] == 403
    arn = f"arn:aws:daypass:{REGION}:{ACCOUNT}:sessions"
    keeper = node.user("keeper", allow("daypass:ListSessions", f"{arn}/role/first"))
    assert ask(node, credentials=keeper)[0] == 403
    assert ask(node, credentials=keeper, RoleName="second")[0] == 403
    assert ask(node, credentials=keeper, RoleName="first")[0] == 200
    assert ask(node, path, credentials=keeper)[0] == 403
    reader = node.user("reader", allow("daypass:GetSession", f"{arn}/session/*"))
    assert ask(node, path, credentials=reader)[0] == 200


def test_list_follows_the_trail_of_another_process_and_from_where_it_was(node, chain, tmp_path):
    asyncio.run(follow_trail(node.node))
    before = count_issued(node.store.reader)
    asyncio.run(follow_trail(node.node))
    assert count_issued(node.store.reader) == before == (2, 0)


def test_too_many_sessions_drop_the_oldest_and_say_how_many(node, chain):
    alice = chain[0]
    for _ in range(4):
        node.assume(alice, f"arn:aws:iam::{ACCOUNT}:role/first")
    newest = [one["Accessor"] for one in listed(node)][:3]
    node.store.write_now(lambda transaction: drop_ended(transaction, node.now, most=3))
    assert [one["Accessor"] for one in listed(node)] == newest
    assert count_issued(node.store.reader) == (3, 3)


def test_sessions_of_functions_and_what_began_with_them_administer_nothing(node: LocalNode) -> None:
    second = node.role("second", trust(ACCOUNT_ITSELF), allow("*"))
    iam = node.client("iam")
    trusting = trust({"Service": "lambda.amazonaws.com"})
    role = iam.create_role(RoleName="runs", AssumeRolePolicyDocument=trusting)["Role"]
    iam.put_role_policy(RoleName="runs", PolicyName="all", PolicyDocument=allow("*"))
    own = credentials_of(
        issue_session(
            node.node,
            kind=SessionKind.ASSUMED_ROLE,
            subject_id=role["RoleId"],
            subject_name="runs",
            session_name="function",
            duration=3600,
            now=node.now,
        )
    )
    for credentials in (own, node.assume(own, second)):
        status, answer = ask(node, credentials=credentials)
        assert (status, "not for functions" in str(answer)) == (403, True)
    human = node.assume(node.user("alice", allow("*")), second)
    assert ask(node, credentials=human)[0] == 200
