"""The process in which the processes of functions are born, and which sees to it that they end.

The server starts it once, clean of everything the server holds. It has one thread and a small
memory, so a fork is safe and takes a millisecond or a few. No secret passes through it, since every
function's process inherits its memory: what a function is told comes over its own channel.

Every descendant of a function's process ends with it, also one that left its process group. With
namespaces a function has one of processes, which ends with its first process, and the kernel sees
to it. Without them orphans come to this process, which adopts and kills them. When the server
is gone, however it ended, everything here ends too.

Requests and reports are JSON messages on a SOCK_SEQPACKET socket:

    {"spawn": ID}                     with two descriptors: the channel, and where output goes
    {"kill": ID}
    {"loaded": [NAME, ...]}           report, once: the modules that functions find loaded
    {"first": N}                      report, sent by the first process of a namespace itself, and
    {"spawned": ID, "namespace": N}   report, sent by the new process itself: who the kernel says
                                      sent it is its process id where the server is
    {"exited": ID, "status": STATUS}  report; -N is death by signal N
"""

import array

# Loaded here, before the forks, is what nearly every function needs; nothing from site-packages,
# since a function may bring its own version of any of it.
import base64  # noqa: F401
import contextlib
import datetime  # noqa: F401
import decimal  # noqa: F401
import gc
import importlib  # noqa: F401
import json
import logging  # noqa: F401
import os
import selectors
import signal
import socket
import traceback  # noqa: F401
import urllib.parse  # noqa: F401
from collections.abc import Callable
from typing import Final

from daypass.runtime import kernel, namespaces, preload
from daypass.runtime.launch import become_function
from daypass.runtime.namespaces import Nursery

NAMESPACES: Final = "namespaces"
_MESSAGE_LIMIT: Final = 4096


class Spawner:
    """The children of this process: which environment each one is.

    become: what a child does, given its channel and where its output goes. It never returns.
    nursery: None for children without namespaces.
    """

    def __init__(
        self,
        server: socket.socket,
        become: Callable[[int, int], None],
        nursery: Nursery | None,
    ) -> None:
        self._server = server
        self._become = become
        self._nursery = nursery
        self._pids: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._firsts: dict[int, int] = {}

    def serve(self) -> None:
        """Do what the server asks until it is gone; then end every descendant."""
        wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(wake_reader, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._server:
                        if not self._obey():
                            self._end_all()
                            return
                    else:
                        with contextlib.suppress(BlockingIOError):
                            os.read(wake_reader, 4096)
                        self._reap()

    def _obey(self) -> bool:
        descriptors = array.array("i")
        try:
            message, ancillary, _, _ = self._server.recvmsg(
                _MESSAGE_LIMIT, socket.CMSG_SPACE(2 * descriptors.itemsize)
            )
        except ConnectionError:
            return False
        if not message:
            return False
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data)
        request = json.loads(message)
        if "spawn" in request:
            self._spawn(request["spawn"], *descriptors)
        else:
            self._kill(request["kill"])
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _spawn(self, identifier: int, channel: int, output: int) -> None:
        if self._nursery is None:
            pid, first, namespace = os.fork(), 0, 0
        else:
            pid, first, namespace = self._nursery.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._report({"spawned": identifier, "namespace": namespace})
            self._become(channel, output)
        self._pids[identifier] = pid
        self._ids[pid] = identifier
        if self._nursery is not None:
            self._firsts[identifier] = first
            self._nursery.prepare()

    def _kill(self, identifier: int) -> None:
        pid = self._pids.get(identifier)
        if pid is None:
            return
        # Not reaped yet, so the number is still its own. Right after its birth it has no group.
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)
        self._end_namespace(identifier)

    def _end_namespace(self, identifier: int) -> None:
        """Kill all that is left in the namespace of an environment."""
        first = self._firsts.get(identifier)
        if first is not None:
            os.kill(first, signal.SIGKILL)

    def _reap(self) -> None:
        """Bury the dead environments, with all that is left of their process groups."""
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            pid = dead.si_pid
            identifier = self._ids.pop(pid, None)
            if identifier is not None:
                # Before the pid is given back: a group of this number is still this group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                self._end_namespace(identifier)
                self._firsts.pop(identifier, None)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if identifier is not None:
                del self._pids[identifier]
                self._report({"exited": identifier, "status": status})
            if self._nursery is None:
                self._end_strays()
            elif identifier is None:
                self._lose_first(pid)

    def _lose_first(self, pid: int) -> None:
        """The first process of a namespace has died, and the rest of it with it."""
        for identifier, first in self._firsts.items():
            if first == pid:
                del self._firsts[identifier]
                return

    def _end_strays(self) -> None:
        """Kill what was orphaned and belongs to no living environment."""
        for pid in _children():
            if pid in self._ids:
                continue
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(pid) not in self._ids:
                    os.kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        signal.set_wakeup_fd(-1)
        while children := _children():
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)

    def _report(self, report: dict[str, int]) -> None:
        # The server has gone: the end of its socket says so too, and is seen next.
        with contextlib.suppress(OSError):
            self._server.send(json.dumps(report).encode())


def _children() -> list[int]:
    """The pids of this process's children."""
    with open("/proc/thread-self/children", encoding="ascii") as children:
        return [int(pid) for pid in children.read().split()]


def main(descriptor: int, level: str, *packages: str) -> None:
    """Serve the server at the other end of this socket.

    level: a name of an isolation level. packages: directories to load from what most Python
    functions load.
    """
    nursery = None
    if level == NAMESPACES:
        namespaces.found()
    server = socket.socket(fileno=descriptor)
    server.set_inheritable(False)
    if level == NAMESPACES:
        nursery = Nursery(lambda number: server.send(json.dumps({"first": number}).encode()))
    kernel.become_subreaper()
    if packages:
        report = {"loaded": preload.load([*packages])}
        with contextlib.suppress(OSError):
            server.send(json.dumps(report).encode())
    gc.freeze()
    Spawner(server, become_function, nursery).serve()
