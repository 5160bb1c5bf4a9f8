"""`daypass audit` beside a running server, and on a trail that somebody changed."""

import json
import select
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from daypass.audit import Trail
from tests.cli.running import daypass


def test_tail_shows_what_was_done_and_json_is_the_event(server):
    server.client("iam").create_user(UserName="cli-audit-user")
    ended = daypass("audit", "tail", "--data", str(server.data), "-n", "500")
    assert ended.code == 0, ended
    line = next(each for each in ended.out.splitlines() if "iam:CreateUser" in each)
    assert f"arn:aws:iam::{server.account_id}:root" in line
    assert "from 127.0.0.1" in line
    ended = daypass("audit", "tail", "--data", str(server.data), "-n", "500", "--output", "json")
    made = [json.loads(each) for each in ended.out.splitlines()]
    assert {"userName": "cli-audit-user"} in [each.get("requestParameters") for each in made]


def test_follow_shows_what_comes(server):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "daypass", "audit", "tail", "--follow", "-n", "0"),
            *("--data", str(server.data), "--output", "json"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for number in range(1000):
            # The follower may not have begun to look when the first are made.
            server.client("iam").create_group(GroupName=f"cli-audit-{number}")
            if b"cli-audit" in _available(process).encode():
                break
        else:
            pytest.fail("nothing was shown")
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _available(process):
    readable, _, _ = select.select([process.stdout], [], [], 0.5)
    return process.stdout.readline() if readable else ""


def test_whole_trail_is_verified_while_the_server_writes(server):
    ended = daypass("audit", "verify", "--data", str(server.data), "--output", "json")
    assert ended.code == 0, ended
    kept = json.loads(ended.out)["LastHash"]
    server.client("iam").create_user(UserName="cli-audit-another")
    ended = daypass("audit", "verify", "--data", str(server.data), "--holds", kept)
    assert ended.code == 0, ended


def test_broken_line_is_named(tmp_path: Path):
    trail = Trail(tmp_path / "audit")
    for number in range(5):
        trail.record_now(b'{"eventName":"Event%d"}' % number)
    trail.close()
    path = tmp_path / "audit" / "00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Event2", b"EventX"))
    ended = daypass("audit", "verify", "--data", str(tmp_path))
    assert ended.code == 1
    assert f"{path}, line 3" in ended.err
    ended = daypass("audit", "verify", "--data", str(tmp_path), "--output", "json")
    assert "line 3" in json.loads(ended.err)["Error"]["What"]


def test_hash_that_is_not_held_is_said(tmp_path: Path):
    trail = Trail(tmp_path / "audit")
    trail.record_now(b'{"eventName":"Event"}')
    trail.close()
    other = sha256(b"another").hexdigest()
    assert daypass("audit", "verify", "--data", str(tmp_path), "--holds", other).code == 1


def test_what_a_client_wrote_does_not_write_on_the_terminal(tmp_path: Path):
    trail = Trail(tmp_path / "audit")
    event = {"eventName": "\x1b[2J\nforged", "userIdentity": {"arn": "\x07"}, "errorCode": "\r"}
    trail.record_now(json.dumps(event).encode())
    trail.close()
    ended = daypass("audit", "tail", "--data", str(tmp_path))
    assert ended.out.count("\n") == 1
    assert ended.out.strip().isprintable()


def test_directory_without_a_trail_is_said(tmp_path: Path):
    ended = daypass("audit", "tail", "--data", str(tmp_path / "nothing"))
    assert ended.code == 1
    assert "no audit trail" in ended.err
