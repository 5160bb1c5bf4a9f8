"""The command as a whole: help, exit codes, errors, completion, and what starting it costs."""

import gc
import json
import os
import subprocess
import sys

import click
import pytest

from daypass.cli import main
from daypass.cli.failure import Failure, failure_of
from daypass.client import CredentialsRefusedError
from daypass.server import ServerError
from tests.cli.running import daypass

COMMANDS = [
    *("serve", "init", "env", "ca", "demo", "assume", "exec", "call", "whoami", "deploy"),
    *("policy", "sessions", "serve-credentials", "sign", "presign", "proxy", "explain", "console"),
]
GROUPS = {"policy": ["lint", "simulate", "explain"], "sessions": ["revoke"]}
# The commands that do something, as they are called.
RUNNABLE = [[name] for name in COMMANDS if name not in GROUPS] + [
    [group, name] for group, names in GROUPS.items() for name in names
]


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_help_lists_every_command_and_the_exit_codes(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in out
    assert "Exit codes: 0 done; 1 refused or failed; 2 wrong usage" in out
    assert "daypass shell-init bash" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: daypass {name}")


@pytest.mark.parametrize("command", RUNNABLE, ids=" ".join)
def test_every_command_has_an_example_and_json_output(capsys, command):
    _, out, _ = run(capsys, *command, "--help")
    assert "Example" in out
    assert "--output [text|json]" in out


def test_version(capsys):
    import daypass as package

    assert run(capsys, "--version")[:2] == (0, f"daypass, version {package.__version__}\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["exec"], ["assume", "x", "--format", "y"]])
def test_wrong_usage_ends_with_2(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Usage: daypass" in err


def test_errors_say_what_why_and_what_to_do(capsys):
    code, out, err = run(capsys, "call", "http://127.0.0.1:9/")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "Error: Cannot tell which service 127.0.0.1:9 is.",
        "  why  Its name is none of AWS's, and a signature names the service it is meant for.",
        '  do   Say it: Auth(service="s3"), or --service s3 on the command line.',
    ]


def test_errors_are_json_where_output_is(capsys):
    code, out, err = run(capsys, "call", "http://127.0.0.1:9/", "--output", "json")
    assert (code, out) == (1, "")
    assert set(json.loads(err)["Error"]) == {"What", "Why", "Do"}


def test_no_colours_where_there_is_no_terminal():
    assert "\x1b" not in daypass("call", "http://127.0.0.1:9/").err


def test_what_a_library_raises_keeps_its_parts():
    failure = failure_of(CredentialsRefusedError("AccessDenied", "It failed.", "No.", "Ask."))
    assert (failure.what, failure.why, failure.remedy, failure.code) == (
        "It failed.",
        "No.",
        "Ask.",
        "AccessDenied",
    )
    assert failure_of(ServerError("The port is taken.")).what == "The port is taken."


def test_what_was_not_foreseen_is_one_sentence_and_no_traceback(capsys, monkeypatch):
    from daypass.cli import call

    def explode(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(call, "resolve", explode)
    code, _, err = run(capsys, "call", "http://127.0.0.1:9/")
    assert code == 1
    assert err.startswith("Error: ZeroDivisionError: division by zero.\n")
    assert "Traceback" not in err


def test_an_interrupt_ends_with_130(capsys, monkeypatch):
    from daypass.cli import call

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(call, "resolve", interrupt)
    assert run(capsys, "call", "http://127.0.0.1:9/")[0] == 130


def test_failure_is_a_click_exception_with_an_exit_code_of_its_own():
    failure = Failure("No.", exit_code=127)
    assert isinstance(failure, click.ClickException)
    assert failure.status == 127


def test_completion_names_commands_and_options():
    script = subprocess.run(
        [sys.executable, "-m", "daypass"],
        env=os.environ
        | {"_DAYPASS_COMPLETE": "zsh_complete", "COMP_WORDS": "daypass ", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "whoami" in script.stdout


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--help"], {"botocore", "httpx", "rich", "sqlalchemy", "uvicorn"}),
        (["serve", "--help"], {"botocore", "sqlalchemy", "uvicorn"}),
        (["assume", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["call", "--help"], {"botocore", "sqlalchemy"}),
        (["call", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["sign", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["presign", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["explain", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["serve-credentials", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
        (["policy", "simulate", "--help"], {"botocore", "httpx", "sqlalchemy", "rich"}),
    ],
)
def test_commands_import_only_what_they_need(arguments, forbidden):
    code = (
        "import sys\nfrom daypass.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print(sorted({forbidden!r} & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == "[]"


def test_garbage_is_collected_again_however_a_command_ends(capsys):
    for arguments in (["--help"], ["nonsense"], ["cache", "ls"]):
        run(capsys, *arguments)
        assert gc.isenabled()
