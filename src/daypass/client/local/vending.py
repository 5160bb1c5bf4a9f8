"""Credentials to hand to others: kept, renewed for all by one, and with enough life left."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from daypass.client.errors import ClientError, CredentialsUnavailableError
from daypass.client.providers.base import CredentialsProvider
from daypass.sigv4 import Credentials

# Seconds of life that are handed out where sessions are long enough. SDKs ask again for each
# signature from 900 s on, and with less than 1,500 s botocore takes instance metadata for out of
# order and extends their time itself.
COMFORT: Final = 1500.0
# botocore extends what has less than 900 s by up to 600 s, and asks again 2 to 10 minutes later.
# What has this much left is still good then.
SAFE: Final = 660.0
# Between renewals that brought nothing better, and after one that failed.
_PAUSE: Final = 10.0
# While the old credentials still serve, and while there are none.
_PATIENCE: Final = 0.7
_LONGEST: Final = 30.0


class Vendor:
    """Credentials for whoever asks this machine's endpoints.

    source: gives new credentials at each call, or the same while it has no better ones.
    least: seconds of life never gone below where a renewal can help.
    """

    def __init__(
        self,
        source: CredentialsProvider,
        least: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._least = least
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Credentials | None = None
        self._lifetime = 0.0
        self._pause_ends = 0.0
        self._renewal: Future[Credentials] | None = None

    def credentials(self) -> Credentials:
        """What is good now. SDKs wait one or two seconds for it, so that while old credentials
        still serve, a slow renewal is not waited for. Raises `ClientError`."""
        held = self._held
        good = held is not None and self._left(held) > 0
        if held is not None and good and not self._wants_renewal(held):
            return held
        renewal = self._renew()
        try:
            return renewal.result(_PATIENCE if good else _LONGEST)
        except (ClientError, TimeoutError) as error:
            if held is not None and good:
                return held
            if isinstance(error, ClientError):
                raise
            raise CredentialsUnavailableError(
                "There are no credentials.", "Getting new ones takes too long.", "Try again."
            ) from error

    def _left(self, held: Credentials) -> float:
        return (held.expiration or 0.0) - self._clock()

    def _wants_renewal(self, held: Credentials) -> bool:
        if self._clock() < self._pause_ends:
            return False
        return self._left(held) < max(min(COMFORT, self._lifetime / 2), self._least)

    def _renew(self) -> "Future[Credentials]":
        """The renewal under way, or a new one, in a thread that nobody has to wait for."""
        with self._lock:
            if self._renewal is None:
                self._renewal = Future()
                threading.Thread(target=self._ask, args=(self._renewal,), daemon=True).start()
            return self._renewal

    def _ask(self, renewal: "Future[Credentials]") -> None:
        try:
            fresh = _lasting(self._source.credentials())
        except Exception as error:
            with self._lock:
                self._renewal = None
                self._pause_ends = self._clock() + _PAUSE
            renewal.set_exception(error)
            return
        with self._lock:
            held = self._held
            if held is None or self._left(fresh) > self._left(held) or self._left(held) <= 0:
                self._held = fresh
                self._lifetime = max(self._left(fresh), 0.0)
            else:
                fresh = held
            self._pause_ends = self._clock() + _PAUSE
            self._renewal = None
        renewal.set_result(fresh)


def _lasting(credentials: Credentials) -> Credentials:
    """The credentials, if they are temporary and it is known for how long. Raises `ClientError`."""
    if credentials.session_token is None:
        raise CredentialsUnavailableError(
            "These credentials are not handed on.",
            "They are long-term keys, and the endpoints of SDKs give out temporary ones.",
            "Name a role to assume with --role.",
        )
    if credentials.expiration is None:
        raise CredentialsUnavailableError(
            "These credentials are not handed on.",
            "They are temporary, but nothing says until when, and SDKs want to know.",
            "Set AWS_CREDENTIAL_EXPIRATION beside them, or name a role to assume with --role.",
        )
    return credentials
