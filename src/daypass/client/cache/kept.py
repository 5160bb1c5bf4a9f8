"""A provider whose sessions outlive it: kept in a store, renewed by one caller for all."""

import time
from collections.abc import Callable
from typing import Final

from daypass.client.cache.entries import Entry, Label
from daypass.client.errors import ClientError
from daypass.client.providers.base import CredentialsProvider, discard
from daypass.client.providers.renewing import RENEW_AHEAD, RENEW_BEFORE
from daypass.client.role_requests import AssumedRole
from daypass.client.settings import Sessions
from daypass.sigv4 import Credentials

# A session is renewed before it has no more than this part of its life left, whatever is asked
# for: one of 900 s would else be renewed at each use.
_PART: Final = 2


class Kept:
    """Sessions of `source`. identity: says all they depend on, and is asked for at each use.

    least: seconds of life that are wanted; a session with less is renewed ahead of its end, while
    all others go on with it, and so does everybody if that fails. prompts: `source` may ask a
    person, who is not troubled before the last minute.
    """

    def __init__(
        self,
        source: CredentialsProvider,
        identity: Callable[[], str],
        label: Callable[[], Label],
        sessions: Sessions,
        *,
        least: float = RENEW_AHEAD,
        prompts: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._identity = identity
        self._label = label
        self._sessions = sessions
        self._least = RENEW_BEFORE if prompts else least
        self._clock = clock

    def credentials(self) -> Credentials:
        return self.entry().credentials

    def assume(self) -> AssumedRole:
        """With the ARN of the session, if it is a role's."""
        entry = self.entry()
        return AssumedRole(entry.credentials, entry.arn, entry.unique_id)

    def entry(self) -> Entry:
        """What is kept, renewed if it is time. Raises `ClientError`."""
        identity = self._identity()
        held = self._sessions.read(identity)
        if held is not None and self._has(held, self._least):
            return held
        good = held if held is not None and self._has(held, RENEW_BEFORE) else None
        with self._sessions.lock(identity, wait=good is None) as mine:
            if not mine and good is not None:
                return good  # another renews it
            found = self._sessions.read(identity)
            if found is not None and found != held and self._has(found, RENEW_BEFORE):
                return found  # another renewed it while this one waited
            try:
                return self._renew(identity)
            except ClientError:
                if held is None or held.left(self._clock()) <= 0:
                    raise
                return held

    def discard(self, refused: Credentials) -> None:
        identity = self._identity()
        held = self._sessions.read(identity)
        if held is not None and held.credentials == refused:
            self._sessions.forget(identity)
        discard(self._source, refused)

    def _has(self, entry: Entry, seconds: float) -> bool:
        return entry.left(self._clock()) > min(seconds, entry.lifetime / _PART)

    def _renew(self, identity: str) -> Entry:
        assume = getattr(self._source, "assume", None)
        if callable(assume):
            assumed: AssumedRole = assume()
        else:
            assumed = AssumedRole(self._source.credentials(), "", "")
        entry = Entry(
            assumed.credentials, self._clock(), self._label(), assumed.arn, assumed.unique_id
        )
        self._sessions.write(identity, entry)
        return entry
