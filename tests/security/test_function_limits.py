"""What a function may use up: memory, processes, descriptors, its /tmp, the log, time.

Whatever it does, the server goes on and so does the function next to it. What the isolation level
of this machine does not hold is skipped, which the summary shows.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daypass.workers import Environments, Invocation
from daypass.workers.cgroups import find
from daypass.workers.isolation import Level, detect
from tests.functions import pack
from tests.workers.conftest import Runner

needs_namespaces = pytest.mark.skipif(
    detect().level is not Level.NAMESPACES, reason=f"no namespaces here: {detect().refusal}"
)

SOURCE = """
import errno, os, signal, socket, subprocess, sys, time

def touch(size):
    block = bytearray(size)
    for index in range(0, size, 4096):
        block[index] = 1
    return block

def echo(event, context):
    return event

def hold(event, context):
    # Small pieces, so that nothing but the sum is too much.
    held = []
    while True:
        held.append(touch(event))
        time.sleep(0.002)

def hold_once(event, context):
    block = touch(event)
    time.sleep(0.3)
    return len(block)

def hold_in_children(event, context):
    size, detached = event
    program = "import time; block = b'x' * %d; time.sleep(60)" % size
    for _ in range(8):
        subprocess.Popen([sys.executable, "-S", "-c", program], start_new_session=detached)
    time.sleep(30)

def hold_in_orphans(event, context):
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            block = touch(event)
            time.sleep(60)
    time.sleep(30)

def bomb(event, context):
    born = 0
    try:
        while True:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            born += 1
    except OSError as error:
        return [born, errno.errorcode[error.errno]]

def wild_bomb(event, context):
    while True:
        try:
            os.fork()
        except OSError:
            pass

def fill(event, context):
    written = 0
    try:
        with open("/tmp/large", "wb", buffering=0) as file:
            while True:
                written += file.write(bytes(1024 * 1024))
    except OSError as error:
        code = errno.errorcode[error.errno]
    os.unlink("/tmp/large")
    return [written, code]

def fill_with_files(event, context):
    count = 0
    try:
        while True:
            os.close(os.open(f"/tmp/{count}", os.O_CREAT | os.O_WRONLY))
            count += 1
    except OSError as error:
        return [count, errno.errorcode[error.errno]]

def open_all(event, context):
    opened = []
    try:
        while True:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        code = errno.errorcode[error.errno]
    for descriptor in opened:
        os.close(descriptor)
    return [len(opened), code]

def chat(event, context):
    until = time.monotonic() + event
    while time.monotonic() < until:
        print("chatter " * 1000)
    return "said"

def crash(event, context):
    import ctypes
    ctypes.string_at(0)

def hang(event, context):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass

def grow_response(event, context):
    return "x" * event
"""
PACKAGE = pack({"app.py": SOURCE})


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[Runner]:
    environments = Environments(tmp_path / "functions", preload=False)
    yield Runner(environments)
    await environments.close()


async def run(runner: Runner, handler: str, event: object, **settings: object) -> Invocation:
    """Abuse, while another function is asked again and again; it must answer all the time."""
    abuse = asyncio.ensure_future(
        runner.run(PACKAGE, event, name="abuser", handler=f"app.{handler}", **settings)
    )
    answered = 0
    while not abuse.done():
        assert (
            await runner.value(PACKAGE, answered, name="neighbour", handler="app.echo") == answered
        )
        answered += 1
        await asyncio.sleep(0.05)
    assert await runner.value(PACKAGE, "after", name="neighbour", handler="app.echo") == "after"
    return await abuse


def is_killed_for_memory(invocation: Invocation) -> bool:
    # As recorded on AWS: the caller is told of an exit, the log of the memory.
    error = json.loads(invocation.payload)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    report = invocation.log_tail.decode().splitlines()[-1]
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in report
    return report.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory")


async def test_memory_beyond_the_functions_size_ends_it(runner: Runner) -> None:
    invocation = await run(runner, "hold", 1024 * 1024, memory_size=128)

    assert is_killed_for_memory(invocation)


@pytest.mark.parametrize("detached", [False, True])
async def test_memory_of_children_counts(runner: Runner, detached: bool) -> None:
    event = [40 * 1024 * 1024, detached]
    invocation = await run(runner, "hold_in_children", event, memory_size=128)

    assert is_killed_for_memory(invocation)


@needs_namespaces
async def test_memory_of_orphans_counts(runner: Runner) -> None:
    invocation = await run(runner, "hold_in_orphans", 40 * 1024 * 1024, memory_size=128)

    assert is_killed_for_memory(invocation)


async def test_memory_is_reported_as_it_was_used(runner: Runner) -> None:
    size = 150 * 1024 * 1024
    held = await runner.run(PACKAGE, size, handler="app.hold_once", memory_size=512)
    report = held.log_tail.decode().split("Max Memory Used: ")[1]

    assert json.loads(held.payload) == size
    assert 150 <= int(report.split()[0]) < 300


@needs_namespaces
async def test_a_fork_bomb_stops_at_1024_processes(runner: Runner) -> None:
    invocation = await run(runner, "bomb", None, memory_size=3008)
    born, code = json.loads(invocation.payload)

    assert code == "EAGAIN"
    assert 900 < born < 1024


@needs_namespaces
async def test_a_fork_bomb_that_never_gives_up_ends_with_its_time(runner: Runner) -> None:
    invocation = await run(runner, "wild_bomb", None, memory_size=3008, timeout=1)

    assert json.loads(invocation.payload)["errorType"] in {"Sandbox.Timedout", "Runtime.ExitError"}


@needs_namespaces
async def test_a_full_tmp_is_the_functions_own(runner: Runner) -> None:
    invocation = await run(runner, "fill", None, ephemeral_storage=64)
    written, code = json.loads(invocation.payload)

    assert code in {"ENOSPC", "EFBIG"}
    assert 60 * 1024 * 1024 < written <= 64 * 1024 * 1024


@needs_namespaces
async def test_a_tmp_full_of_empty_files_is_the_functions_own(runner: Runner) -> None:
    invocation = await run(runner, "fill_with_files", None, ephemeral_storage=16)
    count, code = json.loads(invocation.payload)

    assert code == "ENOSPC"
    assert count <= 4096


async def test_it_has_1024_descriptors(runner: Runner) -> None:
    invocation = await run(runner, "open_all", None)
    count, code = json.loads(invocation.payload)

    assert code == "EMFILE"
    assert 1000 < count < 1024


async def test_a_chatty_log_takes_nobodys_time(runner: Runner) -> None:
    invocation = await run(runner, "chat", 0.5)

    assert json.loads(invocation.payload) == "said"
    assert len(invocation.log_tail) == 4096


async def test_a_crash_is_the_functions_own(runner: Runner) -> None:
    invocation = await run(runner, "crash", None)

    assert json.loads(invocation.payload)["errorMessage"].endswith(
        "Error: Runtime exited with error: signal: segmentation fault"
    )


async def test_a_hang_that_ignores_signals_ends_with_its_time(runner: Runner) -> None:
    invocation = await run(runner, "hang", None, timeout=1)

    assert json.loads(invocation.payload)["errorType"] == "Sandbox.Timedout"


@pytest.mark.skipif(find() is None, reason="no control groups may be made here")
async def test_the_kernel_holds_the_limits_of_all_processes_together(
    runner: Runner, tmp_path: Path
) -> None:
    """Also between two measurements, and where the server would not see it."""
    package = pack(
        {"app.py": "def handler(event, context):\n    return open('/proc/self/cgroup').read()\n"}
    )
    membership = await runner.value(package)
    groups = find()
    assert groups is not None
    for controller, parent in groups.parents.items():
        assert f"/{parent.name}/" in membership, controller
