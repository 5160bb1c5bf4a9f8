"""The server's clock: the machine's, watched for being set back.

What has expired stays expired. A session is dead at a moment that every process of the node has
seen, however early the clock says it is afterwards; and sessions that are issued then live as
long as any.
"""

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import get_ident
from typing import Final

# Seconds. Less is how clocks are kept right; a session may live so much longer.
_TOLERANCE: Final = 10.0
_LENGTH: Final = 8


class Clock:
    """Unix seconds. The newest moment seen is in a file that all processes map, and that the next
    start finds again; after a loss of power it is up to half a minute old."""

    def __init__(self, path: Path, offset: float = 0.0) -> None:
        """offset: seconds added to the machine's clock."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _LENGTH:
                os.ftruncate(descriptor, _LENGTH)
            memory = mmap.mmap(descriptor, _LENGTH)
        finally:
            os.close(descriptor)
        # Aligned eight bytes: read and written by one machine instruction, never torn.
        self._newest = memoryview(memory).cast("d")
        self._offset = offset
        self._set_back: Callable[[], None] = lambda: None
        self._watcher = 0

    def __call__(self) -> float:
        now = self._now()
        newest = self._newest[0]
        if now > newest:
            self._newest[0] = now
        elif newest - now > _TOLERANCE and get_ident() == self._watcher:
            self._set_back()
        return now

    def watch(self, set_back: Callable[[], None]) -> None:
        """From now on call this when the clock was set back; it ends in `accept`.

        Only in this thread: what is called writes, and the store's writer reads the clock.
        """
        self._set_back = set_back
        self._watcher = get_ident()
        self()

    def accept(self, remember: Callable[[float, float], None]) -> None:
        """Go on from the earlier time. remember: gets the time it is, and the newest that was seen.

        Where several processes ask, one at a time, the first alone remembers.
        """
        now, newest = self._now(), self._newest[0]
        if newest - now <= _TOLERANCE:
            return
        remember(now, newest)
        self._newest[0] = now

    def _now(self) -> float:
        return time.time() + self._offset
