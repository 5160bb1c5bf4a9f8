"""Functions that stay while their credentials end, with unmodified SDKs for Python and Node.js.

The server's functions get sessions of six seconds here; every one of them outlives its own.
"""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from daypass.cli.demo.node import node_modules
from tests.conftest import Server, start_server, stop_server
from tests.functions import create_role, deploy, invoke, pack

PYTHON = """
import os, time
import boto3
session = boto3.Session()
sts = session.client("sts")
born = os.urandom(4).hex()
def look():
    arn = sts.get_caller_identity()["Arn"]
    keys = session.get_credentials().get_frozen_credentials()
    return {"arn": arn, "born": born, "keys": [keys.access_key, keys.secret_key, keys.token]}
def handler(event, context):
    first = look()
    time.sleep(event)
    return [first, look()]
"""
NODE = """
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const sts = new STSClient({});
const born = String(Math.random());
async function look() {
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  const keys = await sts.config.credentials();
  return { arn: Arn, born, keys: [keys.accessKeyId, keys.secretAccessKey, keys.sessionToken] };
}
exports.handler = async (event) => {
  const first = await look();
  await new Promise((resolve) => setTimeout(resolve, event * 1000));
  return [first, await look()];
};
"""


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("brief") / "data", "--function-session", "6")
    yield server
    assert stop_server(server) == 0


def _node_package() -> bytes:
    """The function and the SDK it needs, what is for other module systems left out."""
    modules = node_modules(Path(__file__).parents[2] / "examples" / "node")
    if isinstance(modules, str):
        pytest.skip(modules)
    package = io.BytesIO(pack({"app.js": NODE}))
    with zipfile.ZipFile(package, "a") as archive:
        for path in (modules / "node_modules").rglob("*"):
            inside = path.relative_to(modules)
            if path.suffix in {".js", ".json", ".cjs"} and "dist-es" not in inside.parts:
                archive.write(path, inside)
    return package.getvalue()


def _deploy(server: Server, name: str, **parameters: Any) -> None:
    role = create_role(server, f"{name}-role")
    tags = {"daypass:credentials": "container"}
    deploy(server, name, PYTHON, role=role, Tags=tags, Timeout=30, MemorySize=512, **parameters)


def test_sdks_renew_their_credentials_in_functions_that_stay(brief: Server) -> None:
    _deploy(brief, "python")
    _deploy(brief, "node", Runtime="nodejs22.x", Code={"ZipFile": _node_package()})
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(invoke, brief, name, 6.5) for name in ("python", "node")]
        answers = [call.result()["Payload"] for call in calls]
    for name, answer in zip(("python", "node"), answers, strict=True):
        before, after = answer
        later = invoke(brief, name, 0)["Payload"][0]

        expected = f"arn:aws:sts::{brief.account_id}:assumed-role/{name}-role/{name}"
        assert before["arn"] == after["arn"] == later["arn"] == expected
        assert before["born"] == after["born"] == later["born"]
        assert before["keys"][0] != after["keys"][0]
        with pytest.raises(ClientError, match="ExpiredToken"):
            _client(brief, before["keys"]).get_caller_identity()


def test_a_functions_session_is_named_after_it_in_the_tree(brief: Server) -> None:
    _deploy(brief, "seen")
    arn = invoke(brief, "seen", 0)["Payload"][0]["arn"]
    listed = subprocess.run(
        [sys.executable, "-m", "daypass", "sessions", "tree", "--output", "json"],
        env=brief.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert arn.endswith("/seen-role/seen")
    assert '"SessionName": "seen"' in json.dumps(json.loads(listed.stdout))


def _client(server: Server, keys: list[str]) -> Any:
    session = boto3.Session(keys[0], keys[1], keys[2], region_name=server.region)
    return session.client("sts", endpoint_url=server.endpoint)
