"""The key ring: it seals session tokens and derives the secrets that go with them.

Tokens are sealed under the ring's active key and opened under any key still in the ring.
"""

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daypass.tokens.errors import TokenError, TokenTooLargeError
from daypass.tokens.master import KEY_LENGTH, MasterKey, derive_key
from daypass.tokens.session import Session, pack, unpack

# Seconds: GetSessionToken and GetFederationToken issue for at most 36 hours.
LONGEST_SESSION: Final = 129_600

# Characters of a token: the one limit AWS sets, too, on what a session may carry.
LARGEST_TOKEN: Final = 4096

_KEY_ID_LENGTH: Final = 4
_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16
_VERSION: Final = b"\x01"
_HEAD_LENGTH: Final = 1 + _KEY_ID_LENGTH
_SMALLEST_TOKEN: Final = _HEAD_LENGTH + _NONCE_LENGTH + _TAG_LENGTH
_OPENED_KEPT: Final = 2048


class KeyState(StrEnum):
    """prepared: known to every node, not used yet. active: seals. retired: opens only."""

    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring. id: 8 hex digits. since: when it came into its state, Unix seconds.

    floor: sessions it sealed that end by then have ended, however early the clock says it is.
    """

    id: str
    material: bytes = field(repr=False)
    state: KeyState
    since: int
    floor: int = 0


def new_ring(now: float) -> list[RingKey]:
    """A first ring: one active key and one prepared."""
    return [_new_key(KeyState.ACTIVE, now), _new_key(KeyState.PREPARED, now)]


def rotate(keys: Sequence[RingKey], now: float, floor: float = 0.0) -> list[RingKey]:
    """The ring after a rotation: prepared is active, active is retired, a new key is prepared.

    Keys retired for longer than any session lives are left out; tokens they sealed have expired.
    floor: the newest time that was seen, where the clock was set back since.
    """
    rotated = [_new_key(KeyState.PREPARED, now)]
    for key in keys:
        if key.state is KeyState.PREPARED:
            rotated.append(replace(key, state=KeyState.ACTIVE, since=int(now)))
        elif key.state is KeyState.ACTIVE:
            least = max(key.floor, int(floor))
            rotated.append(replace(key, state=KeyState.RETIRED, since=int(now), floor=least))
        elif key.since + LONGEST_SESSION > now:
            rotated.append(replace(key, floor=max(key.floor, int(floor))))
    return rotated


def _new_key(state: KeyState, now: float) -> RingKey:
    return RingKey(
        secrets.token_hex(_KEY_ID_LENGTH), secrets.token_bytes(KEY_LENGTH), state, int(now)
    )


class _Sealer:
    """What one key of the ring does: `head` is in clear before each token, and bound to it."""

    __slots__ = ("_material", "_others", "aead", "bound", "head", "secret_mac")

    def __init__(self, key: RingKey) -> None:
        self.head = _VERSION + bytes.fromhex(key.id)
        self.bound = self.head + b"session-token"
        self.aead = AESGCM(derive_key(key.material, "session-token"))
        # Copied begun for each secret: a new one would take three times as long.
        self.secret_mac = hmac.new(derive_key(key.material, "session-secret"), digestmod="sha256")
        self._material = key.material
        self._others: dict[str, AESGCM] = {}

    def for_message(self, purpose: str) -> AESGCM:
        cipher = self._others.get(purpose)
        if cipher is None:
            cipher = AESGCM(derive_key(self._material, f"message/{purpose}"))
            self._others[purpose] = cipher
        return cipher


class KeyRing:
    """The keys of one account. Its methods are safe in one thread, as the event loop uses it."""

    __slots__ = ("_active", "_floors", "_master", "_newer", "_older", "_sealers")

    def __init__(self, master: bytes, keys: Sequence[RingKey]) -> None:
        """master: 32 bytes. Raises `ValueError` unless exactly one key is active."""
        self._master = MasterKey(master)
        self.use(keys)

    def __repr__(self) -> str:
        return f"KeyRing(active={self._active!r}, keys={sorted(self._sealers)!r})"

    def use(self, keys: Sequence[RingKey]) -> None:
        """Go on with these keys instead, after a rotation."""
        active = [key.id for key in keys if key.state is KeyState.ACTIVE]
        if len(active) != 1:
            raise ValueError(f"A key ring has one active key; this one has {len(active)}.")
        self._active = active[0]
        self._sealers = {key.id: _Sealer(key) for key in keys}
        self._floors = {key.id: key.floor for key in keys}
        # Tokens opened before, in two generations: a full newer one becomes the older one. Only
        # what was authentic gets in, so nobody without a session can fill it.
        self._newer: dict[str, Session] = {}
        self._older: dict[str, Session] = {}

    @property
    def active_id(self) -> str:
        """The id of the key that seals new tokens."""
        return self._active

    # -- session tokens ----------------------------------------------------------------------

    def seal(self, session: Session, smallest: int = 0) -> str:
        """The session's token: base64 of version, key id, nonce, AES-256-GCM of the session.

        smallest: pad it to at least so many characters, up to `LARGEST_TOKEN`. Raises
        `TokenTooLargeError`.
        """
        sealer = self._sealer(session)
        nonce = os.urandom(_NONCE_LENGTH)
        payload = pack(session, -(-smallest // 4) * 3 - _SMALLEST_TOKEN)
        sealed = sealer.aead.encrypt(nonce, payload, sealer.bound)
        token = binascii.b2a_base64(sealer.head + nonce + sealed, newline=False).decode()
        if len(token) > LARGEST_TOKEN:
            raise TokenTooLargeError(len(token))
        self._keep_opened(
            token, session if session.key_id else replace(session, key_id=self._active)
        )
        return token

    def open(self, token: str) -> Session:
        """The session this token was sealed for, expired or not. Raises `TokenError`."""
        session = self._newer.get(token)
        if session is not None:
            return session
        session = self._older.pop(token, None) or self._open(token)
        self._keep_opened(token, session)
        return session

    def _keep_opened(self, token: str, session: Session) -> None:
        if len(self._newer) >= _OPENED_KEPT:
            self._older, self._newer = self._newer, {}
        self._newer[token] = session

    def _open(self, token: str) -> Session:
        if len(token) > LARGEST_TOKEN:
            raise TokenError("The token is too long.")
        try:
            raw = binascii.a2b_base64(token, strict_mode=True)
        except ValueError as error:
            raise TokenError("The token is not base64.") from error
        # One token, one spelling: the unused bits of the last character must be zero.
        if len(raw) < _SMALLEST_TOKEN or binascii.b2a_base64(raw, newline=False) != token.encode():
            raise TokenError("The token is not complete.")
        key_id = raw[1:_HEAD_LENGTH].hex()
        sealer = self._sealers.get(key_id)
        if sealer is None or not raw.startswith(sealer.head):
            raise TokenError("The token was sealed with a key that is not in the ring.")
        body = _HEAD_LENGTH + _NONCE_LENGTH
        try:
            payload = sealer.aead.decrypt(raw[_HEAD_LENGTH:body], raw[body:], sealer.bound)
            return unpack(payload, key_id)
        except (InvalidTag, ValueError) as error:
            raise TokenError("The token was not sealed by this ring.") from error

    def expired(self, session: Session, now: float) -> bool:
        """Whether the session's time is over, by this clock or by a time seen before it was set
        back."""
        return session.expires <= now or session.expires <= self._floors.get(session.key_id, 0)

    def secret_access_key(self, session: Session) -> str:
        """The session's secret access key, 40 characters: an HMAC under a key for this alone.

        It is neither in the token nor computable from it. Raises `TokenError` if the session's
        key has left the ring.
        """
        message = f"{session.access_key_id}/{session.accessor}/{session.issued}".encode()
        mac = self._sealer(session).secret_mac.copy()
        mac.update(message)
        return binascii.b2a_base64(mac.digest()[:30], newline=False).decode()

    # -- messages ----------------------------------------------------------------------------

    def seal_message(self, purpose: str, message: bytes) -> str:
        """The message in base64url, sealed like a token with a key for this purpose alone."""
        sealer = self._sealers[self._active]
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = sealer.for_message(purpose).encrypt(nonce, message, sealer.head)
        return base64.urlsafe_b64encode(sealer.head + nonce + sealed).rstrip(b"=").decode()

    def open_message(self, purpose: str, sealed: str) -> bytes:
        """What `seal_message` was given. Raises `TokenError`, also when the key has left the
        ring."""
        try:
            raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise TokenError("The message is not base64url.") from error
        sealer = self._sealers.get(raw[1:_HEAD_LENGTH].hex())
        if len(raw) < _SMALLEST_TOKEN or sealer is None or not raw.startswith(sealer.head):
            raise TokenError("The message was not sealed by this ring.")
        body = _HEAD_LENGTH + _NONCE_LENGTH
        try:
            return sealer.for_message(purpose).decrypt(
                raw[_HEAD_LENGTH:body], raw[body:], sealer.head
            )
        except InvalidTag as error:
            raise TokenError("The message was not sealed by this ring.") from error

    def _sealer(self, session: Session) -> _Sealer:
        sealer = self._sealers.get(session.key_id or self._active)
        if sealer is None:
            raise TokenError("The key of this session is not in the ring.")
        return sealer

    # -- secrets at rest ---------------------------------------------------------------------

    def encrypt(self, purpose: str, plaintext: bytes, context: str) -> bytes:
        """`MasterKey.encrypt`."""
        return self._master.encrypt(purpose, plaintext, context)

    def decrypt(self, purpose: str, encrypted: bytes, context: str) -> bytes:
        """`MasterKey.decrypt`."""
        return self._master.decrypt(purpose, encrypted, context)
