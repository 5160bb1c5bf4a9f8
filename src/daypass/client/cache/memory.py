"""Sessions kept for this process alone."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator

from daypass.client.cache.entries import Entry


class MemoryStore:
    """What `Kept` keeps where nothing is to be written. It grows with the sources asked for."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def read(self, identity: str) -> Entry | None:
        return self._entries.get(identity)

    def write(self, identity: str, entry: Entry) -> None:
        self._entries[identity] = entry

    def forget(self, identity: str) -> None:
        self._entries.pop(identity, None)

    @contextlib.contextmanager
    def lock(self, identity: str, *, wait: bool) -> Iterator[bool]:
        lock = self._locks[identity]
        held = lock.acquire(blocking=wait)
        try:
            yield held
        finally:
            if held:
                lock.release()
