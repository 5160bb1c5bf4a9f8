"""From a newborn process to a running function: told what to be, confined, and started."""

import contextlib
import os
import socket
import struct
import sys
import traceback
from typing import Any, Final

from daypass.runtime import frames, kernel, python, sandbox

# Where the channel is, after standard input, output and error; and the verdict, where there is.
CHANNEL: Final = 3
VERDICT: Final = 4
# An exit status; -N is death by signal N.
STATUS: Final = struct.Struct("=i")


def become_function(channel: int, output: int, verdict: int | None) -> None:
    """Be the function that the first frame on `channel` says. Never returns.

    verdict: of the first process of a namespace, the descriptor that takes the exit status of the
    function, which is its child; None to be the function oneself.

    The frame's head: what `sandbox.confine` wants, and environment; path, what goes before
    `sys.path` and what goes after it; handler; command, None for Python.
    """
    status = 1
    try:
        os.setsid()
        connection, verdict = _arrange_descriptors(channel, output, verdict)
        frame = frames.receive(connection)
        if frame is not None:
            launch: dict[str, Any] = frame[1]
            sandbox.confine(launch)
            if verdict is not None:
                _divide(verdict)
            os.environ.clear()
            os.environ.update(launch["environment"])
            status = _run(launch, connection)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _arrange_descriptors(
    channel: int, output: int, verdict: int | None
) -> tuple[socket.socket, int | None]:
    """Standard streams on 0 to 2, the channel on 3, the verdict on 4, and nothing else open."""
    # Out of the way first: they may have come as 0 to 4 themselves.
    channel, output = os.dup2(channel, 101), os.dup2(output, 102)
    if verdict is not None:
        verdict = os.dup2(os.dup2(verdict, 103), VERDICT, inheritable=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(channel, CHANNEL, inheritable=False)
    os.closerange(VERDICT if verdict is None else VERDICT + 1, os.sysconf("SC_OPEN_MAX"))
    connection = socket.socket(fileno=CHANNEL)
    connection.setblocking(True)
    return connection, verdict


def _divide(verdict: int) -> None:
    """Go on in a child. The parent stays as the first process of the namespace.

    It buries the orphans and ends with the function, and with it the kernel ends all the others.
    """
    child = os.fork()
    if not child:
        os.close(verdict)
        return
    # Not even the function, whose user it has, may look into it or take its descriptors.
    kernel.set_dumpable(False)
    os.dup2(verdict, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX"))
    pid, status = os.wait()
    while pid != child:
        pid, status = os.wait()
    os.write(0, STATUS.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _run(launch: dict[str, Any], connection: socket.socket) -> int:
    command = launch["command"]
    if command is None:
        before, after = launch["path"]
        sys.path[:] = [*before, *sys.path, *after]
        _forget_own_modules()
        return python.run(launch["handler"], connection)
    os.set_inheritable(CHANNEL, launch["keeps_channel"])
    try:
        os.execve(command[0], command, launch["environment"])  # noqa: S606 - the function's runtime
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        # What a shell says of a command that is not there, or that it cannot run.
        return 127 if isinstance(error, FileNotFoundError) else 126


def _forget_own_modules() -> None:
    """A function that brings its own `daypass` gets that, not this one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "daypass"]:
        del sys.modules[name]
