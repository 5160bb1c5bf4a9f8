"""Ways out of a function: what its code tries at the kernel's interfaces, and what comes of it.

A process does it all once; each attempt is a test. What the isolation level of this machine does
not hold is skipped, which the summary shows.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.workers import Environments
from daypass.workers.isolation import Level, detect
from tests.functions import pack
from tests.workers.conftest import Runner

needs_namespaces = pytest.mark.skipif(
    detect().level is not Level.NAMESPACES, reason=f"no namespaces here: {detect().refusal}"
)
needs_filter = pytest.mark.skipif(
    not detect().seccomp, reason="this architecture's system calls are not known here"
)

SOURCE = r"""
import ctypes, errno, os, platform, resource, shutil, socket, subprocess, tempfile

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": 0, "aarch64": 1}[platform.machine()]

def name(code):
    return errno.errorcode.get(code, str(code))

def call(numbers, *arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(numbers[NUMBERS]), *words)
    return "allowed" if result >= 0 else name(ctypes.get_errno())

def attempt(action):
    try:
        return {"got": action()}
    except OSError as error:
        return name(error.errno)

def calls():
    zero = ctypes.create_string_buffer(256)
    return {
        "mount": call((165, 40), b"none", b"/tmp", b"tmpfs", 0, 0),
        "remount": call((165, 40), b"none", b"/", 0, 32 | 4096, 0),
        "umount": call((166, 39), b"/tmp", 2),
        "pivot_root": call((155, 41), b"/tmp", b"/tmp"),
        "chroot": call((161, 51), b"/tmp"),
        "unshare a user namespace": call((272, 97), 0x10000000),
        "unshare a mount namespace": call((272, 97), 0x00020000),
        "clone a user namespace": call((56, 220), 0x10000000 | 17, 0, 0, 0, 0),
        "clone3": call((435, 435), zero, 88),
        "setns": call((308, 268), 0, 0),
        "ptrace the first process": call((101, 117), 16, 1, 0, 0),
        "ptrace the parent": call((101, 117), 16, os.getppid() or 1, 0, 0),
        "process_vm_readv": call((310, 270), 1, zero, 1, zero, 1, 0),
        "bpf": call((321, 280), 0, zero, 72),
        "perf_event_open": call((298, 241), zero, 0, -1, -1, 0),
        "userfaultfd": call((323, 282), 0),
        "io_uring_setup": call((425, 425), 1, zero),
        "keyctl": call((250, 219), 0, -3, 0),
        "add_key": call((248, 217), b"user", b"x", b"y", 1, -3),
        "init_module": call((175, 105), zero, 1, b""),
        "kexec_load": call((246, 104), 0, 0, 0, 0),
        "reboot": call((169, 142), 0xfee1dead, 672274793, 0, 0),
        "open_by_handle_at": call((304, 265), -100, zero, 0),
        "fsopen": call((430, 430), b"tmpfs", 0),
        "open_tree": call((428, 428), -100, b"/", 1),
        "pidfd_getfd": call((438, 438), 0, 0, 0),
        "settimeofday": call((164, 170), zero, 0),
        "sethostname": call((170, 161), b"x", 1),
        "syslog": call((103, 116), 3, zero, 10),
        "swapon": call((167, 224), b"/tmp/x", 0),
    }

def sockets():
    families = {"packet": 17, "alg": 38, "vsock": 40, "key": 15, "bluetooth": 31}
    answers = {
        family: attempt(lambda: bool(socket.socket(number, socket.SOCK_RAW)))
        for family, number in families.items()
    }
    answers["raw"] = attempt(lambda: bool(socket.socket(2, socket.SOCK_RAW, 1)))
    answers["raw 6"] = attempt(lambda: bool(socket.socket(10, socket.SOCK_RAW, 58)))
    return answers

def files():
    paths = [
        "/proc/1/environ", "/proc/1/mem", "/proc/1/fd", "/proc/1/root", "/proc/1/cwd",
        "/proc/1/map_files", "/proc/kcore", "/proc/sysrq-trigger", "/sys/fs/cgroup",
        "/sys/kernel/debug", "/sys/class/net", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda",
        "/dev/shm", "/dev/pts", "/dev/tty", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/run",
        "/var/run/docker.sock", "/etc/shadow", "/etc/ssh", "/boot", "/home", "/var/lib", "/mnt",
    ]
    def look(path):
        if os.path.isdir(path):
            return os.listdir(path)
        return open(path, "rb").read(1).hex()
    return {path: attempt(lambda: look(path)) for path in paths}

def writes():
    paths = [
        "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger", "/proc/self/oom_score_adj_", "/proc/self/uid_map",
        "/proc/self/setgroups", "/proc/1/oom_score_adj", "/var/task/new", "/var/task/app.py",
        "/var/runtime/launch.py", "/usr/bin/new", "/etc/passwd", "/dev/new", "/new", "/opt/new",
    ]
    return {path: attempt(lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT)) or "opened")
            for path in paths}

def become_root():
    copy = os.path.join(tempfile.gettempdir(), "id")
    shutil.copy("/usr/bin/id", copy)
    os.chmod(copy, 0o6755)
    return {
        "setuid": attempt(lambda: os.setuid(0)),
        "setgid": attempt(lambda: os.setgid(0)),
        "setgroups": attempt(lambda: os.setgroups([0])),
        "own setuid file": subprocess.check_output([copy, "-u"], text=True).strip(),
        "device": attempt(lambda: os.mknod(copy + ".device", 0o660 | 0o020000, os.makedev(1, 1))),
        "more descriptors": raise_limit(),
        "chown": attempt(lambda: os.chown(copy, 0, 0)),
        "nice": attempt(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)),
    }

def raise_limit():
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))
    except (ValueError, OSError):
        return "refused"
    return {"got": True}

def signals():
    first = attempt(lambda: os.kill(1, 9))
    everybody = attempt(lambda: os.kill(-1, 0))
    return {"first": first, "all": everybody, "alive": os.path.exists("/proc/1")}

def abstract(address):
    with socket.socket(socket.AF_UNIX) as connection:
        return attempt(lambda: connection.connect("\0" + address) or "connected")

def handler(event, context):
    return {
        "calls": calls(), "sockets": sockets(), "files": files(), "writes": writes(),
        "root": become_root(), "abstract": abstract(event), "uid": os.getuid(),
        "signals": signals(), "devices": attempt(lambda: sorted(os.listdir("/dev"))),
        "mounts": attempt(lambda: open("/proc/self/mounts").read()),
    }
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the function found when it tried everything."""
    address = f"daypass-test-{os.getpid()}"

    async def run() -> Any:
        environments = Environments(tmp_path_factory.mktemp("escapes") / "functions", preload=False)
        try:
            return await Runner(environments).value(pack({"app.py": SOURCE}), address)
        finally:
            await environments.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{address}")
        listener.listen()
        yield asyncio.run(run())


CALLS = (
    *("mount", "remount", "umount", "pivot_root", "chroot", "unshare a user namespace"),
    *("unshare a mount namespace", "clone a user namespace", "setns", "process_vm_readv"),
    *("ptrace the first process", "ptrace the parent", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "keyctl", "add_key", "init_module", "kexec_load", "reboot", "fsopen"),
    *("open_by_handle_at", "open_tree", "pidfd_getfd", "settimeofday", "sethostname", "syslog"),
    *("swapon", "clone3"),
)


@needs_filter
@pytest.mark.parametrize("call", CALLS)
def test_system_calls_that_open_the_kernel_are_denied(found: dict[str, Any], call: str) -> None:
    assert found["calls"][call] == ("ENOSYS" if call == "clone3" else "EPERM")


@needs_filter
def test_there_are_no_raw_and_no_exotic_sockets(found: dict[str, Any]) -> None:
    for family, answer in found["sockets"].items():
        assert answer in {"EPERM", "EAFNOSUPPORT", "EACCES"}, family


@needs_namespaces
def test_nothing_of_the_machine_is_to_be_read(found: dict[str, Any]) -> None:
    for path, answer in found["files"].items():
        assert answer in {"ENOENT", "EACCES", "EPERM", "ENXIO"}, path


@needs_namespaces
def test_nothing_of_the_machine_is_to_be_written(found: dict[str, Any]) -> None:
    for path, answer in found["writes"].items():
        assert answer in {"ENOENT", "EACCES", "EPERM", "EROFS"}, path


def test_nobody_becomes_root(found: dict[str, Any]) -> None:
    root = found["root"]

    assert root["own setuid file"] == str(found["uid"])
    for attempt in ("setuid", "setgid", "setgroups", "device", "chown", "nice"):
        if found["uid"] == 0 and attempt in {"setuid", "setgid", "chown"}:
            continue  # without namespaces it is the server's user, of whose power nothing is left
        assert root[attempt] in {"EPERM", "EINVAL", "EACCES"}, attempt
    assert root["more descriptors"] == "refused"


@needs_namespaces
def test_it_is_another_user_than_the_server(found: dict[str, Any]) -> None:
    assert found["uid"] not in {0, os.getuid()} or not detect().user_namespace


@needs_namespaces
def test_only_harmless_devices_are_there(found: dict[str, Any]) -> None:
    assert found["devices"]["got"] == sorted(
        ["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"]
    )


@needs_namespaces
def test_signals_reach_nobody_else(found: dict[str, Any]) -> None:
    # The first process takes no signal from inside; neither does anything outside.
    assert found["signals"]["alive"]
    assert found["signals"]["all"] in ("ESRCH", "EPERM", {"got": None})


@pytest.mark.skipif(
    detect().landlock < 6, reason="this kernel's Landlock does not confine abstract sockets"
)
def test_abstract_sockets_of_others_are_out_of_reach(found: dict[str, Any]) -> None:
    assert found["abstract"] in {"EPERM", "ECONNREFUSED"}


@needs_namespaces
def test_only_its_tmp_is_writable(found: dict[str, Any]) -> None:
    mounts = [line.split() for line in found["mounts"]["got"].splitlines()]
    writable = {fields[1] for fields in mounts if "rw" in fields[3].split(",")}

    assert writable == {"/tmp", "/proc"}
    assert all("nosuid" in fields[3].split(",") for fields in mounts)
    assert not any(str(Path.home()) == fields[1] for fields in mounts)
