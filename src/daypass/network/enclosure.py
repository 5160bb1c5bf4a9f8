"""A program in a view of its own, from the process that becomes the program.

The process that asks becomes the program, so that signals, terminal, job control and exit status
are the program's own. What answers on the view's sockets is a child in the background, of which
neither the program nor the terminal knows; it ends when the program does.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from daypass.network.files import name_servers
from daypass.network.outside import METADATA, Carrier, connect, wait_for_route
from daypass.network.relay import Route, relay
from daypass.network.view import (
    STANDARD,
    Listening,
    NamespaceError,
    cover,
    furnish,
    hand_out,
    separate,
    take,
)

_READY: Final = b"+"
_MESSAGE_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What a program shall find.

    routes: makes of each of the view's sockets what is behind it: first the standard two, for AWS
    with and without TLS, then `further`. files: by target, what is bound over it. directory: is
    removed when the program has ended. carrier: connects the outside, None without.
    """

    routes: Callable[[Sequence[socket.socket]], Sequence[Route]]
    files: Mapping[str, str]
    directory: Path
    further: Sequence[Listening] = ()
    carrier: Carrier | None = None
    sockets: Sequence[Listening] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sockets", (*STANDARD, *self.further))


def enclose(enclosure: Enclosure) -> None:
    """Put this process, which must have one thread, into the view; what it executes is in it, too.

    Raises `NamespaceError`; then the process is to do nothing more but say so.
    """
    ours, theirs = socket.socketpair()
    program = os.getpid()
    child = os.fork()
    if child == 0:
        ours.close()
        _stay_behind(enclosure, theirs, program)
    theirs.close()
    os.waitpid(child, 0)
    with ours:
        carrier = enclosure.carrier
        separate(own_user=carrier is not None and carrier.needs_user)
        hand_out(ours, furnish(enclosure.sockets, METADATA))
        cover(enclosure.files)
        said = ours.recv(_MESSAGE_LIMIT)
    if said != _READY:
        why, _, remedy = said.decode(errors="replace").partition("\n")
        raise NamespaceError(why or "What answers in the sandbox did not start.", remedy)


def _stay_behind(enclosure: Enclosure, connection: socket.socket, program: int) -> None:
    """In a grandchild, so that the program has no child it does not know. Never returns."""
    try:
        os.setsid()
        if os.fork() == 0:
            _leave_descriptors(connection)
            _answer(enclosure, connection, program)
    finally:
        os._exit(0)


def _leave_descriptors(connection: socket.socket) -> None:
    """Let go of what is the program's: whoever reads its output waits for the last holder."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    kept = connection.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def _answer(enclosure: Enclosure, connection: socket.socket, program: int) -> None:
    os.chdir("/")
    # The program's own, which this process does not take for itself.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    carried = None
    try:
        until = os.pidfd_open(program)
        sockets = take(connection, enclosure.sockets)
        if not sockets:  # the program has failed, and said why
            return
        if enclosure.carrier is not None:
            of = f"/proc/{program}/ns"
            carried = connect(enclosure.carrier, f"{of}/net", f"{of}/user")
            wait_for_route(str(program), carried)
        secure, plain, names, *further = sockets
        routes = enclosure.routes([secure, plain, *further])
        connection.send(_READY)
        connection.close()
        others = name_servers() if enclosure.carrier is not None else ()
        asyncio.run(relay(routes, names, others, until))
    except (NamespaceError, OSError) as error:
        why, remedy = (
            (error.why, error.remedy) if isinstance(error, NamespaceError) else (str(error), "")
        )
        with contextlib.suppress(OSError):
            connection.send(f"{why}\n{remedy}".encode())
    finally:
        if carried is not None:
            carried.end()
        shutil.rmtree(enclosure.directory, ignore_errors=True)
