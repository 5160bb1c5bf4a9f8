"""`daypass serve`, `init`, `env` and `ca`."""

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import CLEAN, daypass
from tests.conftest import start_server, stop_server


def test_init_makes_a_private_directory_and_prints_the_root_key_once(tmp_path):
    data = tmp_path / "data"
    arguments = ("--data", str(data), "--account-id", "111122223333", "--region", "eu-west-1")
    first = daypass("init", *arguments, "--output", "json")
    made = json.loads(first.out)
    assert set(made) == {"AccountId", "Region", "AccessKeyId", "SecretAccessKey"}
    assert (made["AccountId"], made["Region"]) == ("111122223333", "eu-west-1")
    assert len(made["SecretAccessKey"]) == 40
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    second = daypass("init", *arguments, "--output", "json")
    assert second.code == 1
    assert "SecretAccessKey" not in second.out
    assert json.loads(second.err)["Error"]["What"]


def test_the_secret_is_not_readable_in_the_data_directory(tmp_path):
    data = tmp_path / "data"
    secret = json.loads(daypass("init", "--data", str(data), "--output", "json").out)[
        "SecretAccessKey"
    ]
    for path in data.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("account", ["12", "abc", "1111222233334"])
def test_an_account_id_is_twelve_digits(tmp_path, account):
    ended = daypass("init", "--data", str(tmp_path / "data"), "--account-id", account)
    assert ended.code in {1, 2}
    assert not ended.out


def test_env_hands_the_running_server_to_a_shell(server):
    printed = daypass("env", "--data", str(server.data))
    assert printed.code == 0, printed
    script = printed.out + "\nenv | grep ^AWS_ | sort\n"
    shell = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "AWS_PROFILE": "other", "AWS_SESSION_TOKEN": "stale"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(line.split("=", 1) for line in shell.stdout.splitlines()) == {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_REGION": server.region,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
    }


def test_what_env_prints_works(server):
    variables = json.loads(daypass("env", "--data", str(server.data), "--output", "json").out)
    found = json.loads(
        daypass("whoami", "--output", "json", env=server.environment() | CLEAN | variables).out
    )
    assert found["Arn"] == f"arn:aws:iam::{server.account_id}:root"


def test_env_says_that_no_server_runs(tmp_path):
    data = tmp_path / "data"
    daypass("init", "--data", str(data))
    ended = daypass("env", "--data", str(data))
    assert ended.code == 1
    assert "No server runs on" in ended.err
    assert f"daypass serve --data {shlex.quote(str(data))}" in ended.err


def test_ca_says_how_to_get_one(tmp_path):
    data = tmp_path / "data"
    daypass("init", "--data", str(data))
    ended = daypass("ca", "--data", str(data))
    assert ended.code == 1
    assert "--tls" in ended.err


def test_a_relative_data_directory_serves_functions_too(tmp_path):
    running = start_server(Path(os.path.relpath(tmp_path / "data")))
    try:
        (tmp_path / "hello.py").write_text("def handler(event, context): return 'hello'\n")
        deployed = daypass(
            *("deploy", str(tmp_path / "hello.py"), "--url", "iam", "--output", "json"),
            env=running.environment(),
        )
        url = json.loads(deployed.out)["Url"]
        assert daypass("call", url, env=running.environment()).out == "hello"
    finally:
        stop_server(running)


def test_serve_refuses_an_address_that_is_none(tmp_path):
    ended = daypass("serve", "--data", str(tmp_path / "data"), "--listen", "nonsense")
    assert ended.code == 1
    assert "HOST:PORT" in ended.err
