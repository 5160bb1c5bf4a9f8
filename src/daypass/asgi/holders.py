"""Who holds an access key: a lookup of the application's own, or sessions that it issued."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from daypass.sigv4 import Credentials, Presented, Reason, Refusal
from daypass.tokens import (
    LONGEST_SESSION,
    KeyRing,
    KeyState,
    RingKey,
    Session,
    SessionKind,
    TokenError,
    new_access_key_id,
    new_accessor,
)

# Access key ids carry an account; an application is one.
_ACCOUNT: Final = "000000000000"


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of an access key. identity: what the application knows it by."""

    secret_access_key: str = field(repr=False)
    identity: object = None


Found = Holder | str | None
Lookup = Callable[[Presented], Found | Awaitable[Found]]
"""Finds the secret access key of what a request presents, with or without an identity; None for
an unknown access key. It may raise `Refusal`, and may be a coroutine function."""


class Sessions:
    """Temporary credentials that the application issues itself. Nothing of them is stored: the
    session token says everything, sealed, and the secret cannot be computed without the keys.

    As a `Lookup` it accepts what it issued, with the `daypass.tokens.Session` for identity. keys:
    the same in every process of the application. otherwise: asked about access keys that come
    without a session token.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        otherwise: Lookup | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._otherwise = otherwise
        self._clock = clock

    @classmethod
    def of(cls, secret: bytes, *, otherwise: Lookup | None = None) -> "Sessions":
        """Sessions sealed with one secret of 32 random bytes. Raises `ValueError` for another
        number of them. To change it without ending sessions, give a `KeyRing`."""
        only = RingKey("00000001", secret, KeyState.ACTIVE, 0)
        return cls(KeyRing(secret, [only]), otherwise=otherwise)

    def issue(
        self, name: str, duration: int = 3600, tags: Mapping[str, str] | None = None
    ) -> Credentials:
        """Credentials for `name`, which the session has as its `session_name`. duration: seconds,
        at most 36 hours. Who may have them is for the application to know."""
        if not 0 < duration <= LONGEST_SESSION:
            raise ValueError(
                f"A session lasts from 1 to {LONGEST_SESSION} seconds, not {duration}."
            )
        now = self._clock()
        access_key_id = new_access_key_id("ASIA", _ACCOUNT)
        session = Session(
            accessor=new_accessor(access_key_id),
            access_key_id=access_key_id,
            account=_ACCOUNT,
            kind=SessionKind.FEDERATED_USER,
            subject_id=_ACCOUNT,
            subject_name="",
            session_name=name,
            issued=now,
            expires=int(now) + duration,
            tags=tags or {},
            key_id=self._keys.active_id,
        )
        return Credentials(
            access_key_id,
            self._keys.secret_access_key(session),
            self._keys.seal(session),
            session.expires,
        )

    def __call__(self, presented: Presented) -> Found | Awaitable[Found]:
        """The session of what is presented. Raises `Refusal`."""
        token = presented.session_token
        if token is None:
            return None if self._otherwise is None else self._otherwise(presented)
        try:
            session = self._keys.open(token)
        except TokenError as error:
            raise Refusal(Reason.INVALID_TOKEN, "it was not issued here") from error
        # INVARIANT: a token is worth nothing with any other access key than its own.
        if session.access_key_id != presented.access_key_id:
            raise Refusal(Reason.INVALID_TOKEN, "it is of another access key")
        if session.expires <= self._clock():
            raise Refusal(Reason.EXPIRED_TOKEN, "the session is over")
        return Holder(self._keys.secret_access_key(session), session)
