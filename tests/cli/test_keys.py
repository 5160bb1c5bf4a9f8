"""`daypass keys` on the directory of a running server, and of one that does not run."""

import json
from pathlib import Path

from tests.cli.running import daypass


def ring(data: Path, command: str = "list") -> dict[str, list[str]]:
    """The key ids by state."""
    ended = daypass("keys", command, "--data", str(data), "--output", "json")
    assert ended.code == 0, ended
    found: dict[str, list[str]] = {}
    for key in json.loads(ended.out)["Keys"]:
        found.setdefault(key["State"], []).append(key["KeyId"])
    return found


def session(server):
    given = server.client("sts").get_session_token()["Credentials"]
    return given["SessionToken"], server.client(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def test_rotation_takes_hold_in_a_running_server_and_sessions_live_on(server):
    before = ring(server.data)
    old_token, old = session(server)
    after = ring(server.data, "rotate")
    assert after["active"] == before["prepared"]
    assert before["active"][0] in after["retired"]
    assert after["prepared"] not in (before["prepared"], before["active"])
    new_token, new = session(server)
    assert ring(server.data) == after
    # The id of the key that sealed it is in clear at the head of a token.
    assert old_token[:8] != new_token[:8]
    for client in (old, new):
        assert client.get_caller_identity()["Account"] == server.account_id


def test_rotation_is_on_record(server):
    ring(server.data, "rotate")
    ended = daypass("audit", "tail", "--data", str(server.data), "-n", "1000", "--output", "json")
    names = [json.loads(line)["eventName"] for line in ended.out.splitlines()]
    assert "RotateKeyRing" in names


def test_keys_of_a_stopped_server(tmp_path: Path):
    data = tmp_path / "data"
    assert daypass("init", "--data", str(data)).code == 0
    before = ring(data)
    assert {state: len(ids) for state, ids in before.items()} == {"active": 1, "prepared": 1}
    assert ring(data, "rotate")["active"] == before["prepared"]
    ended = daypass("keys", "list", "--data", str(data))
    assert [line.split()[1] for line in ended.out.splitlines()] == ["active", "prepared", "retired"]
    assert "opens until" in ended.out


def test_directory_without_an_account_is_said_and_stays_as_it_is(tmp_path: Path):
    data = tmp_path / "nothing"
    ended = daypass("keys", "rotate", "--data", str(data))
    assert ended.code == 1
    assert "holds no account" in ended.err
    assert not data.exists()
