"""Commands that a profile names: credential_process, mfa_process."""

import json
import sys

import pytest
from botocore.compat import _windows_shell_split
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from daypass.client import CredentialsUnavailableError, MfaCodeNeededError, Process
from daypass.client.mfa import MfaCodes
from daypass.client.processes import _windows_words

GOOD = {"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "very-secret", "SessionToken": "t"}


@pytest.fixture
def process(tmp_path):
    """A command that prints this, and ends with the code."""

    def made(printed, code=0, said=""):
        script = tmp_path / "process.py"
        script.write_text(
            f"import sys\nsys.stdout.write({printed!r})\n"
            f"sys.stderr.write({said!r})\nsys.exit({code})"
        )
        return f"{sys.executable} {script}"

    return made


def test_what_a_process_prints_are_the_credentials(process):
    found = Process(process(json.dumps({**GOOD, "Expiration": "2100-01-01T01:00:00+01:00"})))
    made = found.credentials()
    assert (made.access_key_id, made.session_token) == ("ASIA1", "t")
    assert made.expiration == 4102444800.0


def test_token_and_end_may_be_missing(process):
    printed = {name: GOOD[name] for name in ("Version", "AccessKeyId", "SecretAccessKey")}
    made = Process(process(json.dumps({**printed, "Expiration": None}))).credentials()
    assert (made.session_token, made.expiration) == (None, None)


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (json.dumps({**GOOD, "Version": "1"}), "Version is '1'"),
        (json.dumps({**GOOD, "Version": 2}), "Version is 2"),
        (json.dumps({**GOOD, "SecretAccessKey": ""}), "is missing"),
        (json.dumps({**GOOD, "Expiration": "soon"}), "Expiration"),
        ("Welcome!\n" + json.dumps(GOOD), "else than JSON"),
        ("[]", "no object"),
        ("", "else than JSON"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_printed(process, printed, why):
    with pytest.raises(CredentialsUnavailableError, match=why) as caught:
        Process(process(printed), "work").credentials()
    assert "very-secret" not in str(caught.value)


def test_a_process_that_fails_is_quoted(process):
    with pytest.raises(CredentialsUnavailableError, match="ended with 3: Sign in first"):
        Process(process("", 3, "Sign in first\n")).credentials()


def test_arguments_of_a_command_are_not_in_an_error():
    with pytest.raises(CredentialsUnavailableError, match="/no/such/command") as caught:
        Process("/no/such/command --password very-secret").credentials()
    assert "very-secret" not in str(caught.value)


def test_there_is_no_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CredentialsUnavailableError):
        Process("echo {} > made").credentials()
    assert not (tmp_path / "made").exists()


@given(st.text(alphabet='ab \t"\\', max_size=24))
def test_words_on_windows_are_botocores(command):
    try:
        expected = _windows_shell_split(command)
    except ValueError:
        with pytest.raises(ValueError, match="never closed"):
            _windows_words(command)
    else:
        assert _windows_words(command) == expected


# -- MFA codes ------------------------------------------------------------------------------------


def test_a_code_that_was_given_serves_once():
    asked = []
    codes = MfaCodes("123456", ask=lambda serial: asked.append(serial) or "654321")
    assert [codes.code("arn"), codes.code("arn")] == ["123456", "654321"]
    assert asked == ["arn"]


def test_a_command_may_print_it(process):
    assert MfaCodes(process=process("123456\n")).code("arn") == "123456"
    assert MfaCodes().code("arn", process("654321")) == "654321"


def test_without_a_terminal_it_says_what_to_do():
    with pytest.raises(MfaCodeNeededError, match="--mfa-code"):
        MfaCodes(ask=lambda _serial: None).code("arn")


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345x", "１２３４５６"])
def test_what_is_no_code_is_not_sent(typed):
    with pytest.raises(CredentialsUnavailableError, match="six digits"):
        MfaCodes(ask=lambda _serial: typed).code("arn")


def test_the_sdk_takes_what_a_process_gives_the_same_way(process, places):
    command = process(json.dumps({**GOOD, "Expiration": "2100-01-01T00:00:00Z"}))
    (places / "config").write_text(f"[profile p]\ncredential_process = {command}\n")
    theirs = Session(profile="p").get_credentials().get_frozen_credentials()
    ours = Process(command).credentials()
    assert theirs[:3] == (ours.access_key_id, ours.secret_access_key, ours.session_token)
