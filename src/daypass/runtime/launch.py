"""From a newborn process to a running function: told what to be, confined, and started."""

import contextlib
import os
import socket
import sys
import traceback
from typing import Any, Final

from daypass.runtime import frames, python, sandbox

# Where the channel is, after standard input, output and error.
CHANNEL: Final = 3
# Lambda developer guide, "Using the Lambda Extensions API": variables that extensions do not get.
_NOT_FOR_EXTENSIONS: Final = frozenset(
    {
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_XRAY_CONTEXT_MISSING", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER"),
    }
)


def become_function(channel: int, output: int) -> None:
    """Be the function that the frames on `channel` say. Never returns.

    The first comes at once, PREPARE; its head: what `sandbox.prepare` wants. The second, LAUNCH,
    when there is a function to be; its head: what `sandbox.confine` wants, and environment; path,
    what goes before `sys.path` and what goes after it; executable, where this Python is; handler;
    command, None for Python.
    """
    status = 1
    try:
        os.setsid()
        connection = _arrange_descriptors(channel, output)
        launch = _await_launch(connection)
        if launch is not None:
            sandbox.confine(launch, connection)
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


def _await_launch(connection: socket.socket) -> dict[str, Any] | None:
    """The description of what to be, None if this process is not needed any more."""
    frame = frames.receive(connection)
    if frame is None:
        return None
    sandbox.prepare(frame[1])
    frame = frames.receive(connection)
    return None if frame is None else frame[1]


def _arrange_descriptors(channel: int, output: int) -> socket.socket:
    """Standard streams on 0 to 2, the channel on 3, and nothing else open."""
    # Out of the way first: the two may have come as 0 to 3 themselves.
    channel, output = os.dup2(channel, 101), os.dup2(output, 102)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(channel, CHANNEL)
    os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))
    connection = socket.socket(fileno=CHANNEL)
    connection.setblocking(True)
    return connection


def _run(launch: dict[str, Any], connection: socket.socket) -> int:
    command = launch["command"]
    os.set_inheritable(CHANNEL, False)
    for extension in launch["extensions"]:
        _start_extension(extension, launch["environment"])
    if command is None:
        before, after = launch["path"]
        sys.path[:] = [*before, *sys.path, *after]
        sys.executable = launch["executable"]
        _forget_own_modules()
        return python.run(launch["handler"], connection)
    os.set_inheritable(CHANNEL, launch["keeps_channel"])
    try:
        os.execve(command[0], command, launch["environment"])  # noqa: S606 - the function's runtime
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        # What a shell says of a command that is not there, or that it cannot run.
        return 127 if isinstance(error, FileNotFoundError) else 126


def _start_extension(path: str, environment: dict[str, str]) -> None:
    """Start a program beside the runtime, confined as it is; the channel is not open in it."""
    variables = {name: environment[name] for name in environment.keys() - _NOT_FOR_EXTENSIONS}
    try:
        os.posix_spawn(path, [path], variables)
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror}\n")


def _forget_own_modules() -> None:
    """A function that brings its own `daypass` gets that, not this one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "daypass"]:
        del sys.modules[name]
