"""Codes of MFA devices: replayed, guessed, taken from others; seeds read from the disk."""

import base64
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import start_server, stop_server
from tests.local_node import LocalNode, allow, local_node
from tests.mfa import Device, enabled_device, new_device

WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code."
NOT_ASSOCIATED = "MultiFactorAuthentication failed, unable to validate MFA code."


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def alice(node: LocalNode) -> Any:
    """Alice's client of STS."""
    return node.client("sts", node.user("alice"))


@pytest.fixture
def device(node: LocalNode, alice: Any) -> Device:
    return enabled_device(node.client("iam"), "alice", node.now)


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**given)
    assert refusal.value.response["Error"]["Code"] == "AccessDenied"
    return str(refusal.value.response["Error"]["Message"])


# -- replay ------------------------------------------------------------------------------------


def test_a_code_is_good_once(node, alice, device):
    given = device.given(node.now)
    assert alice.get_session_token(**given)
    assert refused(alice.get_session_token, **given) == WRONG
    node.now += 30
    assert refused(alice.get_session_token, **given) == WRONG
    assert alice.get_session_token(**device.given(node.now))


def test_no_code_before_a_used_one_is_good(node, alice, device):
    assert alice.get_session_token(**device.given(node.now + 30))
    assert refused(alice.get_session_token, **device.given(node.now)) == WRONG


def test_codes_shown_at_enabling_are_used_up(node, alice):
    iam = node.client("iam")
    phone = new_device(iam, "phone")
    iam.enable_mfa_device(
        UserName="alice",
        SerialNumber=phone.serial,
        AuthenticationCode1=phone.code(node.now),
        AuthenticationCode2=phone.code(node.now + 30),
    )
    for moment in (0, 30):
        assert refused(alice.get_session_token, **phone.given(node.now + moment)) == WRONG


def test_enabling_and_bringing_in_step_take_no_used_codes_either(node, alice, device):
    iam = node.client("iam")
    given = device.given(node.now)
    assert alice.get_session_token(**given)
    codes = {
        "UserName": "alice",
        "SerialNumber": device.serial,
        "AuthenticationCode1": device.code(node.now - 30),
        "AuthenticationCode2": device.code(node.now),
    }
    with pytest.raises(iam.exceptions.InvalidAuthenticationCodeException):
        iam.resync_mfa_device(**codes)
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=device.serial)
    with pytest.raises(iam.exceptions.InvalidAuthenticationCodeException):
        iam.enable_mfa_device(**codes)


def test_a_clock_set_back_makes_no_used_code_good_again(node, alice, device):
    moment = node.now
    assert alice.get_session_token(**device.given(moment))
    node.now += 3600
    assert alice.get_session_token(**device.given(node.now))
    node.now = moment
    for offset in (-30, 0, 30):
        assert refused(alice.get_session_token, **device.given(moment + offset)) == WRONG


def test_a_code_is_used_up_even_if_the_policies_refuse(node, alice, device):
    given = device.given(node.now)
    role = f"arn:aws:iam::{node.node.account_id}:role/absent"
    message = refused(alice.assume_role, RoleArn=role, RoleSessionName="session", **given)
    assert "is not authorized to perform: sts:AssumeRole" in message
    assert refused(alice.get_session_token, **given) == WRONG


def test_of_many_at_one_moment_in_several_processes_one_gets_in_and_none_after_a_restart(tmp_path):
    running = start_server(tmp_path / "data", "--workers", "2")
    root = (running.access_key_id, running.secret_access_key)
    iam = running.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    device = enabled_device(iam, "alice", time.time())
    given = device.given(time.time())
    clients = [running.client("sts", **alice) for _ in range(8)]

    def attempt(client: Any) -> str:
        try:
            client.get_session_token(**given)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return "in"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, clients)) == [WRONG] * 7 + ["in"]
    running.process.kill()
    running.process.wait()
    running.process.stdout.close()
    again = start_server(tmp_path / "data", credentials=root)
    try:
        assert refused(again.client("sts", **alice).get_session_token, **given) == WRONG
    finally:
        stop_server(again)


# -- guessing ----------------------------------------------------------------------------------


def wrong_code(device: Device, now: float) -> str:
    near = {device.code(now + offset) for offset in (-60, -30, 0, 30, 60)}
    return next(code for code in ("000000", "000001", "000002") if code not in near)


def test_guessing_closes_the_device_for_longer_and_longer(node, alice, device):
    given = {"SerialNumber": device.serial, "TokenCode": wrong_code(device, node.now)}
    for _ in range(5):
        assert refused(alice.get_session_token, **given) == WRONG
    # Now the right code is refused as well, with the same words, until half a minute is over.
    assert refused(alice.get_session_token, **device.given(node.now)) == WRONG
    start = node.now
    guesses = 0
    while node.now < start + 86_400:
        node.now += 20
        before = _failures(node)
        given["TokenCode"] = wrong_code(device, node.now)
        assert refused(alice.get_session_token, **given) == WRONG
        guesses += _failures(node) - before
    # 100 guesses a day at one in 333,333: one day in nine years' trying gets in.
    assert guesses <= 105
    node.now += 900
    assert alice.get_session_token(**device.given(node.now))
    given["TokenCode"] = wrong_code(device, node.now)
    assert refused(alice.get_session_token, **given) == WRONG
    assert alice.get_session_token(**device.given(node.now + 30))


def _failures(node: LocalNode) -> int:
    row = node.store.reader.exec_driver_sql("SELECT failures FROM mfa_devices").one()
    return int(row[0])


def test_guessing_in_another_way_is_counted_together(node, alice, device):
    given = {"SerialNumber": device.serial, "TokenCode": wrong_code(device, node.now)}
    role = {"RoleArn": f"arn:aws:iam::{node.node.account_id}:role/any", "RoleSessionName": "aa"}
    for _ in range(3):
        assert refused(alice.get_session_token, **given) == WRONG
        assert refused(alice.assume_role, **role, **given) == WRONG
    assert refused(alice.get_session_token, **device.given(node.now)) == WRONG


def test_a_code_sent_again_is_no_guess(node, alice, device):
    given = device.given(node.now)
    assert alice.get_session_token(**given)
    for _ in range(20):
        assert refused(alice.get_session_token, **given) == WRONG
    assert alice.get_session_token(**device.given(node.now + 30))


def test_nobody_else_can_close_a_users_device_or_use_its_codes(node, alice, device):
    mallory = node.client("sts", node.user("mallory", allow("sts:*")))
    given = {"SerialNumber": device.serial, "TokenCode": wrong_code(device, node.now)}
    for _ in range(10):
        assert refused(mallory.get_session_token, **given).startswith(NOT_ASSOCIATED)
    assert refused(mallory.get_session_token, **device.given(node.now)).startswith(NOT_ASSOCIATED)
    assert alice.get_session_token(**device.given(node.now))


def test_a_clock_set_back_closes_no_device_for_ever(node, alice, device):
    given = {"SerialNumber": device.serial, "TokenCode": wrong_code(device, node.now)}
    node.now += 10 * 86_400
    for _ in range(5):
        assert refused(alice.get_session_token, **given) == WRONG
    node.now -= 9 * 86_400
    assert alice.get_session_token(**device.given(node.now))


# -- seeds -------------------------------------------------------------------------------------


def test_seeds_are_not_on_the_disk(node, device, tmp_path):
    seed = device.app.secret
    node.store.reader.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert device.serial.encode() in stored
    for form in (seed.encode(), base64.b32decode(seed), base64.b64encode(seed.encode())):
        assert form not in stored


def test_a_seed_moved_to_another_device_opens_nothing(node, alice, device, tmp_path):
    other = new_device(node.client("iam"), "other")
    with sqlite3.connect(tmp_path / "daypass.db") as database:
        database.execute(
            "UPDATE mfa_devices SET encrypted_seed = (SELECT encrypted_seed FROM mfa_devices "
            "WHERE arn = ?) WHERE arn = ?",
            (other.serial, device.serial),
        )
    given = {"SerialNumber": device.serial, "TokenCode": other.code(node.now)}
    with pytest.raises(ClientError) as refusal:
        alice.get_session_token(**given)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
