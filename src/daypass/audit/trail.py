"""One process's way to the trail: what must be on record, and what may wait to be."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from daypass.audit.reading import Position
from daypass.audit.segments import Segments, TrailError

_SEGMENT_BYTES: Final = 64 * 1024 * 1024
# What is noted but not yet written: about 1 KB each, and these many bytes together.
_NOTED_KEPT: Final = 10_000
_NOTED_BYTES: Final = 16 * 1024 * 1024
# Written at once with others that wait for the disk, so that these do not wait long.
_NOTED_AT_ONCE: Final = 1_000
_NOTED_SECONDS: Final = 0.2

_log = logging.getLogger("daypass.audit")


class _Batch:
    """Entries that are written and synced together."""

    __slots__ = ("entries", "error", "written")

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.written = asyncio.Event()
        self.error: OSError | None = None


class Trail:
    """The trail in a directory. An entry is a JSON object on one line, in UTF-8.

    lost: entries noted that could not be kept. Use it from one event loop at a time.
    """

    def __init__(
        self,
        directory: Path,
        clock: Callable[[], float] = time.time,
        *,
        segment_bytes: int = _SEGMENT_BYTES,
        noted_kept: int = _NOTED_KEPT,
    ) -> None:
        self.directory = directory
        self.lost = 0
        self._clock = clock
        self._segments = Segments(directory, segment_bytes)
        self._thread = ThreadPoolExecutor(1, "audit")
        self._noted: deque[bytes] = deque()
        self._noted_bytes = 0
        self._noted_kept = noted_kept
        self._lost_unsaid = 0
        self._gathering: _Batch | None = None
        self._writer: asyncio.Task[None] | None = None
        self._failure: OSError | None = None

    # -- writing -----------------------------------------------------------------------------

    async def record(self, entry: bytes) -> None:
        """Return once the entry is on disk. Raises `TrailError` if it is not.

        All that wait at one moment share one sync of the disk.
        """
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
            if self._writer is None or self._writer.done():
                self._writer = asyncio.get_running_loop().create_task(self._write_gathered())
        batch.entries.append(entry)
        await batch.written.wait()
        if batch.error is not None:
            raise _unwritten(batch.error) from batch.error

    def note(self, entry: bytes) -> None:
        """Keep the entry for a write soon; where too many wait already, count it as lost."""
        if len(self._noted) >= self._noted_kept or self._noted_bytes > _NOTED_BYTES:
            self._lose(1)
        else:
            self._noted.append(entry)
            self._noted_bytes += len(entry)

    async def writable(self) -> None:
        """Raises `TrailError` if the last write failed and another try fails, too."""
        if self._failure is not None:
            await self.record(self._event("TrailResumed", {"after": str(self._failure.strerror)}))

    def record_now(self, entry: bytes) -> None:
        """`record` for callers without an event loop."""
        try:
            self._segments.append([entry])
        except OSError as error:
            raise _unwritten(error) from error

    def record_event_now(self, name: str, details: dict[str, object]) -> None:
        """`record_now` of what was done here, by no request. details: what JSON can say."""
        self.record_now(self._event(name, details))

    async def flush(self) -> None:
        """Write what is noted by now. What cannot be written stays noted."""
        # Under load there is always more by then: to wait for an end would be to write without a
        # pause, a handful at a time.
        left = len(self._noted)
        while left > 0 or self._lost_unsaid:
            if not await self._append([]):
                return
            left -= _NOTED_AT_ONCE

    async def keep_flushing(self) -> None:
        """Write what is noted, a few times a second, until cancelled."""
        while True:
            await asyncio.sleep(_NOTED_SECONDS)
            await self.flush()

    def end(self) -> Position:
        """Where the trail ends now, whoever wrote it."""
        return Position(*self._segments.end())

    def close(self) -> None:
        """Write what is noted, and close. Nothing may wait in `record`."""
        self._thread.shutdown()
        entries = [*self._noted, *self._losses(self._lost_unsaid)]
        try:
            if entries:
                self._segments.append(entries)
        except OSError as error:
            _log.error("%d events are lost: %s", len(entries), _unwritten(error))
        self._segments.close()

    # -- the writer --------------------------------------------------------------------------

    async def _write_gathered(self) -> None:
        while self._gathering is not None:
            batch, self._gathering = self._gathering, None
            try:
                await self._append(batch.entries)
                batch.error = self._failure
            finally:
                batch.written.set()

    async def _append(self, entries: Sequence[bytes]) -> bool:
        noted = [self._noted.popleft() for _ in range(min(len(self._noted), _NOTED_AT_ONCE))]
        self._noted_bytes -= sum(map(len, noted))
        unsaid, self._lost_unsaid = self._lost_unsaid, 0
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._segments.append, [*entries, *noted, *self._losses(unsaid)]
            )
        except OSError as error:
            if self._failure is None:
                _log.error("%s", _unwritten(error))
            self._failure = error
            self._keep(noted)
            self._lost_unsaid += unsaid
            return False
        self._failure = None
        return True

    def _losses(self, count: int) -> Sequence[bytes]:
        return [self._event("EventsLost", {"count": count})] if count else []

    def _keep(self, noted: Sequence[bytes]) -> None:
        room = self._noted_kept - len(self._noted)
        self._noted.extendleft(reversed(noted[:room]))
        self._noted_bytes += sum(map(len, noted[:room]))
        self._lose(max(len(noted) - room, 0))

    def _lose(self, count: int) -> None:
        if count and not self._lost_unsaid:
            _log.warning("Events come faster than the audit trail takes them; some are lost.")
        self.lost += count
        self._lost_unsaid += count

    def _event(self, name: str, data: dict[str, object]) -> bytes:
        """An event of the trail's own."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        event = {
            "eventVersion": "1.11",
            "eventTime": moment,
            "eventSource": "daypass",
            "eventName": name,
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": data,
        }
        return json.dumps(event, separators=(",", ":")).encode()


def _unwritten(error: OSError) -> TrailError:
    return TrailError(
        f"The audit trail cannot be written: {error.strerror or error}. Nothing is issued or "
        "changed until it can: make room on the disk, or give the directory back."
    )
