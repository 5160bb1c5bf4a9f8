"""The key ring: it seals session tokens, derives their secrets, and encrypts secrets at rest.

Every use has a key of its own, derived with HKDF-SHA256 (RFC 5869) from the key material and the
name of the purpose, so that what one key makes means nothing to another. Tokens are sealed under
the ring's active key and opened under any key still in the ring; secrets at rest are encrypted
under the master key, which does not rotate with the ring.
"""

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
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.tokens.session import Session, pack, unpack

# Seconds: GetSessionToken and GetFederationToken issue for at most 36 hours.
LONGEST_SESSION: Final = 129_600

KEY_LENGTH: Final = 32
_KEY_ID_LENGTH: Final = 4
_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16
_VERSION: Final = b"\x01"
_HEAD_LENGTH: Final = 1 + _KEY_ID_LENGTH
_SMALLEST_TOKEN: Final = _HEAD_LENGTH + _NONCE_LENGTH + _TAG_LENGTH
_LONGEST_TOKEN: Final = 8192
_OPENED_KEPT: Final = 2048


class TokensError(Exception):
    """The root of this package's errors."""


class TokenError(TokensError):
    """A session token that this ring did not seal, or whose key is gone."""


class DecryptionError(TokensError):
    """Bytes that were not encrypted under this master key for this purpose and context."""


class KeyState(StrEnum):
    """prepared: known to every node, not used yet. active: seals. retired: opens only."""

    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring. id: 8 hex digits. since: when it came into its state, Unix seconds."""

    id: str
    material: bytes = field(repr=False)
    state: KeyState
    since: int


def new_ring(now: float) -> list[RingKey]:
    """A first ring: one active key and one prepared."""
    return [_new_key(KeyState.ACTIVE, now), _new_key(KeyState.PREPARED, now)]


def rotate(keys: Sequence[RingKey], now: float) -> list[RingKey]:
    """The ring after a rotation: prepared is active, active is retired, a new key is prepared.

    Keys retired for longer than any session lives are left out; tokens they sealed have expired.
    """
    rotated = [_new_key(KeyState.PREPARED, now)]
    for key in keys:
        if key.state is KeyState.PREPARED:
            rotated.append(replace(key, state=KeyState.ACTIVE, since=int(now)))
        elif key.state is KeyState.ACTIVE:
            rotated.append(replace(key, state=KeyState.RETIRED, since=int(now)))
        elif key.since + LONGEST_SESSION > now:
            rotated.append(key)
    return rotated


def _new_key(state: KeyState, now: float) -> RingKey:
    return RingKey(
        secrets.token_hex(_KEY_ID_LENGTH), secrets.token_bytes(KEY_LENGTH), state, int(now)
    )


def derive_key(material: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose (HKDF-SHA256, the purpose as info)."""
    return HKDF(SHA256(), KEY_LENGTH, salt=None, info=b"daypass/" + purpose.encode()).derive(
        material
    )


class _Sealer:
    """What one key of the ring does: `head` is in clear before each token, and bound to it."""

    __slots__ = ("aead", "bound", "head", "secret_key")

    def __init__(self, key: RingKey) -> None:
        self.head = _VERSION + bytes.fromhex(key.id)
        self.bound = self.head + b"session-token"
        self.aead = AESGCM(derive_key(key.material, "session-token"))
        self.secret_key = derive_key(key.material, "session-secret")


class KeyRing:
    """The keys of one account. Its methods are safe in one thread, as the event loop uses it."""

    __slots__ = ("_active", "_at_rest", "_master", "_newer", "_older", "_sealers")

    def __init__(self, master: bytes, keys: Sequence[RingKey]) -> None:
        """master: 32 bytes. Raises `ValueError` unless exactly one key is active."""
        if len(master) != KEY_LENGTH:
            raise ValueError(f"A master key has {KEY_LENGTH} bytes; this one has {len(master)}.")
        self._master = master
        self._at_rest: dict[str, AESGCM] = {}
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
        # Tokens opened before, in two generations: a full newer one becomes the older one. Only
        # what was authentic gets in, so nobody without a session can fill it.
        self._newer: dict[str, Session] = {}
        self._older: dict[str, Session] = {}

    @property
    def active_id(self) -> str:
        """The id of the key that seals new tokens."""
        return self._active

    # -- session tokens ----------------------------------------------------------------------

    def seal(self, session: Session) -> str:
        """The session's token: base64 of version, key id, nonce, AES-256-GCM of the session."""
        sealer = self._sealer(session)
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = sealer.aead.encrypt(nonce, pack(session), sealer.bound)
        return binascii.b2a_base64(sealer.head + nonce + sealed, newline=False).decode()

    def open(self, token: str) -> Session:
        """The session this token was sealed for, expired or not. Raises `TokenError`."""
        session = self._newer.get(token)
        if session is not None:
            return session
        session = self._older.pop(token, None) or self._open(token)
        if len(self._newer) >= _OPENED_KEPT:
            self._older, self._newer = self._newer, {}
        self._newer[token] = session
        return session

    def _open(self, token: str) -> Session:
        if len(token) > _LONGEST_TOKEN:
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

    def secret_access_key(self, session: Session) -> str:
        """The session's secret access key, 40 characters: an HMAC under a key for this alone.

        It is neither in the token nor computable from it. Raises `TokenError` if the session's
        key has left the ring.
        """
        message = f"{session.access_key_id}/{session.accessor}/{session.issued}".encode()
        digest = hmac.digest(self._sealer(session).secret_key, message, "sha256")
        return binascii.b2a_base64(digest[:30], newline=False).decode()

    def _sealer(self, session: Session) -> _Sealer:
        sealer = self._sealers.get(session.key_id or self._active)
        if sealer is None:
            raise TokenError("The key of this session is not in the ring.")
        return sealer

    # -- secrets at rest ---------------------------------------------------------------------

    def encrypt(self, purpose: str, plaintext: bytes, context: str) -> bytes:
        """AES-256-GCM under the key of this purpose, bound to a context (the record's id), so
        that an encrypted value moved to another record does not decrypt."""
        nonce = os.urandom(_NONCE_LENGTH)
        return _VERSION + nonce + self._cipher(purpose).encrypt(nonce, plaintext, context.encode())

    def decrypt(self, purpose: str, encrypted: bytes, context: str) -> bytes:
        """What `encrypt` was given. Raises `DecryptionError`."""
        nonce, sealed = encrypted[1 : 1 + _NONCE_LENGTH], encrypted[1 + _NONCE_LENGTH :]
        if not encrypted.startswith(_VERSION) or len(sealed) < _TAG_LENGTH:
            raise DecryptionError("These are not bytes this version of Daypass encrypted.")
        try:
            return self._cipher(purpose).decrypt(nonce, sealed, context.encode())
        except InvalidTag as error:
            raise DecryptionError(
                f"A secret for {purpose!r} does not decrypt: the master key is another one, or "
                "the record was altered. Put back the master key that belongs to this data."
            ) from error

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._at_rest.get(purpose)
        if cipher is None:
            cipher = self._at_rest[purpose] = AESGCM(derive_key(self._master, f"at-rest/{purpose}"))
        return cipher
