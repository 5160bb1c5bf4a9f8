"""What the audit trail says of requests: CloudTrail's shape, decisions included, secrets not."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from daypass.audit import Verified, verify
from daypass.gateway.issue import issue_session
from daypass.gateway.record import record_service_session
from daypass.tokens import SessionKind
from tests.local_node import ACCOUNT, REGION, LocalNode, allow, local_node, trust

ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def events(node: LocalNode) -> list[dict[str, Any]]:
    """All that was recorded, noted events included."""
    node.trail.record_now(b'{"eventName":"Mark"}')
    noted = [json.loads(entry) for entry in node.trail._noted]
    text = (node.trail.directory / "00000001.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()] + noted


def last(node: LocalNode, name: str) -> dict[str, Any]:
    return [event for event in events(node) if event["eventName"] == name][-1]


def test_issued_session_is_on_record_when_it_is_answered(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust(ACCOUNT_ITSELF, Action=["sts:AssumeRole", "sts:TagSession"]))
    answer = node.client("sts", alice).assume_role(
        RoleArn=role, RoleSessionName="work", Tags=[{"Key": "Team", "Value": "blue"}]
    )
    user_id = node.client("iam").get_user(UserName="alice")["User"]["UserId"]
    event = last(node, "AssumeRole")
    assert event["eventSource"] == "sts.amazonaws.com"
    assert event["awsRegion"] == REGION
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert event["userAgent"].startswith("Boto3")
    assert event["recipientAccountId"] == ACCOUNT
    assert event["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert (event["managementEvent"], event["eventCategory"]) == (True, "Management")
    assert event["userIdentity"] == {
        "type": "IAMUser",
        "principalId": user_id,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "accountId": ACCOUNT,
        "accessKeyId": alice["aws_access_key_id"],
        "userName": "alice",
    }
    assert event["requestParameters"] == {
        "roleArn": role,
        "roleSessionName": "work",
        "tags": [{"key": "Team", "value": "blue"}],
    }
    given = answer["Credentials"]
    told = event["responseElements"]["credentials"]
    assert told["accessKeyId"] == given["AccessKeyId"]
    assert told["expiration"] == given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event["responseElements"]["assumedRoleUser"]["arn"] == answer["AssumedRoleUser"]["Arn"]
    session = event["additionalEventData"]["session"]
    assert session["accessor"] == node.node.keys.open(given["SessionToken"]).accessor
    assert session["tags"] == {"Team": "blue"}


def test_who_calls_is_said_as_cloudtrail_says_it(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust(ACCOUNT_ITSELF), allow("iam:*"))
    session = node.assume(alice, role, RoleSessionName="work")
    node.client("iam", session).create_group(GroupName="made")
    identity = last(node, "CreateGroup")["userIdentity"]
    role_id = node.client("iam").get_role(RoleName="reader")["Role"]["RoleId"]
    assert identity["type"] == "AssumedRole"
    assert identity["principalId"] == f"{role_id}:work"
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/work"
    context = identity["sessionContext"]
    assert context["sessionIssuer"] == {
        "type": "Role",
        "principalId": role_id,
        "arn": role,
        "accountId": ACCOUNT,
        "userName": "reader",
    }
    assert context["attributes"]["mfaAuthenticated"] == "false"
    assert context["attributes"]["creationDate"].endswith("Z")
    node.client("iam").create_group(GroupName="roots")
    root = last(node, "CreateGroup")["userIdentity"]
    assert (root["type"], root["arn"]) == ("Root", f"arn:aws:iam::{ACCOUNT}:root")


def test_refusal_is_recorded_with_its_code_and_what_was_asked(node: LocalNode) -> None:
    alice = node.user("alice")
    with pytest.raises(ClientError):
        node.client("iam", alice).create_user(UserName="mallory")
    event = last(node, "CreateUser")
    assert event["errorCode"] == "AccessDenied"
    assert "is not authorized to perform: iam:CreateUser" in event["errorMessage"]
    assert event["requestParameters"] == {"userName": "mallory"}
    assert event["responseElements"] is None


def test_what_a_client_wrote_stands_escaped_in_the_lines(node: LocalNode) -> None:
    """It neither writes on the terminal of who reads the lines nor ends one of them."""
    agent = {"User-Agent": "x\x9b31m\x85"}
    iam = node.client("iam")
    iam.meta.events.register_first(
        "before-send", lambda request, **_: request.headers.update(agent)
    )
    iam.create_user(UserName="a", Tags=[{"Key": "k", "Value": "\u2028é"}])
    event = last(node, "CreateUser")
    assert event["userAgent"] == agent["User-Agent"]
    assert event["requestParameters"]["tags"] == [{"key": "k", "value": "\u2028é"}]
    assert (node.trail.directory / "00000001.jsonl").read_bytes().isascii()


def test_read_is_recorded_soon_after_and_says_so(node: LocalNode) -> None:
    node.client("iam").list_users()
    event = last(node, "ListUsers")
    assert event["readOnly"] is True
    assert event["responseElements"] is None
    node.client("iam").create_user(UserName="a")
    assert last(node, "CreateUser")["readOnly"] is False


def test_one_whose_signature_proves_nothing_is_not_in_the_trail(node: LocalNode) -> None:
    """The trail grows by what known callers do, not by what anybody sends."""
    before = len(events(node))
    wrong = {**node.root, "aws_secret_access_key": "x" * 40}
    with pytest.raises(ClientError):
        node.client("sts", wrong).get_caller_identity()
    assert len(events(node)) == before + 1


def test_no_secret_is_in_the_trail(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:*"))
    session = node.assume(alice, node.role("reader", trust(ACCOUNT_ITSELF)))
    node.client("sts", session).get_caller_identity()
    text = json.dumps(events(node))
    for secret in (
        alice["aws_secret_access_key"],
        session["aws_secret_access_key"],
        session["aws_session_token"],
    ):
        assert secret not in text
        assert secret[:20] not in text


def test_session_a_service_takes_is_recorded(node: LocalNode) -> None:
    arn = node.role("runs", trust({"Service": "lambda.amazonaws.com"}))
    node.store.refresh()
    role: Any = node.node.identity.role("runs")
    issued = issue_session(
        node.node,
        kind=SessionKind.ASSUMED_ROLE,
        subject_id=role.id,
        subject_name=role.name,
        session_name="function",
        duration=3600,
        now=node.now,
    )
    asyncio.run(record_service_session(node.node, "lambda.amazonaws.com", arn, issued))
    event = last(node, "AssumeRole")
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    assert event["requestParameters"] == {"roleArn": arn, "roleSessionName": "function"}
    assert event["additionalEventData"]["session"]["accessor"] == issued.session.accessor


def test_chain_of_a_busy_node_is_whole(node: LocalNode) -> None:
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    for _ in range(5):
        node.assume(alice, role)
        node.client("sts", alice).get_caller_identity()
    found = verify(node.trail.directory)
    assert isinstance(found, Verified)
    assert found.lines >= 5


# -- a trail that cannot be written ------------------------------------------------------------


@pytest.fixture
def broken_disk(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """The disk of the trail is full while its element is true."""
    full = [False]
    write = os.write

    def refuse(descriptor: int, text: bytes) -> int:
        if full[0] and b'"previousHash"' in text:
            raise OSError(28, "No space left on device")
        return write(descriptor, text)

    monkeypatch.setattr(os, "write", refuse)
    yield full
    full[0] = False


def status_of(call: Any, **given: Any) -> int:
    try:
        call(**given)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200


def test_nothing_is_issued_while_the_trail_cannot_be_written(
    node: LocalNode, broken_disk: list[bool]
) -> None:
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    sts = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    broken_disk[0] = True
    assert status_of(sts.assume_role, **given) == 503
    assert status_of(sts.get_session_token) == 503
    assert status_of(node.client("iam").create_access_key, UserName="alice") == 503
    # Nothing changes any more, and what only reads goes on.
    assert status_of(node.client("iam").create_user, UserName="unrecorded") == 503
    assert status_of(node.client("iam").get_user, UserName="unrecorded") == 404
    assert status_of(sts.get_caller_identity) == 200
    broken_disk[0] = False
    assert status_of(sts.assume_role, **given) == 200
    assert status_of(node.client("iam").create_user, UserName="recorded") == 200
    assert "TrailResumed" in [event["eventName"] for event in events(node)]
