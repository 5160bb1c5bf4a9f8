"""What functions write on its way to the store: gathered, bounded, and put down in batches.

However much a function writes, it costs the others nothing: what goes beyond its share of a moment
is dropped, counted, and said in its own log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from daypass.store.logs.records import Batch, LogStoreError
from daypass.store.logs.store import LogStore

# Seconds between what is written and when it can be read.
_PAUSE: Final = 0.2
# What one stream may hand over in that time: 5,000 lines or 1.25 MiB a second.
_EVENTS: Final = 1_000
_BYTES: Final = 256 * 1024
# Lambda's own lines: four an invocation, so far more than one environment can serve.
_NOTES: Final = 4_000
# What all streams of a process may have waiting.
_ALL_BYTES: Final = 16 * 1024 * 1024
# Logs of which a process remembers having said that they are not kept.
_TOLD: Final = 10_000

_log = logging.getLogger("daypass.functions")


@dataclass(frozen=True, slots=True)
class Permit:
    """What a function's role may do with its log now."""

    put: bool
    make_group: bool


class LogStream:
    """The stream of one environment: takes lines, and never waits."""

    __slots__ = ("_dropped", "_queue", "_size", "events", "group", "name", "permit")

    def __init__(
        self, queue: "LogQueue", group: str, name: str, permit: Callable[[], Permit]
    ) -> None:
        self._queue = queue
        self.group = group
        self.name = name
        self.permit = permit
        self.events: list[tuple[int, str]] = []
        self._size = 0
        self._dropped = 0

    def write(self, lines: Sequence[str]) -> None:
        """Add lines, each an event of its own, at the time it is now."""
        now = self._queue.now()
        for line in lines:
            size = len(line)
            if (
                len(self.events) >= _EVENTS
                or self._size + size > _BYTES
                or not self._queue.take(size)
            ):
                self._dropped += 1
                continue
            self._size += size
            self.events.append((now, line))
        self._queue.wake(self)

    def note(self, lines: Sequence[str]) -> None:
        """Add lines of the platform's own, which a chatty function does not displace."""
        if len(self.events) + len(lines) > _EVENTS + _NOTES:
            self.drop(len(lines))
            return
        now = self._queue.now()
        self.events += [(now, line) for line in lines]
        self._queue.wake(self)

    def full(self) -> bool:
        """Whether more would be dropped now."""
        return len(self.events) >= _EVENTS or self._size >= _BYTES

    def drop(self, lines: int) -> None:
        """Count lines that were not even looked at."""
        self._dropped += lines
        self._queue.wake(self)

    def take(self) -> list[tuple[int, str]]:
        """What is waiting, and a line about what was dropped."""
        taken, self.events = self.events, []
        if self._dropped:
            text = (
                f"DAYPASS_DROPPED {self._dropped} lines are missing here: the function wrote "
                "faster than its log is kept.\n"
            )
            taken.append((self._queue.now(), text))
        self._queue.give_back(self._size)
        self._size = self._dropped = 0
        return taken


class LogQueue:
    """The logs of one process on their way into the store. clock: Unix seconds."""

    def __init__(self, store: LogStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[LogStream, None] = {}
        self._bytes = 0
        self._something = asyncio.Event()
        self._told: set[str] = set()

    def stream(self, group: str, name: str, permit: Callable[[], Permit]) -> LogStream:
        """A stream of a function's log. permit: asked each time something is put down."""
        return LogStream(self, group, name, permit)

    def now(self) -> int:
        """Unix milliseconds."""
        return int(self._clock() * 1000)

    def take(self, size: int) -> bool:
        """Whether that many bytes more may wait."""
        if self._bytes + size > _ALL_BYTES:
            return False
        self._bytes += size
        return True

    def give_back(self, size: int) -> None:
        self._bytes -= size

    def wake(self, stream: LogStream) -> None:
        self._waiting[stream] = None
        self._something.set()

    async def keep_flushing(self) -> None:
        """Put down what waits, again and again. Runs until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            await self.flush()
            await asyncio.sleep(_PAUSE)

    async def flush(self) -> None:
        """Put down what waits now."""
        streams, self._waiting = list(self._waiting), {}
        batches = [
            Batch(stream.group, stream.name, taken, makes_stream=True, makes_group=make_group)
            for stream in streams
            for taken, make_group in [self._take(stream)]
            if taken
        ]
        if batches:
            await asyncio.to_thread(self._put, batches, self.now())

    def _take(self, stream: LogStream) -> tuple[list[tuple[int, str]], bool]:
        permit = stream.permit()
        taken = stream.take()
        if permit.put:
            return taken, permit.make_group
        self._tell(stream.group, "the execution role does not allow logs:PutLogEvents")
        return [], False

    def _put(self, batches: list[Batch], now: int) -> None:
        for batch in batches:
            try:
                self._store.put([batch], now)
            except LogStoreError as error:
                self._tell(batch.group, f"{type(error).__name__}: {error}")
            except Exception:
                # A full disk must not stop functions; nor may each line of theirs say so.
                _log.exception("%d lines of %s are lost", len(batch.events), batch.group)

    def _tell(self, group: str, why: str) -> None:
        """Once a process and group: the function goes on without its log, as at AWS."""
        if group not in self._told and len(self._told) < _TOLD:
            self._told.add(group)
            _log.warning("The log %s is not kept: %s.", group, why)
