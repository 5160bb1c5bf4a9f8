"""What tests share: a running server, and real AWS clients for it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import settings

from daypass.workers.isolation import detect

_START_SECONDS = 30

# Continuous integration tries the same examples each time; at a desk each run tries others.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@dataclass(frozen=True)
class Server:
    """A `daypass serve` process, and what it said when it was ready."""

    process: subprocess.Popen[str]
    data: Path
    endpoint: str
    tls_endpoint: str | None
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def credentials(self) -> dict[str, str]:
        """The root user's, as boto3 names them."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    def client(self, service: str, *, config: Config | None = None, **credentials: str) -> Any:
        """A boto3 client with AWS's defaults, as root unless credentials are given."""
        session = boto3.Session(region_name=self.region, **(credentials or self.credentials))
        fast = Config(retries={"total_max_attempts": 1})
        merged = fast.merge(config) if config else fast
        return session.client(service, endpoint_url=self.endpoint, config=merged)

    def environment(self, **credentials: str) -> dict[str, str]:
        """Environment variables for an AWS client, as root unless credentials are given.

        Nothing of the machine's own AWS configuration reaches it.
        """
        given = credentials or self.credentials
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        environment.update(
            {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": self.region,
                "AWS_DEFAULT_REGION": self.region,
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_PAGER": "",
                **{name.upper(): value for name, value in given.items()},
            }
        )
        return environment

    def aws(self, *arguments: str, **credentials: str) -> subprocess.CompletedProcess[str]:
        """Run the AWS CLI, as root unless credentials are given."""
        return subprocess.run(
            ["aws", *arguments],
            env=self.environment(**credentials),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def start_server(data: Path, *options: str, credentials: tuple[str, str] = ("", "")) -> Server:
    """Start a server on `data` and wait until it answers.

    credentials: its root access key, for a directory that was initialised before.
    """
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "daypass", "serve", "--data", str(data)),
            *("--listen", "127.0.0.1:0", "--output", "json", *_weakest_isolation(), *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )
    assert process.stdout is not None
    try:
        ready = json.loads(_line(process.stdout))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Server(
        process,
        data,
        ready["Endpoint"],
        ready.get("TlsEndpoint"),
        ready["Region"],
        ready["AccountId"],
        ready.get("AccessKeyId", credentials[0]),
        ready.get("SecretAccessKey", credentials[1]),
    )


def _weakest_isolation() -> list[str]:
    """What a machine that can keep functions apart in no way is told, for the tests to run."""
    return [] if detect().level else ["--isolation", "process"]


def _line(stream: IO[str]) -> str:
    readable, _, _ = select.select([stream], [], [], _START_SECONDS)
    assert readable, f"The server did not say within {_START_SECONDS} s that it is ready."
    return stream.readline()


def stop_server(server: Server) -> int:
    """Stop it as an operator does, and return its exit code."""
    server.process.terminate()
    code = server.process.wait(30)
    assert server.process.stdout is not None
    server.process.stdout.close()
    return code


@pytest.fixture(scope="session", autouse=True)
def no_cache_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What clients keep between runs is kept in a directory of the tests' own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAYPASS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that need no other; each uses names of its own in it."""
    running = start_server(tmp_path_factory.mktemp("server") / "data")
    yield running
    assert stop_server(running) == 0
