"""What the server finds wrong with a signature that does not match: after a refusal, of its own
key's holder alone, rate-limited, for the log and for callers who may know."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials as BotocoreCredentials

from daypass.gateway import diagnose
from daypass.gateway.diagnose import Diagnoses, TokenBucket
from tests.local_node import REGION, Credentials, LocalNode, allow, local_node, trust

URL = "http://127.0.0.1:9311/"
BODY = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15", "X": "1"}).encode()


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def ask(
    node: LocalNode,
    credentials: Credentials,
    *,
    signed_url: str = URL,
    newline: bytes = b"",
    **changed: str,
) -> AWSResponse:
    """GetCallerIdentity, signed by botocore; what is `changed` is sent in place of the signed."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", signed_url, headers, BODY)
    keys = BotocoreCredentials(
        credentials["aws_access_key_id"],
        credentials["aws_secret_access_key"],
        credentials.get("aws_session_token"),
    )
    SigV4Auth(keys, "sts", REGION).add_auth(request)
    fields = {name.lower(): value for name, value in request.headers.items()}
    fields |= {"host": "127.0.0.1:9311"} | changed
    return node.send("POST", "/", "", list(fields.items()), BODY + newline)


def explanation(answer: AWSResponse) -> str:
    assert answer.status_code == 403
    return unquote(str(answer.headers.get("x-daypass-explanation", "")))


def log_line(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [one for one in caplog.records if one.name == "daypass.requests"]
    return record.getMessage()


def second_key(node: LocalNode, name: str) -> Credentials:
    key = node.client("iam").create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def test_the_mistake_is_named_to_the_log_and_the_caller(
    node: LocalNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daypass.requests")
    answer = ask(node, node.root, signed_url="http://127.0.0.1/")
    assert "signed with another port" in explanation(answer)
    assert "signed with another port" in log_line(caplog)


def test_the_body_that_was_sent_is_compared(node: LocalNode) -> None:
    assert "line break" in explanation(ask(node, node.root, newline=b"\n"))


def test_callers_are_told_nothing_where_the_server_does_not_explain(
    node: LocalNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daypass.requests")
    node.gateway = dataclasses.replace(node.gateway, explain=False)
    answer = ask(node, node.root, signed_url="http://127.0.0.1/")
    assert answer.headers.get("x-daypass-explanation") is None
    assert b"port" not in answer.content
    assert "signed with another port" in log_line(caplog)


def test_only_secrets_of_the_keys_holder_are_tried(node: LocalNode) -> None:
    """Else whoever knows an access key id could find out whose a secret is."""
    alice, bob = node.user("alice"), node.user("bob")
    own = second_key(node, "alice")
    for secret_of, named in ((own, True), (bob, False), (node.root, False)):
        mixed = {**alice, "aws_secret_access_key": secret_of["aws_secret_access_key"]}
        said = explanation(ask(node, mixed))
        assert said.startswith("signature mismatch: ")
        assert ("another" in said and "key" in said) is named, said


def test_sessions_have_no_other_secrets(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:AssumeRole"))
    role = node.role("reader", trust({"AWS": "*"}))
    session = node.assume(alice, role)
    mixed = {**session, "aws_secret_access_key": alice["aws_secret_access_key"]}
    assert "none of the known mistakes" in explanation(ask(node, mixed))


def test_nothing_secret_is_said(node: LocalNode, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    alice = node.user("alice", allow("sts:AssumeRole"))
    session = node.assume(alice, node.role("reader", trust({"AWS": "*"})))
    said = [
        explanation(ask(node, session, host="other")),
        explanation(ask(node, {**session, "aws_secret_access_key": "x" * 40})),
        caplog.text,
    ]
    for secret in (session["aws_secret_access_key"], session["aws_session_token"], "x" * 40):
        assert not any(secret in text for text in said)


def test_a_temporary_key_without_its_token(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:AssumeRole"))
    session = node.assume(alice, node.role("reader", trust({"AWS": "*"})))
    del session["aws_session_token"]
    assert "no session token" in explanation(ask(node, session))


def test_good_requests_are_not_looked_at(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Diagnoses, "explain", None)
    assert ask(node, node.root).status_code == 200


def test_other_refusals_are_not_searched(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "diagnose", None)
    unknown = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x" * 40}
    assert explanation(ask(node, unknown)) == "unknown access key"
    old = ask(node, node.root, **{"x-amz-date": "20200101T000000Z"})
    assert explanation(old).startswith("signature expired")


def test_a_failing_search_leaves_the_refusal_one(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr(diagnose, "diagnose", fail)
    answer = ask(node, node.root, host="other")
    assert explanation(answer) == "signature mismatch"
    assert b"SignatureDoesNotMatch" in answer.content


def test_a_search_that_takes_too_long_is_ended(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnose, "_LONGEST", -1.0)
    assert explanation(ask(node, node.root, host="other")) == "signature mismatch"


# -- limits ------------------------------------------------------------------------------------


def test_a_bucket_gives_its_burst_and_then_one_a_period() -> None:
    bucket = TokenBucket(3, 2.0, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1.0)
    assert bucket.take(2.0)
    assert not bucket.take(2.0)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]


def test_searches_are_limited_for_each_key_and_in_all(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    searched = []

    def search(*arguments: Any) -> str:
        searched.append(arguments)
        return "found"

    monkeypatch.setattr(diagnose, "_search", search)
    node.gateway = dataclasses.replace(node.gateway, diagnoses=Diagnoses(lambda: now))
    users = [node.user(name) for name in ("alice", "bob", "carol")]

    def refuse(credentials: Credentials, times: int) -> int:
        before = len(searched)
        for _ in range(times):
            assert ask(node, credentials, host="other").status_code == 403
        return len(searched) - before

    assert refuse(users[0], 15) == 10
    assert refuse(users[1], 15) == 10
    # The process has none left, whoever asks.
    assert refuse(users[2], 5) == 0
    now = 10.0
    assert refuse(users[0], 5) == 2
    assert refuse(users[2], 5) == 3


def test_what_is_kept_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "_KEYS_KEPT", 3)
    diagnoses = Diagnoses()
    for number in range(10):
        diagnoses._may(f"AKIA{number}")
    assert len(diagnoses._by_key) == 3


def test_a_search_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs one thread at a time: the search must not keep the others from running."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    give_way = diagnose._giving_way()
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        give_way()
    assert len(slept) > 10
