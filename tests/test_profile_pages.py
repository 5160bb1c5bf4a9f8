"""The pages about profiles, shells, MFA, SDKs and trouble, run as they stand."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Server, start_server, stop_server
from tests.mfa import Device, enabled_device

PAGES = Path(__file__).parent.parent / "docs" / "client"
ACCOUNT = "111122223333"  # as the pages write it
BLOCKS = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$")


@dataclass(frozen=True)
class World:
    """A server with alice, who may assume `reader`, and `admin` with MFA."""

    server: Server
    key: dict[str, str]
    device: Device


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = start_server(tmp_path_factory.mktemp("pages") / "data")
    iam = server.client("iam")
    arn = iam.create_user(UserName="alice")["User"]["Arn"]
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": actions}
    with_mfa = statement | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    for role, one in (("reader", statement), ("admin", with_mfa)):
        trust = json.dumps({"Version": "2012-10-17", "Statement": [one]})
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    device = enabled_device(iam, "alice", time.time())
    yield World(server, iam.create_access_key(UserName="alice")["AccessKey"], device)
    stop_server(server)


def run(page: str, world: World, home: Path) -> subprocess.CompletedProcess[str]:
    """The page, read by somebody whose key is in ~/.aws/credentials as the profile `base`."""
    text = (PAGES / page).read_text().replace(ACCOUNT, world.server.account_id)
    blocks = BLOCKS.findall(text)
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("\n".join(b for kind, b in blocks if kind == "ini"))
    credentials = home / ".aws" / "credentials"
    credentials.write_text(
        f"[base]\naws_access_key_id = {world.key['AccessKeyId']}\n"
        f"aws_secret_access_key = {world.key['SecretAccessKey']}\n"
    )
    credentials.chmod(0o600)
    binaries = home / "bin"
    binaries.mkdir()
    authenticator = binaries / "my-authenticator"
    authenticator.write_text(
        f"#!/bin/sh\necho asked >> ~/asked\necho {world.device.code(time.time())}\n"
    )
    authenticator.chmod(0o755)
    environment = world.server.environment() | {
        "HOME": str(home),
        "PATH": f"{binaries}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "DAYPASS_CACHE_DIR": str(home / "cache"),
    }
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        del environment[f"AWS_{name}"]
    (home / "program.py").write_text("\n".join(b for kind, b in blocks if kind == "python"))
    commands = "\n".join(b for kind, b in blocks if kind == "sh")
    ended = subprocess.run(
        ["bash", "-euxc", commands + "\npython program.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def session(world: World, role: str, name: str = "daypass") -> str:
    return f"arn:aws:sts::{world.server.account_id}:assumed-role/{role}/{name}"


def test_profiles(world: World, tmp_path: Path) -> None:
    out = run("profiles.md", world, tmp_path).stdout
    assert session(world, "reader") in out
    assert session(world, "reader", "alice") in out
    assert re.search(r"(?m)^alpha +role +arn:\S+:role/reader +base +us-east-1$", out)
    assert re.search(r"(?m)^role +arn:\S+:role/reader +alpha +http://", out)
    assert "Dropped 3 sessions." in out


def test_shells(world: World, tmp_path: Path) -> None:
    out = run("shells.md", world, tmp_path).stdout
    assert out.count(session(world, "reader")) == 2
    assert session(world, "reader", "botocore-session-") in out, "the SDK assumes it by itself"
    assert "in the prompt: reader" in out
    assert json.loads((tmp_path / "session.json").read_text())["Arn"] == session(world, "reader")


def test_mfa(world: World, tmp_path: Path) -> None:
    out = run("mfa.md", world, tmp_path).stdout
    assert out.count(session(world, "admin")) == 3
    assert re.search(r"(?m)^mfa +arn:\S+:mfa/alice ", out)
    assert (tmp_path / "asked").read_text() == "asked\n", "once for all"


def test_sdks(world: World, tmp_path: Path) -> None:
    out = run("sdks.md", world, tmp_path).stdout
    assert out.count(session(world, "reader")) == 4


def test_trouble(world: World, tmp_path: Path) -> None:
    out = run("trouble.md", world, tmp_path).stdout
    assert re.search(r"(?m)^ok +clock ", out)
    assert ":user/alice" in out
    assert json.loads((tmp_path / "doctor.json").read_text())["Healthy"] is True
