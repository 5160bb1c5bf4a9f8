"""The AWS SDK for Go v2 assumes a role."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.clients.building import build, fetch, kept, tools
from tests.clients.cast import a_user_and_a_role, keys_by_process
from tests.conftest import Server
from tests.namespaces import sandboxed

SOURCE = Path(__file__).parent / "go"
# Nothing is changed or fetched while compiling; no C compiler is needed.
ENVIRONMENT = {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}


@pytest.fixture(scope="module")
def program() -> Path:
    (go,) = tools("go")

    def make(directory: Path) -> None:
        fetch([go, "mod", "download"], SOURCE, **ENVIRONMENT)
        build([go, "build", "-o", str(directory / "client"), "."], SOURCE, **ENVIRONMENT)

    return kept("go", sorted(SOURCE.iterdir()), make) / "client"


def test_sts_and_its_errors(server: Server, program: Path) -> None:
    _assume(server, "from-go", [str(program)])


def test_in_a_sandbox_it_finds_aws_by_its_name(server: Server, program: Path) -> None:
    # Neither its resolver nor its TLS are the system's libraries.
    _assume(server, "from-go-inside", [*sandboxed(server), str(program)])


def _assume(server: Server, name: str, command: list[str]) -> None:
    environment, user, role = a_user_and_a_role(server, name)
    ended = subprocess.run(
        [*command, role],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    # The SDK asks for a quarter of an hour.
    assert 800 < found.pop("expires") - time.time() <= 900
    assert found == {
        "me": user,
        "arn": f"arn:aws:sts::{server.account_id}:assumed-role/{name}/from-go",
        "refusal": "AccessDenied",
        "mismatch": "SignatureDoesNotMatch",
    }


def test_it_renews_by_the_credential_process(program: Path, tmp_path: Path) -> None:
    keys = keys_by_process([str(program), "3100ms"], tmp_path, 3)
    assert keys == ["AKIA1", "ASIA1", "AKIA1", "ASIA2"]
