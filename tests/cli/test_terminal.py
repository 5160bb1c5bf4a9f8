"""What a person sees and types: on a real pseudo-terminal."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from click.shell_completion import get_completion_class

from daypass.cli import shells  # noqa: F401 - PowerShell's completion
from daypass.cli.picker import Choice, Picking, named_keys
from daypass.cli.root import cli
from tests.cli.terminal import Terminal
from tests.client import answers
from tests.client.wire import recording

SERIAL = "arn:aws:iam::111122223333:mfa/me"
ROLE = "arn:aws:iam::111122223333:role/reader"
CREDENTIALS = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
CONFIG = f"""\
[profile work]
role_arn = {ROLE}
source_profile = base
mfa_serial = {SERIAL}
region = eu-central-1
[profile plain]
role_arn = {ROLE}
source_profile = base
region = us-west-2
[profile other]
region = eu-north-1
"""


@pytest.fixture
def recorder():
    with recording() as started:
        yield started


@pytest.fixture
def environment(tmp_path, recorder):
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    program = binaries / "daypass"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m daypass "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{binaries}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "PYTHONPATH": ":".join(sys.path),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_ENDPOINT_URL_STS": recorder.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DAYPASS_CACHE_DIR": str(tmp_path / "cache"),
        "PS1": "$ ",
    }


def session_replies():
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    return [answers.session_token(expiration=until), answers.assumed(expiration=until)]


def test_a_code_is_asked_for_at_the_terminal_though_an_sdk_has_both_outputs(
    environment, recorder, tmp_path
):
    recorder.replies = session_replies()
    captured = tmp_path / "captured"
    process = Terminal(
        ["daypass", "credential-process", "--profile", "work"], environment, str(captured)
    )
    process.expect(f"MFA code of {SERIAL}: ")
    process.send("123456\n")
    assert process.end() == 0
    assert json.loads(captured.read_text())["AccessKeyId"] == "ASIAFROMSTS"
    assert captured.with_suffix(".err").read_text() == ""
    assert b"TokenCode=123456" in recorder.received[0].body


def test_what_is_no_code_is_told_and_not_sent(environment, recorder):
    process = Terminal(["daypass", "assume", "work"], environment)
    process.expect("MFA code")
    process.send("12x\n")
    assert process.end() == 1
    assert "six digits" in process.text
    assert not recorder.received


def test_interrupting_the_prompt_ends_with_130(environment):
    process = Terminal(["daypass", "assume", "work"], environment)
    process.expect("MFA code")
    process.send("\x03")
    assert process.end() == 130


def test_login_asks_once_and_nothing_asks_later(environment, recorder):
    recorder.replies = [
        *session_replies(),
        answers.caller("arn:aws:sts::111122223333:assumed-role/reader/daypass"),
    ]
    process = Terminal(["daypass", "login", "work"], environment)
    process.expect("MFA code")
    process.send("123456\n")
    assert process.end() == 0
    assert "assumed-role/reader/daypass" in process.text
    assert "59 min" in process.text
    again = Terminal(["daypass", "assume", "work", "--format", "json"], environment)
    assert again.end() == 0
    assert "ASIAFROMSTS" in again.text
    assert len(recorder.received) == 3


# -- the picker -----------------------------------------------------------------------------------


def test_a_profile_is_chosen_by_typing_parts_of_it(environment, tmp_path):
    captured = tmp_path / "captured"
    process = Terminal(["daypass", "profiles", "--pick"], environment, str(captured))
    process.expect("4/4")
    process.send("wk")
    process.expect("> wk   1/4")
    process.send("\r")
    assert process.end() == 0
    assert captured.read_text() == "work\n"
    again = Terminal(["daypass", "profiles"], environment)
    again.expect("4/4")
    assert again.text.index("work") < again.text.index("plain"), "what was used last is first"
    again.send("\x1b[B\r")
    assert again.end() == 0
    assert again.raw.rstrip().endswith("\x1b[Jplain"), "the list is gone, the name is left"


def test_the_picker_gives_the_terminal_back(environment):
    if shutil.which("bash") is None:
        pytest.skip("bash is not here")
    script = 'before=$(stty -g); daypass profiles; echo code=$?; [ "$before" = "$(stty -g)" ]'
    process = Terminal(["bash", "-c", script], environment)
    process.expect("4/4")
    process.send("\x1b")
    assert process.end() == 0
    assert "code=1" in process.text
    assert "No profile was chosen" in process.text


def test_matches_are_those_with_the_letters_in_order_the_closest_first():
    choices = [Choice("prod-admin"), Choice("paddle-main"), Choice("admin"), Choice("dev")]
    picking = Picking(choices)
    for letter in "adm":
        picking = picking.after(letter)
    assert [one.name for one in picking.matches()] == ["admin", "prod-admin", "paddle-main"]
    assert picking.after("backspace").typed == "ad"
    assert picking.after("down").after("down").after("down").after("enter").chosen == "paddle-main"
    assert picking.after("z").after("enter").done is False
    assert picking.after("escape").chosen is None


def test_names_cannot_move_the_cursor():
    picking = Picking([Choice("a\x1b[2Jb", "\x07note")])
    assert all("\x1b" not in line and "\x07" not in line for line in picking.lines(80))
    assert all(len(line) < 40 for line in Picking([Choice("x" * 100)]).lines(40))


def test_keys_of_terminals_are_told_apart():
    pieces = iter(["a", "\x1b[A", "\x1b[1;5C", "bc", "\x7f", "\r", ""])
    assert list(named_keys(lambda: next(pieces))) == ["a", "up", "b", "c", "backspace", "enter"]


# -- one profile for a whole shell ----------------------------------------------------------------

INIT = {
    "bash": (["bash", "--norc", "--noprofile"], 'eval "$(daypass shell-init bash)"'),
    "zsh": (["zsh", "-f"], 'eval "$(daypass shell-init zsh 2>/dev/null)"'),
    "fish": (["fish", "--no-config", "--private"], "daypass shell-init fish | source"),
}


@pytest.mark.parametrize("shell", INIT)
def test_use_switches_the_shell(environment, recorder, shell):
    program, init = INIT[shell]
    if shutil.which(program[0]) is None:
        pytest.skip(f"{shell} is not here")
    recorder.replies = session_replies()
    environment |= {"AWS_SECURITY_TOKEN": "stale"}
    script = "\n".join(
        [
            init,
            "daypass use plain",
            'echo "1 $AWS_PROFILE $AWS_REGION $DAYPASS_PROFILE <$AWS_SECURITY_TOKEN>"',
            "daypass use work --mfa-code 123456",
            'echo "2 <$AWS_PROFILE> $AWS_REGION $DAYPASS_PROFILE $AWS_ACCESS_KEY_ID"',
            "daypass use nobody",
            'echo "3 $DAYPASS_PROFILE"',
            "daypass use --help",
            "daypass use --off",
            'echo "4 <$AWS_PROFILE> <$AWS_REGION> <$DAYPASS_PROFILE> <$AWS_ACCESS_KEY_ID>"',
        ]
    )
    process = Terminal([*program, "-c", script], environment)
    process.end()
    assert "1 plain us-west-2 plain <>\n" in process.text
    assert "work: credentials for 59 min" in process.text
    assert "2 <> eu-central-1 work ASIAFROMSTS\n" in process.text
    assert "There is no profile nobody." in process.text
    assert "3 work\n" in process.text
    assert "Usage: daypass use" in process.text
    assert "4 <> <> <> <>\n" in process.text


def test_use_without_the_function_says_that_nothing_changed(environment):
    process = Terminal(["daypass", "use", "plain"], environment)
    assert process.end() == 0
    assert "Nothing has changed" in process.text


def test_use_without_a_name_lets_one_choose(environment):
    init = 'eval "$(daypass shell-init bash)"'
    script = f'{init}\ndaypass use\necho "now $AWS_PROFILE"'
    process = Terminal(["bash", "-c", script], environment)
    process.expect("4/4")
    process.send("plain\r")
    process.expect("now plain")
    assert process.end() == 0


# -- completion -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cred"], {"credential-process"}),
        (["exec", "--profile", "w"], {"work"}),
        (["exec", "--role", "arn:"], {ROLE}),
        (["use", ""], {"work", "plain", "other", "base"}),
        (["assume", "pl"], {"plain"}),
        (["cache", ""], {"ls", "clear"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_words_are_completed_in_every_shell(environment, monkeypatch, shell, words, expected):
    line = " ".join(["daypass", *words])
    asked = environment | {
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
        "COMP_LINE": line,
    }
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    completed = get_completion_class(shell)(cli, {}, "daypass", "_DAYPASS_COMPLETE").complete()
    lines = completed.splitlines()
    if shell == "zsh":
        found = {value.replace("\\:", ":") for value in lines[1::3]}
    elif shell == "powershell":
        found = {one.partition("\t")[0] for one in lines}
    else:
        found = {one.partition(",")[2].partition("\t")[0] for one in lines}
    assert found == expected


def test_powershell_is_answered_by_the_program(environment):
    asked = environment | {"_DAYPASS_COMPLETE": "powershell_complete", "COMP_LINE": "daypass who"}
    ended = subprocess.run(["daypass"], env=asked, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("whoami\t")


def test_bash_completes_at_a_real_prompt(environment):
    if shutil.which("bash") is None:
        pytest.skip("bash is not here")
    process = Terminal(["bash", "--norc", "--noprofile", "-i"], environment)
    process.send('eval "$(daypass shell-init bash)"; echo ready-$((1+1))\n')
    process.expect("ready-2")
    process.send("echo daypass; daypass exec --profile pla\t")
    process.expect("--profile plain")
    process.send("\x15exit\n")
    process.end()
