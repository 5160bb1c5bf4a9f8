"""Guessing: requests in a row that prove nothing are not even looked at after a while."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.gateway.test_limits import OPEN, limit, shown
from tests.local_node import LocalNode, local_node, session_credentials

FREE = 100


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def error_of(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def with_secret(credentials: dict[str, str], secret: str) -> dict[str, str]:
    return {**credentials, "aws_secret_access_key": secret}


def test_wrong_signatures_in_a_row_lock_the_key_for_the_address(node):
    ticks = limit(node, OPEN)
    alice, bob = node.user("alice"), node.user("bob")
    wrong = node.client("sts", with_secret(alice, "x" * 40))
    for _ in range(FREE):
        assert error_of(wrong.get_caller_identity)[0] == "SignatureDoesNotMatch"
    code, message = error_of(wrong.get_caller_identity)
    assert code == "Throttling"
    assert f"{FREE} requests in a row" in message
    assert alice["aws_access_key_id"] in message
    # The right secret is refused as long, so that no answer says which guess was right.
    assert error_of(node.client("sts", alice).get_caller_identity)[0] == "Throttling"
    node.client("sts", bob).get_caller_identity()
    (locked,) = shown(node)["LockedOut"]
    assert locked["Name"] == alice["aws_access_key_id"]
    assert locked["Failures"] == FREE
    ticks.now += 1.01
    assert error_of(wrong.get_caller_identity)[0] == "SignatureDoesNotMatch"
    ticks.now += 1.01
    # Twice as long by now.
    assert error_of(node.client("sts", alice).get_caller_identity)[0] == "Throttling"
    ticks.now += 1
    node.client("sts", alice).get_caller_identity()
    for _ in range(FREE - 1):
        assert error_of(wrong.get_caller_identity)[0] == "SignatureDoesNotMatch"
    node.client("sts", alice).get_caller_identity()


def test_lockouts_end(node):
    ticks = limit(node, OPEN)
    alice = node.user("alice")
    limits = node.node.limits
    for _ in range(FREE + 40):
        limits.failed("127.0.0.1", alice["aws_access_key_id"])
    assert next(limits.locked_out())["SecondsLeft"] <= 301
    ticks.now += 300
    node.client("sts", alice).get_caller_identity()


def test_access_keys_and_tokens_that_nobody_has_lock_too(node):
    limit(node, OPEN)
    nobody = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
    client = node.client("sts", nobody)
    forged = node.client(
        "sts",
        {**nobody, "aws_access_key_id": "ASIAIOSFODNN7EXAMPLE", "aws_session_token": "Zm9yZ2Vk"},
    )
    for each in (client, forged):
        for _ in range(FREE):
            assert error_of(each.get_caller_identity)[0] == "InvalidClientTokenId"
        assert error_of(each.get_caller_identity)[0] == "Throttling"


def test_tokens_of_identity_providers_lock_the_operation_for_the_address(node):
    limit(node, OPEN)
    client = node.client("sts", node.user("alice"))
    given = {
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "RoleSessionName": "session",
        "WebIdentityToken": "eyJhbGciOiJub25lIn0.e30.",
    }
    for _ in range(FREE):
        assert error_of(client.assume_role_with_web_identity, **given)[0] == "InvalidIdentityToken"
    code, message = error_of(client.assume_role_with_web_identity, **given)
    assert code == "Throttling"
    assert "AssumeRoleWithWebIdentity" in message
    client.get_caller_identity()


def test_failures_kept_are_bounded(node):
    limits = node.node.limits
    for number in range(9_000):
        limits.failed("127.0.0.1", f"AKIA{number}")
    assert len(limits._failures) == 8_192


def test_sessions_that_were_good_once_lock_nobody_out(node):
    """A program that goes on with a revoked session guesses nothing."""
    limit(node, OPEN)
    session = session_credentials(node.client("sts", node.user("alice")).get_session_token())
    client = node.client("sts", session)
    node.client("iam").delete_access_key(
        UserName="alice",
        AccessKeyId=node.client("iam").list_access_keys(UserName="alice")["AccessKeyMetadata"][0][
            "AccessKeyId"
        ],
    )
    node.client("iam").delete_user(UserName="alice")
    for _ in range(FREE + 1):
        assert error_of(client.get_caller_identity)[0] == "InvalidClientTokenId"
