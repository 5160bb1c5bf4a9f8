"""What a function writes: read from its pipe as it comes, line by line into its log stream."""

import asyncio
import datetime
import os
from collections.abc import Sequence
from typing import Final, Protocol

TAIL: Final = 4096
_PIECE: Final = 64 * 1024
# Bytes read before the function's answer is handed on: more than a pipe holds when it is full, so
# that all of its output is there; a function that goes on writing meanwhile is not waited for.
_LAST_READ: Final = 1024 * 1024
# Bytes read of one function in a moment; one that writes more waits, and nobody else does.
_MOMENT: Final = 0.2
_MOMENT_BYTES: Final = 2 * 1024 * 1024
# Bytes of a line, beyond which it becomes several events.
_LONGEST_LINE: Final = 256 * 1024


class LogSink(Protocol):
    """Where the lines of one environment go. It never waits, and drops what is too much."""

    def write(self, lines: Sequence[str]) -> None:
        """Add lines, each with its line end."""

    def note(self, lines: Sequence[str]) -> None:
        """Add lines of the platform's own, which a chatty function does not displace."""

    def full(self) -> bool:
        """Whether more would be dropped now."""

    def drop(self, lines: int) -> None:
        """Count lines that were not even looked at."""


class NoLog:
    """A `LogSink` that keeps nothing."""

    def write(self, lines: Sequence[str]) -> None:
        del lines

    def note(self, lines: Sequence[str]) -> None:
        del lines

    def full(self) -> bool:
        return False

    def drop(self, lines: int) -> None:
        del lines


class OutputPipe:
    """The pipe behind a function's standard output and error, and the last `TAIL` bytes of it.

    A chatty function cannot fill the server's memory or take its time: one that writes faster than
    the pipe is read waits. reader: its descriptor, which is closed in the end.
    """

    def __init__(self, sink: LogSink, reader: int) -> None:
        self._sink = sink
        self._reader = reader
        os.set_blocking(self._reader, False)
        self._tail = bytearray()
        self._begun = b""
        self._read = 0
        self._paused = False
        loop = asyncio.get_running_loop()
        self._moment = loop.time()
        loop.add_reader(self._reader, self._read_some)

    def take(self) -> bytes:
        """What was written since the last call, its last `TAIL` bytes.

        What a function wrote before it answered is in the pipe before the answer arrives, so it
        is read here and not missed.
        """
        left = _LAST_READ
        while left > 0 and (size := self._read_piece()):
            left -= size
        if self._begun:
            self._sink.write([self._begun.decode(errors="replace")])
            self._begun = b""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail

    def _read_some(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._moment > _MOMENT:
            self._moment, self._read = now, 0
        self._read += self._read_piece()
        if self._read > _MOMENT_BYTES and self._reader >= 0:
            loop.remove_reader(self._reader)
            self._paused = True
            loop.call_later(_MOMENT, self._resume)

    def _resume(self) -> None:
        if self._reader >= 0 and self._paused:
            self._paused = False
            asyncio.get_running_loop().add_reader(self._reader, self._read_some)

    def _read_piece(self) -> int:
        """Read what is there, at most `_PIECE` bytes; how many it was."""
        if self._reader < 0:
            return 0
        try:
            piece = os.read(self._reader, _PIECE)
        except BlockingIOError:
            return 0
        if not piece:
            self.close()
            return 0
        self._tail += piece
        del self._tail[:-TAIL]
        self._log(piece)
        return len(piece)

    def _log(self, piece: bytes) -> None:
        if self._sink.full():
            self._sink.drop(piece.count(b"\n"))
            self._begun = b""
            return
        lines = (self._begun + piece).split(b"\n")
        self._begun = lines.pop()
        if len(self._begun) > _LONGEST_LINE:
            lines.append(self._begun)
            self._begun = b""
        self._sink.write([f"{line.decode(errors='replace')}\n" for line in lines])

    def close(self) -> None:
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1


def new_stream_name(version: str) -> str:
    """The log stream of a new environment, named as Lambda names it."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y/%m/%d")
    return f"{today}/[{version}]{os.urandom(16).hex()}"
