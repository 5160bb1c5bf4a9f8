"""Whether this machine gives namespaces, found out by trying, and commands run as other users."""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

import daypass
from tests.conftest import Server

SOURCE = Path(daypass.__file__).resolve().parents[1]
_TRY = (
    "from daypass.network.view import *; separate(); furnish(STANDARD); "
    "cover({'/etc/passwd': '/etc/passwd'})"
)
_NOBODY = 65534


@functools.cache
def refused() -> str:
    """Why there are no namespaces for this user here; empty where there are."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    return _ended([sys.executable, "-c", _TRY])


def sandboxed(server: Server, *options: str) -> list[str]:
    """What to put before a command to run it in a sandbox of this server. Skips where there is
    none."""
    if refused():
        pytest.skip(f"no namespaces here: {refused()}")
    daypass_sandbox = [sys.executable, "-m", "daypass", "sandbox"]
    return [*daypass_sandbox, "--data", str(server.data), *options, "--"]


@functools.cache
def as_other_user() -> Sequence[str]:
    """What to put before a command of a system's Python to run it as an ordinary user, who has
    namespaces. Skips where root cannot do that, or the other user reads nothing of this."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("there is no setpriv on PATH")
    user = [setpriv, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    why = _ended([*user, ordinary_python(), "-c", f"import click, cryptography; {_TRY}"])
    if why:
        pytest.skip(f"an ordinary user has no sandbox here: {why}")
    return user


def ordinary_python() -> str:
    """A Python of this version that an ordinary user may run; root's own may be out of reach."""
    version = f"python3.{sys.version_info.minor}"
    found = (shutil.which(version, path=os.defpath), sys.executable)
    return next(path for path in found if path)


def python_path() -> str:
    """Where that Python finds the project and what it needs."""
    return os.pathsep.join([str(SOURCE), sysconfig.get_path("purelib")])


def _ended(command: Sequence[str]) -> str:
    """Why a command failed, empty if it did not."""
    ended = subprocess.run(
        command,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd="/",
    )
    lines = ended.stderr.strip().splitlines()
    return (lines[-1] if lines else "no message") if ended.returncode else ""
