"""What a function writes: read from its pipe as it comes, kept as far as somebody wants it."""

import asyncio
import math
import os
from pathlib import Path
from typing import Final

from daypass.workers.function import FunctionSpec

TAIL: Final = 4096
_PIECE: Final = 64 * 1024


class OutputPipe:
    """The pipe behind a function's standard output and error; the last `TAIL` bytes of it.

    A chatty function cannot fill the server's memory, and one that writes faster than the pipe
    is read waits.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        self._tail = bytearray()
        asyncio.get_running_loop().add_reader(self._reader, self._read_piece)

    def close_writer(self) -> None:
        """After the function's process has its own copy."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def take(self) -> bytes:
        """What was written since the last call, its last `TAIL` bytes.

        What a function wrote before it answered is in the pipe before the answer arrives, so it
        is read here and not missed.
        """
        while self._read_piece():
            pass
        tail = bytes(self._tail)
        self._tail.clear()
        return tail

    def _read_piece(self) -> bool:
        if self._reader < 0:
            return False
        try:
            piece = os.read(self._reader, _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self.close()
            return False
        self._tail += piece
        del self._tail[:-TAIL]
        return True

    def close(self) -> None:
        self.close_writer()
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1


def format_tail(
    function: FunctionSpec,
    request_id: str,
    output: bytes,
    duration: float,
    init_duration: float | None,
    pid: int | None,
) -> bytes:
    """The last `TAIL` bytes of an invocation's log, with the lines Lambda itself writes.

    duration, init_duration: seconds; the latter of a cold start alone. pid: of its process.
    """
    milliseconds = duration * 1000
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\t"
        f"Memory Size: {function.memory_size} MB\tMax Memory Used: {_peak_memory(pid)} MB\t"
    )
    if init_duration is not None:
        report += f"Init Duration: {init_duration * 1000:.2f} ms\t"
    start = f"START RequestId: {request_id} Version: {function.version}\n"
    end = f"END RequestId: {request_id}\n{report}\n"
    if output and not output.endswith(b"\n"):
        output += b"\n"
    return (start.encode() + output + end.encode())[-TAIL:]


def _peak_memory(pid: int | None) -> int:
    """The most resident memory a process has had, in MB; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) // 1024
    except (OSError, IndexError):
        return 0
