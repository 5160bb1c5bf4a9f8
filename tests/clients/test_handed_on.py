"""SDKs take credentials by their own chain from what `daypass` hands on, and renew them.

Each program says who it is; then its session's stated end passes and the session is revoked, and it
must say so again, by the next session.
"""

import os
import select
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import boto3
import httpx
import pytest

from daypass.cli.demo.node import node_modules
from daypass.client import Auth
from daypass.client.local.handing_on import Kind, Serving, served_environment, serving
from daypass.sigv4 import Credentials
from tests.clients.building import build, fetch, kept, tools
from tests.clients.cast import a_user_and_a_role
from tests.clients.test_go import ENVIRONMENT as GO_ENVIRONMENT
from tests.clients.test_java import COPY
from tests.conftest import Server

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
# Seconds that the first sessions say they last: a Java program takes some of them to start, and
# its SDK goes on with what is over when it gets it.
SHORT = {"python": 5.0, "node": 5.0, "go": 5.0, "java": 12.0}

PYTHON = """
import boto3, sys
client = boto3.client("sts")
print(client.get_caller_identity()["Arn"], flush=True)
for _ in sys.stdin:
    print(client.get_caller_identity()["Arn"], flush=True)
"""
NODE = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { createInterface } from "node:readline";
const sts = new STSClient({});
const say = async () => console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
await say();
for await (const _ of createInterface({ input: process.stdin })) await say();
"""


class Sessions:
    """Sessions of a role, each by a name of its own, which say that they are soon over."""

    def __init__(self, environment: dict[str, str], role: str, short: float) -> None:
        self.sts = boto3.client(
            "sts",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        self.role = role
        self.lock = threading.Lock()
        self.made: list[Credentials] = []
        self.short: float | None = short

    def credentials(self) -> Credentials:
        with self.lock:
            name = f"session-{len(self.made)}"
            made = self.sts.assume_role(RoleArn=self.role, RoleSessionName=name)["Credentials"]
            ends = time.time() + self.short if self.short else made["Expiration"].timestamp()
            session = Credentials(
                made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], ends
            )
            self.made.append(session)
            return session


@pytest.fixture(scope="module")
def python() -> list[str]:
    return [sys.executable, "-c", PYTHON]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    modules = node_modules(EXAMPLES / "node")
    if isinstance(modules, str):
        pytest.skip(modules)
    directory = tmp_path_factory.mktemp("chain")
    (directory / "node_modules").symlink_to(modules / "node_modules")
    (directory / "chain.mjs").write_text(NODE)
    return ["node", str(directory / "chain.mjs")]


@pytest.fixture(scope="module")
def go() -> list[str]:
    (tool,) = tools("go")
    source = HERE / "go_chain"

    def make(directory: Path) -> None:
        fetch([tool, "mod", "download"], source, **GO_ENVIRONMENT)
        build([tool, "build", "-o", str(directory / "chain"), "."], source, **GO_ENVIRONMENT)

    return [str(kept("go-chain", sorted(source.iterdir()), make) / "chain")]


@pytest.fixture(scope="module")
def java() -> list[str]:
    tool, maven = tools("java", "mvn")
    source = HERE / "java"

    def make(directory: Path) -> None:
        fetch([maven, *COPY, f"-DoutputDirectory={directory}"], source)

    jars = kept("java", [source / "pom.xml"], make)
    return [tool, "-cp", f"{jars}{os.sep}*", str(source / "Chain.java")]


class Program:
    """A running program that says who it is when it starts, and when it is asked."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            env=environment | {"NODE_NO_WARNINGS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if readable else ""
        assert line, self.process.stderr.read()
        return line.strip()

    def ask(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


# botocore believes what is served as instance metadata to last at least ten minutes; tests/client/
# local/test_imds.py has that what it is handed lasts longer.
RENEWS = {
    "python": [Kind.CONTAINER],
    "node": [Kind.CONTAINER, Kind.IMDS],
    "go": [Kind.CONTAINER, Kind.IMDS],
    "java": [Kind.CONTAINER, Kind.IMDS],
}


@pytest.mark.parametrize("language", RENEWS)
def test_a_session_ends_and_the_program_goes_on(
    server: Server, language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    command: list[str] = request.getfixturevalue(language)
    environment, _, role = a_user_and_a_role(server, f"handed-on-{language}")
    clean = {name: text for name, text in environment.items() if "ACCESS_KEY" not in name}
    (tmp_path / "empty").touch()
    with ExitStack() as opened:
        running = []
        for kind in RENEWS[language]:
            sessions = Sessions(environment, role, SHORT[language])
            served = opened.enter_context(serving(sessions, Serving(kind)))
            variables = served_environment(clean, served, tmp_path / "empty")
            program = Program(command, variables)
            opened.callback(program.end)
            running.append((kind, sessions, program))
        session = f"arn:aws:sts::{server.account_id}:assumed-role/handed-on-{language}/session-"
        for kind, _, program in running:
            assert program.says().startswith(session), kind
        for _, sessions, _ in running:
            sessions.short = None
        time.sleep(SHORT[language])
        over = [len(sessions.made) for _, sessions, _ in running]
        for _, sessions, _ in running:
            for one in sessions.made:
                revoke(server, one)
        for (kind, sessions, program), before in zip(running, over, strict=True):
            program.ask()
            assert int(program.says().removeprefix(session)) >= before, kind
            assert len(sessions.made) == before + 1


def revoke(server: Server, session: Credentials) -> None:
    url = f"{server.endpoint}/_daypass/sessions/revoke"
    root = Credentials(server.access_key_id, server.secret_access_key)
    auth = Auth("daypass", server.region, root)
    body = {"AccessKeyId": session.access_key_id}
    httpx.post(url, json=body, auth=auth, trust_env=False).raise_for_status()


@pytest.mark.parametrize("language", ["node", "go", "java"])
def test_a_profile_names_the_process_that_gives_them(
    server: Server, language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    command: list[str] = request.getfixturevalue(language)
    environment, _, role = a_user_and_a_role(server, f"process-{language}")
    keys = [f"{name.lower()} = {environment[name]}" for name in environment if "ACCESS_KEY" in name]
    process = f"{sys.executable} -m daypass credential-process --profile keys --role {role}"
    (tmp_path / "config").write_text(
        f"[default]\ncredential_process = {process}\n\n[profile keys]\n" + "\n".join(keys) + "\n"
    )
    clean = {name: text for name, text in environment.items() if "ACCESS_KEY" not in name}
    program = Program(command, clean | {"AWS_CONFIG_FILE": str(tmp_path / "config")})
    try:
        expected = f"arn:aws:sts::{server.account_id}:assumed-role/process-{language}/"
        assert program.says().startswith(expected)
    finally:
        program.end()
