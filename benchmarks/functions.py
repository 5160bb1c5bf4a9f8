"""Functions, warm and cold, beside a bare echo, awslambdaric spawned afresh, and ministack.

Warm: the median of calls one after another, what a Function URL with AWS_IAM adds to the same
function's environment, and that to a socket pair between two processes. Cold: from a signed
Invoke to its answer, at the strongest isolation the machine allows, beside the time in which a
spawned awslambdaric asks for its first event. Then a server with many functions, ten of them hot.

ministack runs from a virtual environment of its own: `make bench-functions` makes it.
"""

import argparse
import asyncio
import contextlib
import functools
import http.server
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from pathlib import Path

import httptools
from rich.console import Console
from rich.table import Table

from benchmarks.load import Prepared, prepare
from benchmarks.server import REGION, Subject, daypass, policy
from benchmarks.sts import PEERS, ministack
from daypass.runtime import frames
from daypass.runtime.frames import Kind
from daypass.workers import Credentials, Environments, Event, FunctionSpec, Supplies
from daypass.workers.isolation import detect
from daypass.workers.log import NoLog

_WARM_CALLS = 300
_COLD_STARTS = 9
_HOT = 10
_BODY = b'{"key":"value"}'
_MEGABYTE = 1024 * 1024
_SOURCES = {
    "trivial": ("python3.12", "def handler(event, context):\n    return event\n"),
    "import boto3": (
        "python3.12",
        "import boto3\ndef handler(event, context):\n    return event\n",
    ),
    "boto3 client": (
        "python3.12",
        "import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n    return event\n",
    ),
    "Node.js": ("nodejs22.x", "exports.handler = async (event) => event;\n"),
}


def _package(source: str) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.js" if source.startswith("exports") else "app.py", source)
    return package.getvalue()


# -- warm --------------------------------------------------------------------------------------


def _median_microseconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_WARM_CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def _echo_socket_pair() -> float:
    """The median of a frame there and back between two processes, and nothing else."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        while (frame := frames.receive(theirs)) is not None:
            frames.send(theirs, Kind.RESPONSE, frame[1], frame[2])
        os._exit(0)
    theirs.close()

    def call() -> None:
        frames.send(ours, Kind.INVOKE, {"id": "x"}, _BODY)
        assert frames.receive(ours) is not None

    with ours:
        return _median_microseconds(call)


class _Answer:
    complete = False

    def on_message_complete(self) -> None:
        self.complete = True


def _ask(connection: socket.socket, request: Prepared) -> None:
    """One request and its whole answer, which must be a success."""
    connection.sendall(request.wire)
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.complete:
        data = connection.recv(65536)
        assert data, "the server closed the connection"
        parser.feed_data(data)
    assert parser.get_status_code() == 200, parser.get_status_code()


def _warm(request: Prepared) -> float:
    with socket.create_connection((request.host, request.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        call = functools.partial(_ask, connection, request)
        for _ in range(20):
            call()
        return _median_microseconds(call)


def _deploy(
    subject: Subject, names: Sequence[str], source: str, runtime: str = "python3.12"
) -> None:
    """Functions that are active."""
    role = f"arn:aws:iam::{_account(subject)}:role/bench-functions"
    trusts = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
    document = policy(trusts)
    iam, client = subject.client("iam"), subject.client("lambda")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="bench-functions", AssumeRolePolicyDocument=document)
    package = _package(source)
    for name in names:
        client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler="app.handler",
            Role=role,
            Code={"ZipFile": package},
            Timeout=30,
            MemorySize=512,
        )


def _account(subject: Subject) -> str:
    return str(subject.client("sts").get_caller_identity()["Account"])


def _invocation(subject: Subject, name: str) -> Prepared:
    url = f"{subject.endpoint}/2015-03-31/functions/{name}/invocations"
    return prepare(subject.credentials, "lambda", REGION, "POST", url, _BODY)


def _url_call(subject: Subject, name: str) -> Prepared:
    client = subject.client("lambda")
    url = client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    return prepare(subject.credentials, "lambda", REGION, "POST", url, _BODY)


def _print_warm(console: Console, ours: Subject) -> None:
    _deploy(ours, ["warm"], _SOURCES["trivial"][1])
    echo = _echo_socket_pair()
    environment = asyncio.run(_warm_environment())
    url, invoke = _warm(_url_call(ours, "warm")), _warm(_invocation(ours, "warm"))
    table = Table("Warm call, median", "µs", "× the echo")
    table.add_row("a frame over a socket pair and back", f"{echo:.0f}", "1.0")
    for name, figure in (
        ("an environment, in the server's process", environment),
        ("Invoke, signed", invoke),
        ("a Function URL with AWS_IAM, signed", url),
    ):
        table.add_row(name, f"{figure:.0f}", f"{figure / echo:.1f}")
    console.print(table)
    console.print(f"The URL adds {(url - environment) / 1000:.2f} ms to the environment.")
    if not PEERS.exists():
        console.print("ministack is not installed here: make bench-functions installs it.")
        return
    with ministack() as peer:
        _deploy(peer, ["warm"], _SOURCES["trivial"][1])
        figure = _warm(_invocation(peer, "warm"))
    console.print(f"ministack, Invoke: {figure:.0f} µs, {figure / invoke:.1f} × ours.")


# -- environments by themselves ----------------------------------------------------------------


@contextlib.asynccontextmanager
async def _environments() -> AsyncIterator[Environments]:
    directory = Path(tempfile.mkdtemp(prefix="daypass-bench-"))
    environments = Environments(directory / "functions")
    try:
        yield environments
    finally:
        await environments.close()
        shutil.rmtree(directory, ignore_errors=True)


async def _call(environments: Environments, name: str, package: bytes, runtime: str) -> None:
    async def credentials() -> Credentials:
        return Credentials("ASIAEXAMPLE", "secret", "token", lambda: True)

    async def read(_: str) -> bytes:
        return package

    spec = FunctionSpec(
        name=name,
        arn=f"arn:aws:lambda:{REGION}:123456789012:function:{name}",
        revision="1",
        runtime=runtime,
        handler="app.handler",
        code_sha256=sha256(package).hexdigest(),
        timeout=30,
        memory_size=512,
        ephemeral_storage=512,
        region=REGION,
        endpoint_url="http://127.0.0.1:9",
    )
    supplies = Supplies(credentials, read, lambda _: NoLog())
    answer = await environments.invoke(spec, Event("request", _BODY), supplies)
    assert answer.function_error is None, answer.payload


async def _warm_environment() -> float:
    package = _package(_SOURCES["trivial"][1])
    times = []
    async with _environments() as environments:
        for _ in range(_WARM_CALLS + 20):
            started = time.perf_counter()
            await _call(environments, "warm", package, "python3.12")
            times.append(time.perf_counter() - started)
    return statistics.median(times[20:]) * 1e6


def _cold(subject: Subject, name: str) -> list[float]:
    """Milliseconds from a signed Invoke to its answer, each in a new environment."""
    runtime, source = _SOURCES[name]
    function = name.replace(" ", "-").replace(".", "")
    _deploy(subject, [function], source, runtime)
    request = _invocation(subject, function)
    times = []
    with socket.create_connection((request.host, request.port)) as connection:
        _ask(connection, request)
        # What is loaded once for all functions is loaded meanwhile.
        time.sleep(2)
        client = subject.client("lambda")
        for number in range(_COLD_STARTS):
            variables = {"Variables": {"NUMBER": str(number)}}
            client.update_function_configuration(FunctionName=function, Environment=variables)
            time.sleep(0.3)
            started = time.perf_counter()
            _ask(connection, request)
            times.append((time.perf_counter() - started) * 1000)
    return times


# -- awslambdaric ------------------------------------------------------------------------------


def _spawn_awslambdaric(source: str) -> list[float]:
    """Milliseconds until a new process of awslambdaric asks for its first event."""
    asked = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            time.sleep(5)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            del format, arguments

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    times = []
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "app.py").write_text(source)
        variables = {"AWS_LAMBDA_RUNTIME_API": f"{host}:{port}", "LAMBDA_TASK_ROOT": directory}
        environment = {**os.environ, **variables, "AWS_DEFAULT_REGION": REGION}
        for _ in range(_COLD_STARTS):
            asked.clear()
            started = time.perf_counter()
            command = [sys.executable, "-m", "awslambdaric", "app.handler"]
            process = subprocess.Popen(command, env=environment, cwd=directory)
            assert asked.wait(30), "awslambdaric did not ask"
            times.append((time.perf_counter() - started) * 1000)
            process.kill()
            process.wait()
    server.shutdown()
    return times


def _print_cold(console: Console, ours: Subject) -> None:
    console.print(f"Isolation: {detect().describe()}")
    table = Table("Cold start, ms", "min", "median", "awslambdaric spawned, min", "ratio")
    for name, (runtime, source) in _SOURCES.items():
        if runtime.startswith("nodejs") and shutil.which("node") is None:
            continue
        times = _cold(ours, name)
        row = [name, f"{min(times):.1f}", f"{statistics.median(times):.1f}"]
        if runtime.startswith("python"):
            theirs = _spawn_awslambdaric(source)
            row += [f"{min(theirs):.1f}", f"{min(theirs) / min(times):.1f}"]
        table.add_row(*row)
    console.print(table)


# -- many functions ----------------------------------------------------------------------------


def _print_many(console: Console, count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as directory:
        names = [f"function-{number}" for number in range(count)]
        with daypass(Path(directory)) as ours:
            credentials = ours.credentials
            started = time.perf_counter()
            _deploy(ours, names, _SOURCES["import boto3"][1])
            deployed = time.perf_counter() - started
        with daypass(Path(directory), credentials) as ours:
            idle = ours.memory_megabytes()
            for name in names[:_HOT]:
                _warm_up(ours, name)
            table = Table(f"{count} functions deployed, {_HOT} hot", "")
            table.add_row("deployed in", f"{deployed:.1f} s")
            table.add_row("start of the server", f"{ours.start_seconds:.2f} s")
            table.add_row("the server, idle", f"{idle:.0f} MB")
            table.add_row("the server, ten hot", f"{ours.memory_megabytes():.0f} MB")
            table.add_row(
                "all its processes, what they share once", f"{_family_memory(ours):.0f} MB"
            )
            console.print(table)


def _warm_up(subject: Subject, name: str) -> None:
    request = _invocation(subject, name)
    with socket.create_connection((request.host, request.port)) as connection:
        _ask(connection, request)


def _family_memory(subject: Subject) -> float:
    """The proportional memory of the server and all its descendants, in MB."""
    total = 0
    for pid in subject.family():
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split(maxsplit=1)[0]) * 1024
    return total / _MEGABYTE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=1000, help="how many are deployed")
    arguments = parser.parse_args()
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="daypass-bench-") as directory,
        daypass(Path(directory)) as ours,
    ):
        _print_warm(console, ours)
        _print_cold(console, ours)
    _print_many(console, arguments.functions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
