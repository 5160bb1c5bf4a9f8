"""Credentials as shells take them: run in those that are here, and told for those that are not."""

import json
import os
import shutil
import subprocess

import pytest

from daypass.cli import formats
from daypass.cli.failure import Failure
from daypass.sigv4 import Credentials

# Every letter that some shell finds special; AWS's secrets have "/" and "+", tokens "=" too.
AWKWARD = "a'b\"c$HOME`id`\\d;e&f|g *~#{}()<>!%PATH%"
MADE = Credentials("ASIA1", AWKWARD, "tok/en+==", 4102444800)
STALE = {"AWS_PROFILE": "x", "AWS_SECURITY_TOKEN": "stale", "AWS_SESSION_TOKEN": "stale"}
PRINT = "env -0"


def in_shell(shell, script):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    ended = subprocess.run(
        [shell, "-c", f"{script}\n{PRINT}"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **STALE},
        capture_output=True,
        check=True,
    )
    pairs = (line.decode().split("=", 1) for line in ended.stdout.split(b"\0") if line)
    return {name: value for name, value in pairs if name.startswith("AWS_")}


@pytest.mark.parametrize(
    ("shell", "style"),
    [("sh", "env"), ("bash", "env"), ("zsh", "env"), ("dash", "env"), ("fish", "fish")],
)
def test_a_shell_takes_every_letter_and_drops_what_is_stale(shell, style):
    variables = formats.variables_of(MADE, "eu-west-1")
    assert in_shell(shell, formats.SHELLS[style](variables)) == variables
    long_term = formats.variables_of(Credentials("AKIA1", "s"))
    assert in_shell(shell, formats.SHELLS[style](long_term)) == long_term


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not here")
def test_powershell_takes_every_letter():
    variables = formats.variables_of(MADE)
    script = formats.powershell(variables) + "\nGet-ChildItem Env:AWS_* | ConvertTo-Json"
    ended = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", script], capture_output=True, check=True
    )
    found = {one["Name"]: one["Value"] for one in json.loads(ended.stdout)}
    assert found == variables


def test_powershell_removes_and_quotes():
    # about_Quoting_Rules: within single quotes all is literal, and '' is one quote.
    script = formats.powershell({"AWS_SECRET_ACCESS_KEY": "it's $x"})
    assert "$Env:AWS_SECRET_ACCESS_KEY='it''s $x'" in script.splitlines()
    assert script.startswith("Remove-Item -ErrorAction SilentlyContinue Env:AWS_ACCESS_KEY_ID,")
    assert "''" not in script.splitlines()[0]


def test_the_command_prompt_acts_on_nothing_in_a_value():
    lines = formats.cmd({"AWS_SESSION_TOKEN": "a=b/+&calc"}).split("\r\n")
    assert 'set "AWS_SESSION_TOKEN=a=b/+&calc"' in lines
    assert 'set "AWS_PROFILE="' in lines
    for hostile in ('a"&calc', "%PATH%", "a\r\ncalc"):
        with pytest.raises(Failure):
            formats.cmd({"AWS_SESSION_TOKEN": hostile})


def test_a_section_is_one_that_sdks_read(tmp_path):
    from botocore.session import Session

    path = tmp_path / "credentials"
    path.write_text(formats.ini(Credentials("ASIA1", "s/+", "tok=="), "made", "eu-west-1"))
    session = Session(profile="made")
    session.set_config_variable("credentials_file", str(path))
    session.set_config_variable("config_file", os.devnull)
    assert session.get_credentials().get_frozen_credentials()[:3] == ("ASIA1", "s/+", "tok==")
    assert session.get_config_variable("region") == "eu-west-1"
