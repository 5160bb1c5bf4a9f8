"""Credentials kept in memory, and renewed ahead of their end."""

import threading
import time
from collections.abc import Callable
from typing import Final

from daypass.client.errors import ClientError
from daypass.client.providers.base import CredentialsProvider, discard
from daypass.sigv4 import Credentials

# Renewal starts this many seconds before the end, while the old credentials still serve those
# who do not renew, and is waited for in the last minute. A quarter of the session at most: the
# shortest session lasts 900 s.
RENEW_AHEAD: Final = 300.0
RENEW_BEFORE: Final = 60.0
# After a failed renewal ahead of time the old credentials are used this long before another try.
_PAUSE: Final = 10.0


class Cached:
    """Keeps credentials until shortly before they expire: `ahead` seconds.

    One caller renews for all. Ahead of the end the others go on with the old ones, and so does
    everybody if the renewal fails: what is still good is never thrown away.
    """

    def __init__(
        self,
        source: CredentialsProvider,
        clock: Callable[[], float] = time.time,
        ahead: float = RENEW_AHEAD,
    ) -> None:
        self._source = source
        self._ahead = ahead
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Credentials | None = None
        self._lifetime = 0.0
        self._paused_until = 0.0

    def credentials(self) -> Credentials:
        held = self._held
        if held is not None and not self._within(held, self._ahead):
            return held
        if held is not None and not self._within(held, RENEW_BEFORE):
            return self._renew_if_nobody_does(held)
        with self._lock:
            held = self._held
            if held is not None and not self._within(held, RENEW_BEFORE):
                return held  # another thread renewed while this one waited
            try:
                return self._renew()
            except ClientError:
                if held is None or self._within(held, 0.0):
                    raise
                return held

    def discard(self, refused: Credentials) -> None:
        with self._lock:
            if self._held == refused:
                self._held = None
                self._paused_until = 0.0
        discard(self._source, refused)

    def _within(self, held: Credentials, seconds: float) -> bool:
        if held.expiration is None:
            return False
        left: float = held.expiration - self._clock()
        return left < min(seconds, self._lifetime / 4)

    def _renew_if_nobody_does(self, held: Credentials) -> Credentials:
        if self._clock() < self._paused_until or not self._lock.acquire(blocking=False):
            return held
        try:
            return self._renew()
        except ClientError:
            self._paused_until = self._clock() + _PAUSE
            return held
        finally:
            self._lock.release()

    def _renew(self) -> Credentials:
        fresh = self._source.credentials()
        self._lifetime = (fresh.expiration or 0.0) - self._clock()
        self._held = fresh
        return fresh
