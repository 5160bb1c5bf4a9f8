"""What one principal and one address may have, seen by real clients and by the clock."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from daypass.gateway.limit_settings import LimitSettings
from daypass.gateway.limits import Limits, TokenBuckets
from daypass.gateway.respond import Gateway
from daypass.store.issued import count_expiring
from tests.local_node import ACCOUNT, LocalNode, allow, local_node, session_credentials, trust

OPEN = LimitSettings(0, 0, 0)


class Ticks:
    """The clock of the limits, which rises as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def limit(node: LocalNode, settings: LimitSettings) -> Ticks:
    """Set the node's limits; their clock."""
    ticks = Ticks()
    node.node = replace(node.node, limits=Limits(settings, ticks))
    node.gateway = Gateway(node.node, node.gateway.services, explain=True)
    return ticks


def refused(call: Any, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    error = answer["Error"]
    return error["Code"], error["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def shown(node: LocalNode) -> dict[str, Any]:
    """What GetLimits answers."""
    request = AWSRequest("GET", f"{node.node.endpoint_url}/_daypass/limits")
    root = Credentials(node.root["aws_access_key_id"], node.root["aws_secret_access_key"])
    SigV4Auth(root, "daypass", node.node.region).add_auth(request)
    answer = node.send(
        "GET", "/_daypass/limits", "", [("host", "127.0.0.1:9311"), *request.headers.items()]
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_a_principal_is_issued_so_many_sessions_a_second(node):
    ticks = limit(node, LimitSettings(2, 0, 0))
    alice, bob = (node.client("sts", node.user(name)) for name in ("alice", "bob"))
    for _ in range(4):
        alice.get_session_token()
    code, message, status = refused(alice.get_session_token)
    assert (code, status) == ("Throttling", 400)
    assert message.startswith("Rate exceeded: 2 sessions a second")
    # Another principal, and what issues nothing, go on.
    bob.get_session_token()
    alice.get_caller_identity()
    ticks.now += 0.5
    alice.get_session_token()
    assert refused(alice.get_session_token)[0] == "Throttling"
    assert shown(node)["Throttled"]["PrincipalRate"] == 2


def test_roles_in_a_chain_count_for_the_one_it_began_with(node):
    limit(node, LimitSettings(2, 0, 0))
    alice = node.user("alice", allow("*"))
    role = node.role("role", trust({"AWS": ACCOUNT}), allow("*"))
    session = node.assume(alice, role)
    for _ in range(3):
        session = node.assume(session, role)
    code, _, _ = refused(
        node.client("sts", session).assume_role, RoleArn=role, RoleSessionName="session"
    )
    assert code == "Throttling"


def test_an_address_is_issued_so_many_sessions_a_second(node):
    limit(node, LimitSettings(0, 2, 0))
    for name in ("alice", "bob"):
        client = node.client("sts", node.user(name))
        for _ in range(2):
            client.get_session_token()
    message = refused(node.client("sts", node.user("carol")).get_session_token)[1]
    assert "to one address" in message


def test_addresses_of_one_ipv6_network_are_one():
    ticks = Ticks()
    limits = Limits(LimitSettings(0, 1, 0), ticks)
    caller: Any = type("Caller", (), {"external": None, "session": None})()
    caller.principal = type("Principal", (), {"unique_id": "AIDA"})()
    for address in ("2001:db8::1", "2001:db8::2"):
        limits.admit(caller, address, 0, lambda _: ())
    limits.admit(caller, "2001:db8:0:1::1", 0, lambda _: ())
    with pytest.raises(Exception, match="to one address"):
        limits.admit(caller, "2001:db8::3", 0, lambda _: ())


def test_a_principal_has_so_many_live_sessions(node):
    limit(node, LimitSettings(0, 0, 2))
    alice = node.client("sts", node.user("alice"))
    alice.get_session_token(DurationSeconds=900)
    alice.get_session_token(DurationSeconds=3600)
    code, message, _ = refused(alice.get_session_token)
    assert code == "Throttling"
    assert "2 sessions of one principal live at most" in message
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert {"Arn": arn, "Sessions": 2}.items() <= shown(node)["Principals"][0].items()
    node.now += 960
    alice.get_session_token()
    assert refused(alice.get_session_token)[0] == "Throttling"


def test_live_sessions_are_counted_again_after_a_restart(node):
    limit(node, OPEN)
    alice = node.user("alice")
    for duration in (900, 900, 3600):
        node.client("sts", alice).get_session_token(DurationSeconds=duration)
    # A page of the list brings it up to the end of the trail.
    listed(node)
    user_id = node.client("iam").get_user(UserName="alice")["User"]["UserId"]
    expiring = dict(count_expiring(node.store.reader, user_id, node.now))
    assert sorted(expiring.values()) == [1, 2]
    limit(node, LimitSettings(0, 0, 3))
    assert refused(node.client("sts", alice).get_session_token)[0] == "Throttling"


def listed(node: LocalNode) -> None:
    request = AWSRequest("GET", f"{node.node.endpoint_url}/_daypass/sessions")
    root = Credentials(node.root["aws_access_key_id"], node.root["aws_secret_access_key"])
    SigV4Auth(root, "daypass", node.node.region).add_auth(request)
    fields = [("host", "127.0.0.1:9311"), *request.headers.items()]
    assert node.send("GET", "/_daypass/sessions", "", fields).status_code == 200


def test_zero_is_no_limit(node):
    limit(node, OPEN)
    client = node.client("sts", node.user("alice"))
    for _ in range(50):
        client.get_session_token()
    assert not any(shown(node)["Throttled"].values())


def test_sessions_narrowed_from_another_count_too(node):
    limit(node, LimitSettings(0, 0, 2))
    alice = node.user("alice", allow("sts:*"))
    session = session_credentials(node.client("sts", alice).get_session_token())
    client = node.client("sts", session)
    client.get_scoped_credentials(DurationSeconds=60)
    assert refused(client.get_scoped_credentials, DurationSeconds=60)[0] == "Throttling"


def test_what_is_counted_is_bounded():
    buckets = TokenBuckets(1, 1.0, kept=2)
    assert [buckets.take(key, 0) for key in ("a", "b", "a", "c")] == [True, True, False, True]
    # "b" was asked for longest ago, and is forgotten with its count; "a" is not.
    assert buckets.take("a", 0) is False
    assert buckets.take("b", 0) is True


def test_limits_are_shown_to_whom_policies_let_see_them(node, caplog):
    caplog.set_level(logging.WARNING)
    found = shown(node)
    assert (found["PrincipalRate"], found["AddressRate"]) == (600, 1200)
    assert found["LiveSessions"] == 100_000
    assert found["LockedOut"] == []
    assert found["AuditEventsLost"] == 0
