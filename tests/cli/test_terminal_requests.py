"""What a person sees and types with the commands that send, serve and explain."""

import json
import os
import signal
import sys
from urllib.parse import quote

import pytest

from tests.cli.running import CLEAN
from tests.cli.terminal import Terminal
from tests.client.wire import Reply, recording

PATH = "/_urls/abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture(scope="module")
def wire():
    with recording() as recorder:
        yield recorder


@pytest.fixture
def env():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        **CLEAN,
        "TERM": "xterm",
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session-token",
        "AWS_CREDENTIAL_EXPIRATION": "2100-01-01T00:00:00Z",
        "AWS_REGION": "eu-west-1",
    }


def run(env, *arguments):
    return Terminal([sys.executable, "-m", "daypass", *arguments], env)


def test_a_body_of_text_ends_the_line(wire, env):
    wire.replies.append(Reply(200, b"hello"))
    terminal = run(env, "call", "-s", wire.url + PATH)
    assert terminal.end() == 0
    assert terminal.text == "hello\n"


def test_a_body_that_is_no_text_is_not_shown(wire, env):
    wire.replies.append(Reply(200, b"\x00\x01\x1b[2J"))
    terminal = run(env, "call", "-s", wire.url + PATH)
    assert terminal.end() == 1
    assert "would confuse the terminal" in terminal.text
    assert "\x1b[2J" not in terminal.raw


def test_what_a_server_writes_in_its_headers_moves_no_cursor(wire, env):
    explanation = quote("red \x1b[31m and \x9b2J")
    headers = {"x-a": "\x9b2J\u00ad", "x-daypass-explanation": explanation}
    wire.replies.append(Reply(403, b"", headers))
    terminal = run(env, "call", "-i", wire.url + PATH)
    assert terminal.end() == 0
    assert "x-a: ?2J?" in terminal.text
    assert "\x9b" not in terminal.raw
    assert "\x1b[31m" not in terminal.raw


def test_a_large_file_has_a_bar_and_a_small_one_has_none(wire, env, tmp_path):
    for size, bar in ((3_000_000, True), (1000, False)):
        wire.replies.append(Reply(200, b"x" * size))
        terminal = run(env, "call", wire.url + PATH, "-o", str(tmp_path / "file"))
        assert terminal.end() == 0
        assert ("100%" in terminal.text) is bar
        assert (tmp_path / "file").stat().st_size == size


def test_a_refusal_is_pasted(env):
    terminal = run(env, "explain")
    terminal.expect("Paste the refused answer, then Ctrl-D:")
    terminal.send("An error occurred (ExpiredToken) when calling the X operation: y\n\x04")
    terminal.expect("It was refused with ExpiredToken.")
    assert terminal.end() == 0


def test_ctrl_c_ends_a_service_well(env):
    for arguments, ready in (
        (("serve-credentials",), "Serving credentials; Ctrl-C ends it."),
        (("proxy", "a.example", "--service", "s3"), "Signing what comes there; Ctrl-C ends it."),
    ):
        terminal = run(env, *arguments)
        terminal.expect(ready)
        terminal.send("\x03")
        assert terminal.end() == 0, terminal.text
        assert "Traceback" not in terminal.text


def test_ctrl_c_is_the_commands_to_answer(env):
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    terminal = run(env, "exec", "--server", "container", "--", "sh", "-c", script)
    terminal.expect("ready")
    terminal.send("\x03")
    terminal.expect("caught")
    assert terminal.end() == 9


def test_a_command_that_a_signal_ended_is_told_as_shells_do(env):
    terminal = run(env, "exec", "--server", "container", "--", "sh", "-c", "kill -KILL $$")
    assert terminal.end() == 128 + signal.SIGKILL


def test_what_carries_the_token_says_so_on_a_terminal(wire, env):
    terminal = run(env, "sign", wire.url + PATH)
    assert terminal.end() == 0
    assert "carries the session token" in terminal.text


def test_errors_are_json_where_that_is_asked_for(env):
    terminal = run(env, "presign", "--output", "json", "s3://b/k", "--expires", "900h")
    assert terminal.end() == 2
    refused = run(env, "explain", "--output", "json", "nothing of the kind")
    assert refused.end() == 1
    assert json.loads(refused.text)["Error"]["What"] == "There is no refusal in it."
