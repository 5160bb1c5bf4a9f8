"""What code inside a function tries to get at: the server, its data, other functions, their keys.

How far functions are kept apart depends on the machine. The server says so when it starts, and the
tests of what a weaker level does not hold are skipped here, which the summary shows.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from daypass.workers.isolation import Level, detect
from daypass.workers.view import python_paths
from tests.conftest import Server, start_server
from tests.functions import NAME_OF, create_role, deploy, find_process, invoke, pack

LEVEL = detect().level
needs_confinement = pytest.mark.skipif(
    LEVEL not in {Level.NAMESPACES, Level.LANDLOCK},
    reason="this machine has neither namespaces nor Landlock to confine functions with",
)
needs_namespaces = pytest.mark.skipif(
    LEVEL is not Level.NAMESPACES, reason=f"no namespaces here: {detect().refusal}"
)
needs_signal_scope = pytest.mark.skipif(
    LEVEL is not Level.NAMESPACES and detect().landlock < 6,
    reason="no namespaces here, and this kernel's Landlock does not confine signals",
)
# Not there, or there and out of reach: which of these depends on the level.
REFUSED = [{"refused": code} for code in ("ENOENT", "EACCES", "EPERM", "EROFS", "ESRCH")]

PROBE = """
import ctypes, errno, json, os, socket, subprocess, tempfile

def attempt(action):
    try:
        return {"got": action()}
    except OSError as error:
        return {"refused": errno.errorcode[error.errno]}

def handler(event, context):
    kind, target = event
    if kind == "read":
        return attempt(lambda: open(target, "rb").read(200).hex())
    if kind == "list":
        return attempt(lambda: os.listdir(target))
    if kind == "write":
        return attempt(lambda: open(target, "w").write("x"))
    if kind == "kill":
        return attempt(lambda: os.kill(target, 0))
    if kind == "environment":
        return {"got": dict(os.environ)}
    if kind == "descriptors":
        return {"got": {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                        if os.path.lexists(f"/proc/self/fd/{fd}")}}
    if kind == "memory":
        return attempt(lambda: open(f"/proc/{target}/mem", "rb").read(1).hex())
    if kind == "status":
        return {"got": open("/proc/self/status").read()}
    if kind == "temporary":
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("mine")
        return {"got": [file.name, open(file.name).read()]}
    if kind == "search":
        return {"got": search(bytes.fromhex(target))}
    if kind == "abstract":
        return attempt(lambda: socket.socket(socket.AF_UNIX).connect("\\0" + target))
    if kind == "link":
        path = os.path.join(tempfile.gettempdir(), "link")
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)
        return attempt(lambda: open(path, "rb").read(200).hex())
    if kind == "setuid":
        return {"got": subprocess.run(["su", "-c", "id"], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL).returncode}

def search(half):
    # What follows half of a secret, wherever it is in the memory of this process.
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            span, access = line.split()[:2]
            if not access.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                page = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            at = page.find(half)
            while at >= 0:
                found.add(page[at + len(half) : at + 2 * len(half)].hex())
                at = page.find(half, at + 1)
    return list(found)
"""


@pytest.fixture(scope="module")
def probe(server: Server) -> str:
    deploy(server, "probe", PROBE)
    return "probe"


@pytest.fixture(scope="module")
def neighbour(server: Server) -> dict[str, str]:
    """Another function that is warm; its environment variables."""
    deploy(
        server,
        "neighbour",
        PROBE + "# neighbour",
        Environment={"Variables": {"NEIGHBOUR_SECRET": "next-door-secret"}},
    )
    found: dict[str, str] = invoke(server, "neighbour", ["environment", ""])["Payload"]["got"]
    return found


def ask(server: Server, probe: str, kind: str, target: object = "") -> Any:
    answer = invoke(server, probe, [kind, target])
    assert "FunctionError" not in answer, answer["Payload"]
    return answer["Payload"]


@needs_confinement
@pytest.mark.parametrize(
    "target",
    [
        "{data}/master.key",
        "{data}/daypass.db",
        "{data}/daypass.db-wal",
        "{neighbour_code}/app.py",
        "/etc/shadow",
        "/proc/{server}/environ",
        "/proc/{server}/cmdline",
        "/proc/{server}/root{data}/master.key",
        "/proc/1/environ",
        "/proc/self/cwd/../../../daypass.db",
    ],
)
@pytest.mark.usefixtures("neighbour")
def test_files_of_others_are_out_of_reach(server: Server, probe: str, target: str) -> None:
    code = next(
        path.parent
        for path in server.data.glob("functions/code-*/*/app.py")
        if path.read_text().endswith("# neighbour")
    )
    path = target.format(data=server.data, neighbour_code=code, server=server.process.pid)
    assert ask(server, probe, "read", path) in REFUSED


@needs_confinement
def test_a_link_leads_no_further(server: Server, probe: str) -> None:
    assert ask(server, probe, "link", str(server.data / "master.key")) in REFUSED


@needs_confinement
@pytest.mark.parametrize("directory", ["{data}", "{data}/functions", "/home", "/var/log", "/run"])
def test_directories_of_others_cannot_be_listed(server: Server, probe: str, directory: str) -> None:
    assert ask(server, probe, "list", directory.format(data=server.data)) in REFUSED


@pytest.mark.parametrize("directory", ["/proc", "/tmp", "/", "/root"])
def test_nothing_of_others_is_in_the_machines_directories(
    server: Server, probe: str, directory: str
) -> None:
    answer = ask(server, probe, "list", directory)
    if LEVEL is not Level.NAMESPACES:
        if LEVEL is Level.LANDLOCK:
            assert answer in REFUSED
        return
    if answer in REFUSED:
        return
    names = set(answer["got"])
    if directory == "/proc":
        # Its environment's first process, and itself.
        assert {name for name in names if name.isdigit()} == {"1", "2"}
    elif directory == "/":
        assert names <= {
            *("bin", "dev", "etc", "lib", "lib32", "lib64", "opt", "proc", "sbin", "sys", "tmp"),
            *("usr", "var", *{Path(path).parts[1] for path in python_paths()}),
        }
        assert not {"home", "boot", "mnt", "srv", "run"} & names
    else:
        assert not any(name.startswith("pytest-of-") for name in names)
        assert not {".aws", ".ssh", ".bash_history", ".cache"} & names


@needs_confinement
def test_its_own_code_and_anothers_files_cannot_be_written(
    server: Server, probe: str, neighbour: dict[str, str]
) -> None:
    own = ask(server, probe, "environment")["got"]["LAMBDA_TASK_ROOT"]
    for path in (
        f"{own}/app.py",
        f"{own}/new.py",
        f"{neighbour.get('TMPDIR', '/var/empty')}/x",
        f"{server.data}/x",
        "/etc/hosts",
        "/usr/bin/x",
        "/new",
    ):
        assert ask(server, probe, "write", path) in REFUSED, path


def test_it_has_a_directory_of_its_own_to_write(
    server: Server, probe: str, neighbour: dict[str, str]
) -> None:
    name, content = ask(server, probe, "temporary")["got"]
    own = ask(server, probe, "environment")["got"].get("TMPDIR", "/tmp")

    assert content == "mine"
    assert Path(name).parent == Path(own)
    if LEVEL is Level.NAMESPACES:
        assert own == "/tmp"
        assert Path(name).name not in ask(server, "neighbour", "list", "/tmp")["got"]
        assert not Path(name).exists()
    else:
        assert own != neighbour["TMPDIR"]


@needs_signal_scope
def test_no_signal_reaches_the_server_or_the_spawner(server: Server, probe: str) -> None:
    spawner = int(
        Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        .read_text()
        .split()[0]
    )
    for pid in (server.process.pid, spawner, os.getpid()):
        assert ask(server, probe, "kill", pid) in REFUSED


@needs_confinement
def test_the_servers_memory_is_out_of_reach(server: Server, probe: str) -> None:
    assert ask(server, probe, "memory", server.process.pid) in REFUSED


def test_nothing_of_the_servers_environment_is_in_its_own(server: Server, probe: str) -> None:
    variables = ask(server, probe, "environment")["got"]

    assert server.secret_access_key not in json.dumps(variables)
    assert not {"HOME", "USER", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV"} & set(variables)


def test_only_its_own_descriptors_are_open(server: Server, probe: str) -> None:
    descriptors = ask(server, probe, "descriptors")["got"]

    # Standard streams and the channel; what listing the directory opened is gone again.
    assert set(descriptors) <= {"0", "1", "2", "3"}
    assert descriptors["0"] == "/dev/null"


def test_no_secret_of_another_function_is_in_its_memory(
    server: Server, neighbour: dict[str, str]
) -> None:
    """A fork shares the memory of its parent, which must therefore have seen no secret."""
    deploy(server, "late-probe", PROBE, Environment={"Variables": {"OWN": "abcdefgh12345678"}})

    def is_found(secret: str) -> bool:
        # Only half of it is told, so that the question is not the finding.
        half = len(secret) // 2
        found = ask(server, "late-probe", "search", secret[:half].encode().hex())["got"]
        return secret[half : 2 * half].encode().hex() in found

    assert is_found("abcdefgh12345678")
    assert not is_found("next-door-secret")
    assert not is_found(neighbour["AWS_SECRET_ACCESS_KEY"])
    assert not is_found(neighbour["AWS_SESSION_TOKEN"][-64:])


def test_no_privilege_is_left(server: Server, probe: str) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in ask(server, probe, "status")["got"].splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[capabilities], 16) == 0, capabilities
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0


def test_credentials_belong_to_the_functions_own_role(
    server: Server, probe: str, neighbour: dict[str, str]
) -> None:
    own = ask(server, probe, "environment")["got"]
    answers = {}
    for name, variables in (("probe", own), ("neighbour", neighbour)):
        sts = server.client(
            "sts",
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=variables["AWS_SESSION_TOKEN"],
        )
        answers[name] = sts.get_caller_identity()["Arn"]
    prefix = f"arn:aws:sts::{server.account_id}:assumed-role"

    assert answers == {
        "probe": f"{prefix}/probe-role/probe",
        "neighbour": f"{prefix}/neighbour-role/neighbour",
    }


def test_kill_9_of_the_server_leaves_no_process_behind(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    source = (
        NAME_OF
        + """
import os, subprocess
def handler(event, context):
    return [name_of(pid) for pid in (
        os.getpid(), subprocess.Popen(["sleep", "600"]).pid,
        subprocess.Popen(["sleep", "600"], start_new_session=True).pid)]
"""
    )
    role = create_role(server, "r")
    deploy(server, "parent", source, role=role)
    deploy(
        server,
        "node",
        "",
        role=role,
        Runtime="provided.al2023",
        Code={"ZipFile": pack({"bootstrap": "#!/bin/sh\nsleep 600 & sleep 600\n"}, "bootstrap")},
    )
    pids = [find_process(name) for name in invoke(server, "parent")["Payload"]]
    assert None not in pids
    server.client("lambda").invoke(FunctionName="node", InvocationType="Event")
    # The spawner, what it started, and last what that started.
    while not any(_command_of(pid).startswith("sleep") for pid in pids[3:]):
        pids = [*pids[:3], *(set(_descendants(server.process.pid)) - {*pids[:3]})]
        time.sleep(0.05)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    assert server.process.stdout is not None
    server.process.stdout.close()

    for pid in pids:
        _await_end(pid)


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [found for child in children for found in (int(child), *_descendants(int(child)))]


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _await_end(pid: int) -> None:
    for _ in range(250):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} ({_command_of(pid)}) outlived the server")
