"""Whoever gives the client credentials gives it nothing else: no lines for its files, no commands
for its shell, no escape sequences for its terminal, and nothing by way of a link."""

import json
import os
import sys
import time

import pytest

from daypass.client import (
    Container,
    CredentialsRefusedError,
    CredentialsUnavailableError,
    Endpoint,
    Process,
    RoleRequest,
)
from daypass.client.cache.entries import Entry, Label
from daypass.client.cache.places import Places
from daypass.client.cache.store import Store
from daypass.client.providers.environment import Environment
from daypass.client.sts import assume_role
from daypass.sigv4 import Credentials
from tests.client import answers
from tests.client.wire import Reply, recording

KEYS = Credentials("AKIA1", "s")
HOSTILE = [
    "token\ncredential_process = calc",
    "token\r\nX-Injected: yes",
    "tok en",
    "t\x1b]0;title\x07",
    "tökén",
    "",
]


@pytest.fixture
def recorder():
    with recording() as started:
        yield started


@pytest.mark.parametrize("token", HOSTILE)
def test_a_token_with_a_line_break_is_no_token(recorder, token, tmp_path):
    document = {
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "s",
        "Token": token,
        "SessionToken": token,
        "Expiration": "2100-01-01T00:00:00Z",
    }
    recorder.replies = [Reply(200, json.dumps(document).encode())] * 3
    with pytest.raises(CredentialsUnavailableError) as caught:
        Container({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{recorder.url}/"}).credentials()
    assert token.strip() == "" or token not in str(caught.value)
    script = tmp_path / "process.py"
    script.write_text(f"print({json.dumps(document | {'Version': 1})!r})")
    if token:
        with pytest.raises(CredentialsUnavailableError):
            Process(f"{sys.executable} {script}").credentials()


@pytest.mark.parametrize("token", ["a&#10;credential_process = calc", "a b", ""])
def test_sts_gives_tokens_and_nothing_else(recorder, token):
    body = answers.assumed().body.replace(b"token-of-ASIAFROMSTS", token.encode())
    recorder.replies = [Reply(200, body, {"content-type": "text/xml"})]
    with pytest.raises(CredentialsUnavailableError):
        assume_role(RoleRequest("arn"), KEYS, Endpoint("eu-west-1", recorder.url))


def test_what_sts_says_does_not_move_the_cursor(recorder):
    said = "no &#27;".replace("&#27;", "\u009b31m") + "\u202e" + "x" * 5000
    recorder.replies = [answers.refused("AccessDenied", said)]
    with pytest.raises(CredentialsRefusedError) as caught:
        assume_role(RoleRequest("arn"), KEYS, Endpoint("eu-west-1", recorder.url))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 3000


def test_what_a_process_says_does_not_move_the_cursor(tmp_path):
    script = tmp_path / "process.py"
    script.write_text("import sys\nsys.stderr.write('\\x1b[2J\\x07gone')\nsys.exit(1)")
    with pytest.raises(CredentialsUnavailableError) as caught:
        Process(f"{sys.executable} {script}").credentials()
    assert str(caught.value).isprintable()


def test_expired_keys_of_the_environment_are_not_sent():
    environ = {
        "AWS_ACCESS_KEY_ID": "A",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z",
    }
    with pytest.raises(CredentialsUnavailableError):
        Environment(environ).credentials()


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("what", ["session", "key"])
def test_a_link_in_the_cache_is_not_followed(tmp_path, what):
    places = Places(tmp_path / "sessions", tmp_path / "cache.key")
    store = Store(places, {"DAYPASS_KEYRING": "off"})
    label = Label("role", "arn")
    kept = Entry(Credentials("ASIA1", "s", "t", time.time() + 3600), time.time(), label)
    store.write("mine", kept)
    assert store.read("mine") == kept
    [session] = places.sessions.glob("*.session")
    target = session if what == "session" else places.key
    elsewhere = tmp_path / "elsewhere"
    target.rename(elsewhere)
    target.symlink_to(elsewhere)
    assert Store(places, {"DAYPASS_KEYRING": "off"}).read("mine") is None
    assert elsewhere.exists()
