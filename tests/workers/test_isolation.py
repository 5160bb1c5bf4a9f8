"""What the server says of the isolation of functions, and what it refuses."""

import errno
import hashlib
import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.runtime import seccomp
from daypass.workers import IsolationError
from daypass.workers.isolation import Isolation, Level, choose, detect, refuse_readable
from daypass.workers.view import readable_paths
from tests.functions import pack
from tests.workers.conftest import Runner


@pytest.mark.parametrize(
    ("isolation", "beginning", "part"),
    [
        (Isolation(Level.PROCESS), "process (", "run only those you trust"),
        (Isolation(Level.LANDLOCK, 3), "landlock (", "files confined by Landlock 3"),
        (Isolation(Level.LANDLOCK, 7), "landlock (", "files, signals confined by Landlock 7"),
        (Isolation(Level.NAMESPACES, 7, own_user=True), "namespaces (", "own root"),
        (Isolation(None, refusal="unshare: no"), "none: no function runs", "--isolation process"),
    ],
)
def test_the_level_is_said_in_one_line(isolation: Isolation, beginning: str, part: str) -> None:
    line = isolation.describe()
    assert line.startswith(beginning)
    assert part in line
    assert "\n" not in line


def test_a_level_the_machine_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Isolation(Level.LANDLOCK, 5, refusal="unshare: Operation not permitted")
    monkeypatch.setattr("daypass.workers.isolation.detect", lambda: weak)

    assert choose(None) == weak
    with pytest.raises(IsolationError, match="unshare: Operation not permitted"):
        choose(Level.NAMESPACES)
    assert choose(Level.PROCESS).level is Level.PROCESS


def test_process_is_no_level_to_be_chosen_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "daypass.workers.isolation.detect", lambda: Isolation(None, refusal="no Landlock")
    )

    assert choose(None).level is None
    with pytest.raises(IsolationError, match="no Landlock"):
        choose(Level.LANDLOCK)


def test_data_that_functions_could_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsolationError, match="/var/lib/daypass"):
        refuse_readable(Path("/usr/share/daypass"), readable_paths())
    link = tmp_path / "link"
    link.symlink_to("/usr/share")
    with pytest.raises(IsolationError):
        refuse_readable(link / "daypass", readable_paths())
    refuse_readable(tmp_path / "data", readable_paths())


LOOK = """
import os, pathlib, socket, ctypes
def handler(event, context):
    pathlib.Path(os.environ.get("TMPDIR", "/tmp"), "file").write_text("written")
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    return {"seccomp": status["Seccomp"].strip(), "uid": os.getuid(), "pid": os.getpid(),
            "root": os.environ["LAMBDA_TASK_ROOT"], "cwd": os.getcwd(),
            "unshare": ctypes.CDLL(None).unshare(0x10000000)}
def leave(event, context):
    os.kill(os.getpid(), 9)
"""


def _allowed_levels() -> list[Level]:
    found = detect()
    levels = [found.level, Level.LANDLOCK if found.landlock else None, Level.PROCESS]
    return [level for level in dict.fromkeys(levels) if level is not None]


@pytest.mark.parametrize("level", list(Level))
async def test_functions_run_at_every_level(
    make_runner: Callable[..., Runner], level: Level
) -> None:
    if level not in _allowed_levels():
        pytest.skip(f"not on this machine: {detect().refusal}")
    runner = make_runner(isolation=level)
    seen = await runner.value(pack({"app.py": LOOK}))

    assert seen["cwd"] == seen["root"]
    if level is Level.NAMESPACES:
        assert (seen["root"], seen["pid"]) == ("/var/task", 2)
        assert seen["uid"] != 0
    if detect().seccomp:
        assert (seen["seccomp"], seen["unshare"]) == ("2", -1)
    killed = await runner.run(pack({"app.py": LOOK}), handler="app.leave", name="leaver")
    assert b"Runtime exited with error: signal: killed" in killed.payload


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_denies_what_it_names_by_number(machine: str) -> None:
    """Interpreted as the kernel does, for both architectures."""
    # The numbers as linux/asm/unistd.h has them.
    numbers = {
        "x86_64": {"mount": 165, "unshare": 272, "ptrace": 101, "read": 0, "clone": 56}
        | {"socket": 41, "bpf": 321, "keyctl": 250, "execve": 59},
        "aarch64": {"mount": 40, "unshare": 97, "ptrace": 117, "read": 63, "clone": 220}
        | {"socket": 198, "bpf": 280, "keyctl": 219, "execve": 221},
    }[machine]
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    allowed, error = 0x7FFF0000, 0x00050000

    def run(name: str, argument: int = 0) -> int:
        return _interpret(seccomp.compile_filter(machine), architecture, numbers[name], argument)

    for name in ("mount", "unshare", "ptrace", "bpf", "keyctl"):
        assert run(name) == error | errno.EPERM, name
    for name in ("read", "execve"):
        assert run(name) == allowed, name
    # A thread, a fork; a new user namespace.
    assert run("clone", 0x003D0F00) == run("clone", 0x01200011) == allowed
    assert run("clone", 0x10000000) == error | errno.EPERM
    assert [run("socket", family) for family in (1, 2, 10, 16)] == [allowed] * 4
    # AF_PACKET, AF_ALG, AF_VSOCK
    assert [run("socket", family) for family in (17, 38, 40)] == [error | errno.EAFNOSUPPORT] * 3
    clone3 = _interpret(seccomp.compile_filter(machine), architecture, 435, 0)
    assert clone3 == error | errno.ENOSYS
    # Another architecture's numbers mean other calls.
    assert _interpret(seccomp.compile_filter(machine), 0x40000003, 1, 0) == 0x80000000


def _interpret(program: list[bytes], architecture: int, number: int, argument: int) -> int:
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    accumulator, index = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack("=HBBI", program[index])
        index += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return int(value)
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            index += if_true if holds else if_false


@pytest.mark.parametrize("level", list(Level))
async def test_layers_are_found_at_every_level(
    make_runner: Callable[..., Runner], level: Level
) -> None:
    if level not in _allowed_levels():
        pytest.skip(f"not on this machine: {detect().refusal}")
    runner = make_runner(isolation=level)
    source = """
import subprocess
import first, second
def handler(event, context):
    said = subprocess.run(["said"], capture_output=True, text=True).stdout
    return [first.SAID, second.SAID, said]
"""
    package = pack({"app.py": source})
    tool = {"bin/said": "#!/bin/sh\nprintf tool\n", "python/first.py": "SAID = 1"}
    layers = [pack(tool, "bin/said"), pack({"python/second.py": "SAID = 2"})]
    spec = runner.spec(package, layers=[hashlib.sha256(layer).hexdigest() for layer in layers])
    invocation = await runner.environments.invoke(
        spec, runner.event(), runner.supplies(package, *layers)
    )
    assert json.loads(invocation.payload) == [1, 2, "tool"]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="util-linux has no setpriv here")
def test_serve_does_not_start_where_the_demanded_level_is_refused(tmp_path: Path) -> None:
    """As on a machine, or in a container, that refuses namespaces."""
    refuse = "echo 0 > /proc/sys/user/max_user_namespaces && "
    weaken = 'exec setpriv --bounding-set=-all --inh-caps=-all "$0" "$@"'
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", refuse + weaken]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace here to refuse others in")
    done = subprocess.run(
        [
            *(*inside, sys.executable, "-m", "daypass", "serve", "--data", str(tmp_path / "data")),
            *("--listen", "127.0.0.1:0", "--isolation", "namespaces"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "does not allow functions namespaces of their own: unshare" in done.stderr
    assert "start without --isolation" in done.stderr
    assert not (tmp_path / "data").exists()
