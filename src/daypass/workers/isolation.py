"""How far functions are kept apart on this machine."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from daypass.runtime import landlock
from daypass.runtime import seccomp as seccomp_filter
from daypass.runtime.landlock import VERSION_WITH_SCOPES
from daypass.workers import view
from daypass.workers.function import IsolationError

_TRIAL: Final = (
    "import sys; sys.path.append(sys.argv[1]); from daypass.runtime.trial import main; "
    "sys.path.remove(sys.argv[1]); main(sys.argv[2])"
)
_TRIAL_SECONDS: Final = 20
# User ids no system hands out (systemd's documentation "Users, Groups, UIDs and GIDs on systemd
# systems"): the upper end of the signed range.
_USERS: Final = range(0x70000000, 0x7FFFFFFF)
_NOBODY: Final = 65534


class Level(StrEnum):
    """Isolation levels, the strongest first."""

    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Isolation:
    """What holds for functions. level: None where no level may be used, and none may run.

    landlock: the version of its interface, 0 without. seccomp: system calls are denied.
    user_namespace: a function has one of its own. own_user: it is another user than the server.
    refusal: why the level above is not available, "" at the strongest. network_refusal: why
    functions can have no networks of their own, "" if they can.
    """

    level: Level | None
    landlock: int = 0
    seccomp: bool = False
    user_namespace: bool = False
    own_user: bool = False
    refusal: str = ""
    network_refusal: str = "that needs the isolation level namespaces"

    def describe(self) -> str:
        """One line for the operator."""
        if self.level is None:
            return f"none: no function runs ({self.refusal}). Trust them? --isolation process"
        held = {
            Level.NAMESPACES: "own root, processes, names and /tmp",
            Level.LANDLOCK: "own process group",
            Level.PROCESS: "own process group",
        }[self.level]
        held = f"{held}, resource limits, no privileges"
        held += ", system calls denied" * self.seccomp + ", own user" * self.own_user
        held += ", own user namespace" * self.user_namespace
        if self.landlock:
            signals = ", signals" * (self.landlock >= VERSION_WITH_SCOPES)
            held += f"; files{signals} confined by Landlock {self.landlock}"
        if self.level is Level.PROCESS:
            held += "; functions can read what the server's user can read: run only those you trust"
        weaker = f"; no stronger level: {self.refusal}" if self.refusal else ""
        return f"{self.level} ({held}{weaker})"

    def choose_user(self) -> int | None:
        """Who an environment is on the machine, another one each; None is the server's user."""
        return _choose_user() if self.own_user else None


def choose(demanded: Level | None) -> Isolation:
    """The level to run functions at: the demanded one, or the strongest there is but `process`.

    Raises `IsolationError` if this machine cannot do what is demanded.
    """
    found = detect()
    if demanded is None or demanded is found.level:
        return found
    if demanded is Level.NAMESPACES:
        raise IsolationError(
            f"This machine does not allow functions namespaces of their own: {found.refusal}. "
            "Allow them, or start without --isolation to use the strongest level it has."
        )
    if demanded is Level.LANDLOCK:
        if not found.landlock:
            raise IsolationError(
                "This machine's kernel has no Landlock, which Linux 5.13 and later can have. "
                "Start without --isolation to use the strongest level it has."
            )
        return Isolation(Level.LANDLOCK, found.landlock, found.seccomp)
    return Isolation(Level.PROCESS, seccomp=found.seccomp)


@cache
def detect() -> Isolation:
    """The strongest level this machine allows without being told to, found by trying it."""
    result = _try_namespaces()
    seccomp = seccomp_filter.is_supported()
    version = landlock.version()
    refusal = str(result.get("refusal", ""))
    if not refusal:
        return Isolation(
            Level.NAMESPACES,
            version,
            seccomp,
            user_namespace=bool(result["user_namespace"]),
            own_user=bool(result["own_user"]),
            network_refusal=str(result["network_refusal"]),
        )
    if version:
        return Isolation(Level.LANDLOCK, version, seccomp, refusal=refusal)
    return Isolation(None, 0, seccomp, refusal=f"{refusal}; no Landlock")


def _try_namespaces() -> dict[str, Any]:
    """What a process found that set out to confine itself as functions are."""
    directory = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _TRIAL, directory]
    with tempfile.TemporaryDirectory(prefix="daypass-trial-") as staging:
        description = {
            "system": view.describe_system(Path(staging)),
            "root": view.describe_root(Path(staging), [], temporary=1024 * 1024),
            "user": _choose_user(),
            "needed": [os.__file__, *view.package_paths()],
        }
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                [*command, json.dumps(description)],
                env={"LANG": "C.UTF-8", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TRIAL_SECONDS,
                cwd="/",
                check=False,
            )
            result = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return {"refusal": f"trying it failed ({type(error).__name__})"}
    assert isinstance(result, dict)
    return result


def _choose_user() -> int:
    """A user id for one environment, hardly ever the same twice."""
    if not _is_mapped(_USERS[-1]):
        return _NOBODY
    return _USERS[int.from_bytes(os.urandom(4)) % len(_USERS)]


def _is_mapped(user: int) -> bool:
    """Whether this user id exists where the server runs, which may be a user namespace."""
    for line in Path("/proc/self/uid_map").read_text("ascii").splitlines():
        first, _, count = (int(number) for number in line.split())
        if first <= user < first + count:
            return True
    return False


def refuse_readable(directory: Path, readable: list[str]) -> None:
    """Raise `IsolationError` if functions could read this directory, which is the server's."""
    resolved = directory.resolve()
    for path in readable:
        if resolved.is_relative_to(Path(path).resolve()):
            raise IsolationError(
                f"The data directory {directory} is inside {path}, which functions must be able "
                "to read. Keep the data elsewhere, for example in /var/lib/daypass."
            )
