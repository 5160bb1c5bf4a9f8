"""The server's end of the spawner: asks it for processes and hears of their end."""

import array
import asyncio
import itertools
import json
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from daypass.runtime import frames
from daypass.runtime.frames import Kind
from daypass.workers.cgroups import Cgroup, Cgroups
from daypass.workers.isolation import Level
from daypass.workers.view import package_paths

_MESSAGE_LIMIT: Final = 65_536
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv[1]); from daypass.runtime.spawner import main; "
    "sys.path.remove(sys.argv[1]); main(int(sys.argv[2]), *sys.argv[3:])"
)
# Seconds after the start of a process until the next one is made ready: that has time until then.
_PAUSE: Final = 0.05
# unix(7): the process id, user and group of who sent a message
_SENDER: Final = struct.Struct("=iII")

_log = logging.getLogger("daypass.functions")


@dataclass(frozen=True, slots=True)
class Newborn:
    """A process that waits to be told what to be.

    number: which of its spawner. connection: our end of its channel. output: the reading end of
    what it writes. group: its control groups, if it has any. Who takes it closes and removes them.
    """

    number: int
    connection: socket.socket
    output: int
    group: Cgroup | None


class Spawner:
    """A spawner process, started at first use and again if it was killed.

    level: the isolation level of what it starts. cgroups: where control groups are made, if they
    may be. packages: directories from which it loads what
    most Python functions load; none is loading nothing.
    """

    def __init__(self, level: Level, cgroups: Cgroups | None, packages: Sequence[str] = ()) -> None:
        self._level = level
        self._cgroups = cgroups
        self._preparation: Mapping[str, object] = {"root": None, "network": False}
        self._spare: Newborn | None = None
        self._next: asyncio.TimerHandle | None = None
        self._packages = packages
        # The names of what it has loaded, once it has.
        self._loaded: frozenset[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._numbers = itertools.count(1)
        self._exits: dict[int, Callable[[int], None]] = {}
        self._pids: dict[int, int] = {}
        # The first processes of namespaces, and which namespace is whose.
        self._firsts: dict[int, int] = {}
        self._namespaces: dict[int, int] = {}

    def take(self, exited: Callable[[int], None]) -> Newborn:
        """A process that waits to be told what to be; its end is told, see `Newborn`.

        One more is made ready soon after. exited: told its exit status, -N for a death by signal N.
        """
        newborn, self._spare = self._spare, None
        if newborn is None or newborn.number not in self._exits:
            newborn = self._bear()
        self._exits[newborn.number] = exited
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_PAUSE, self._make_spare)
        return newborn

    def prepare(self, preparation: Mapping[str, object]) -> None:
        """What to tell processes from now on before they know what to be, control groups aside."""
        self._preparation = preparation
        self._discard_spare()

    def _make_spare(self) -> None:
        self._next = None
        if self._spare is None and self._socket is not None:
            self._spare = self._bear()

    def _bear(self) -> Newborn:
        connection = self._connect()
        number = next(self._numbers)
        self._exits[number] = lambda _: None
        ours, theirs = socket.socketpair()
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            group = self._make_group(number)
            entrances = group.entrances if group is not None else []
            head = {**self._preparation, "cgroups": entrances}
            ours.sendall(frames.encode(Kind.PREPARE, head))
            message = json.dumps({"spawn": number}).encode()
            descriptors = array.array("i", [theirs.fileno(), writer])
            connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        finally:
            theirs.close()
            os.close(writer)
        return Newborn(number, ours, reader, group)

    def _make_group(self, number: int) -> Cgroup | None:
        if self._cgroups is None:
            return None
        try:
            return self._cgroups.make(f"{id(self):x}-{number}")
        except OSError as error:
            _log.warning("An environment has no control group: %s", error)
            return None

    def kill(self, number: int) -> None:
        """Kill a process and all its descendants; nothing if it has ended."""
        if self._socket is not None and number in self._exits:
            try:
                self._socket.send(json.dumps({"kill": number}).encode())
            except OSError:
                _log.exception("The spawner of functions does not answer.")

    def pid(self, number: int) -> int | None:
        """The process id of a living process, once it is known."""
        return self._pids.get(number)

    def pids(self, number: int) -> tuple[int | None, int | None]:
        """The process ids of a living process and of the first one of its namespace, if known."""
        first = self._firsts.get(self._namespaces.get(number, 0))
        return self._pids.get(number), first

    def load(self) -> frozenset[str] | None:
        """The names of the modules that its processes find loaded, None while it loads them."""
        self._connect()
        return self._loaded

    def close(self) -> None:
        """Let the spawner end everything it started, and wait for it."""
        if self._next is not None:
            self._next.cancel()
        if self._socket is not None and self._process is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            if self._packages and self._loaded is None:
                # It has started nothing yet, and would first finish loading.
                self._process.kill()
            self._process.wait()
            self._socket = self._process = None
        self._discard_spare()

    def _discard_spare(self) -> None:
        if self._spare is not None:
            self._spare.connection.close()
            os.close(self._spare.output)
            if self._spare.group is not None:
                self._spare.group.remove()
            self._spare = None

    def _connect(self) -> socket.socket:
        if self._socket is not None:
            return self._socket
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The process ids in the spawner's reports are of its own namespace; the kernel says ours.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        directory = str(Path(__file__).resolve().parents[2])
        # -I and -S: nothing of the operator's environment or site-packages; the environment of
        # the server, which may hold secrets, stays behind.
        command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _PROGRAM]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, directory, str(theirs.fileno()), self._level, *self._packages],
            env={"LANG": "C.UTF-8", "PATH": os.defpath},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._take_reports)
        return ours

    def _take_reports(self) -> None:
        assert self._socket is not None
        while True:
            try:
                message, ancillary, _, _ = self._socket.recvmsg(
                    _MESSAGE_LIMIT, socket.CMSG_SPACE(_SENDER.size), socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return
            except OSError:
                message, ancillary = b"", []
            if not message:
                self._lose()
                return
            report = json.loads(message)
            if "loaded" in report:
                self._loaded = frozenset(report["loaded"])
            elif "first" in report:
                self._firsts[report["first"]] = _sender(ancillary)
            elif "spawned" in report:
                self._pids[report["spawned"]] = _sender(ancillary)
                self._namespaces[report["spawned"]] = report["namespace"]
            else:
                self._end(report["exited"], report["status"])

    def _end(self, number: int, status: int) -> None:
        self._pids.pop(number, None)
        self._firsts.pop(self._namespaces.pop(number, 0), None)
        exited = self._exits.pop(number, None)
        if exited is not None:
            exited(status)

    def _lose(self) -> None:
        """The spawner was killed, and its children with it."""
        _log.error("The spawner of functions was killed; a new one starts at need.")
        assert self._socket is not None
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        if self._process is not None:
            self._process.wait()
        self._socket = self._process = self._loaded = None
        for number in list(self._exits):
            self._end(number, -9)
        self._discard_spare()


class Spawners:
    """The spawners of one server process: a bare one, and one that has loaded what most Python
    functions load.

    The second starts at the first need of it and takes a second to be ready; until then, and for
    functions that bring a module it has loaded, the bare one serves. preload: whether there is one.
    """

    def __init__(self, level: Level, cgroups: Cgroups | None, preload: bool) -> None:
        self._bare = Spawner(level, cgroups)
        self._warm = Spawner(level, cgroups, package_paths()) if preload else None

    def choose(self, directories: Sequence[Path]) -> Spawner:
        """The spawner for a Python function whose own modules are in these directories."""
        loaded = self._warm.load() if self._warm is not None else None
        if (
            self._warm is None
            or loaded is None
            or any(loaded & _modules_in(directory) for directory in directories)
        ):
            return self._bare
        return self._warm

    def prepare(self, preparation: Mapping[str, object]) -> None:
        """See `Spawner.prepare`."""
        self._bare.prepare(preparation)
        if self._warm is not None:
            self._warm.prepare(preparation)

    @property
    def bare(self) -> Spawner:
        """The spawner for everything else."""
        return self._bare

    def close(self) -> None:
        self._bare.close()
        if self._warm is not None:
            self._warm.close()


@lru_cache(maxsize=1024)
def _modules_in(code: Path) -> frozenset[str]:
    """The names that are modules in a directory of code, which does not change."""
    if not code.is_dir():
        return frozenset()
    return frozenset(entry.name.partition(".")[0] for entry in code.iterdir())


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The process id of who sent a message, as the kernel says."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_SENDER.unpack_from(data)[0])
    return 0
