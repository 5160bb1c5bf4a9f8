"""Whole requests through a running server, everything on, beside moto's server in the same run.

Prints for each operation the requests a second, the server's CPU µs a request, and the ratio to
moto; then start-up time and memory. Rounds of the two servers alternate; the median is printed.
"""

import contextlib
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.credentials import Credentials
from rich.console import Console
from rich.table import Table

from benchmarks.load import Prepared, prepare, run

_ROUNDS = 3
_SECONDS = 2.0
REGION = "us-east-1"
_TICKS = os.sysconf("SC_CLK_TCK")
# Those of `set_up`.
_MOTO_UNCHECKED = 6
_FUNCTION = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"


@dataclass
class Subject:
    """A server under measurement, and the requests prepared for it by name."""

    name: str
    process: subprocess.Popen[bytes]
    endpoint: str
    credentials: Credentials
    start_seconds: float
    requests: dict[str, Prepared] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
        )

    def family(self) -> Iterator[int]:
        """The process ids of the server and all its descendants."""
        return _family(self.process.pid)

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in self.family())

    def memory_megabytes(self) -> float:
        return _memory_megabytes(self.process.pid)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(FileNotFoundError):
        for child in children.read_text().split():
            yield from _family(int(child))


@contextlib.contextmanager
def daypass(directory: Path, credentials: Credentials | None = None) -> Iterator[Subject]:
    """credentials: the root's, of a directory that a server has been started on."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "daypass", "serve", "--data", str(directory / "data")),
            *("--listen", "127.0.0.1:0", "--region", REGION, "--output", "json"),
            # The limits count, and no benchmark meets them.
            *("--issuance-rate", "1e6", "--address-rate", "1e6", "--live-sessions", "100000000"),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    seconds = time.perf_counter() - started
    if credentials is None:
        credentials = Credentials(ready["AccessKeyId"], ready["SecretAccessKey"])
    with stopped_at_the_end(process):
        yield Subject("daypass", process, ready["Endpoint"], credentials, seconds)


@contextlib.contextmanager
def moto(unchecked: int = _MOTO_UNCHECKED) -> Iterator[Subject]:
    """moto's server with its authentication on, as far as it has any. unchecked: so many requests
    pass before it begins to check."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(unchecked)},
    )
    with stopped_at_the_end(process):
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        anybody = Credentials("AKIAX", "x")
        yield Subject("moto", process, f"http://127.0.0.1:{port}", anybody, seconds)


@contextlib.contextmanager
def stopped_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def set_up(subject: Subject) -> None:
    """A user with policies, a role it may assume, a bucket with an object; and the requests."""
    iam = subject.client("iam")
    user = iam.create_user(UserName="bench")["User"]["Arn"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_userpolicy(UserName="bench", PolicyName="all", PolicyDocument=policy(everything))
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    subject.credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    role = _role(iam, "bench", {"AWS": user})
    s3 = subject.client("s3")
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="object", Body=b"x" * 1024)
    subject.requests = {
        "GetCallerIdentity": _query(subject, Action="GetCallerIdentity"),
        "AssumeRole": _query(
            subject, Action="AssumeRole", RoleArn=role, RoleSessionName="bench-session"
        ),
        "GetObject 1 KB": _s3(subject, "GET", "object"),
        "PutObject 1 KB": _s3(subject, "PUT", "written", b"y" * 1024),
    }
    if subject.name == "daypass":
        service = {"Service": "lambda.amazonaws.com"}
        subject.requests["Function URL, warm"] = _function(subject, _role(iam, "runs", service))


def _role(iam: Any, name: str, trusted: dict[str, str]) -> str:
    trust = policy({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return arn


def _query(subject: Subject, **parameters: str) -> Prepared:
    body = urlencode({**parameters, "Version": "2011-06-15"}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{subject.endpoint}/"
    return prepare(subject.credentials, "sts", REGION, "POST", url, body, form)


def _s3(subject: Subject, method: str, key: str, body: bytes = b"") -> Prepared:
    url = f"{subject.endpoint}/bench/{key}"
    return prepare(subject.credentials, "s3", REGION, method, url, body)


def _function(subject: Subject, role: str) -> Prepared:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", _FUNCTION)
    functions = subject.client("lambda")
    url_id = "b" * 32
    functions.create_function(
        FunctionName="bench",
        Runtime="python3.12",
        Handler="main.handler",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
        Tags={"daypass:url-id": url_id},
    )
    functions.create_function_url_config(FunctionName="bench", AuthType="AWS_IAM")
    url = f"{subject.endpoint}/_urls/{url_id}/"
    return prepare(subject.credentials, "lambda", REGION, "GET", url)


@dataclass
class Figures:
    rates: list[float] = field(default_factory=list)
    cpu_microseconds: list[float] = field(default_factory=list)
    failures: int = 0


def measure(subject: Subject, request: Prepared, figures: Figures) -> None:
    run(request, 0.3)
    before = subject.cpu_seconds()
    result = run(request, _SECONDS)
    used = subject.cpu_seconds() - before
    figures.rates.append(result.requests / result.seconds)
    figures.cpu_microseconds.append(used / result.requests * 1e6)
    figures.failures += result.failures


def main() -> int:
    console = Console()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        ours = stack.enter_context(daypass(Path(directory)))
        peer = stack.enter_context(moto())
        for subject in (ours, peer):
            set_up(subject)
        figures: dict[tuple[str, str], Figures] = {}
        with console.status("measuring") as status:
            for name, subject, round_number in _schedule(ours, peer):
                status.update(f"{name}: {subject.name}, round {round_number} of {_ROUNDS}")
                one = figures.setdefault((name, subject.name), Figures())
                measure(subject, subject.requests[name], one)
        _print_operations(console, ours, figures)
        _print_process(console, ours, peer)
    return 1 if any(figures[name, ours.name].failures for name in ours.requests) else 0


def _schedule(ours: Subject, peer: Subject) -> Iterator[tuple[str, Subject, int]]:
    for name in ours.requests:
        for round_number in range(1, _ROUNDS + 1):
            for subject in (ours, peer):
                if name in subject.requests:
                    yield name, subject, round_number


def _print_operations(
    console: Console, ours: Subject, figures: dict[tuple[str, str], Figures]
) -> None:
    table = Table(title="16 connections, signatures and policies enforced; medians")
    table.add_column("operation")
    for column in (
        "requests/s",
        "CPU µs",
        "moto requests/s",
        "moto CPU µs",
        "CPU ratio",
        "failed",
        "moto",
    ):
        table.add_column(column, justify="right")
    for name in ours.requests:
        own, peer = figures[name, "daypass"], figures.get((name, "moto"))
        rate, cpu = statistics.median(own.rates), statistics.median(own.cpu_microseconds)
        row = [name, f"{rate:,.0f}", f"{cpu:,.0f}"]
        if peer is None:
            row += ["-", "-", "-", f"{own.failures}", "-"]
        else:
            peer_cpu = statistics.median(peer.cpu_microseconds)
            row += [f"{statistics.median(peer.rates):,.0f}", f"{peer_cpu:,.0f}"]
            row += [f"{peer_cpu / cpu:.1f} ×", f"{own.failures}", f"{peer.failures}"]
        table.add_row(*row)
    console.print(table)


def _print_process(console: Console, ours: Subject, peer: Subject) -> None:
    table = Table(title="the process")
    for column in ("server", "start to ready, s", "memory, MB"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for subject in (ours, peer):
        memory = subject.memory_megabytes()
        table.add_row(subject.name, f"{subject.start_seconds:.2f}", f"{memory:.0f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
