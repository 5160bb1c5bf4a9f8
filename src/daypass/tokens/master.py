"""The master key: it encrypts secrets at rest, the keys of the ring among them.

Every use has a key of its own, derived with HKDF-SHA256 (RFC 5869) from the key material and the
name of the purpose, so that what one key makes means nothing to another.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.tokens.errors import DecryptionError

KEY_LENGTH: Final = 32
_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16
_VERSION: Final = b"\x01"


def derive_key(material: bytes, purpose: str) -> bytes:
    """A 256-bit key for one purpose (HKDF-SHA256, the purpose as info)."""
    info = b"daypass/" + purpose.encode()
    return HKDF(SHA256(), KEY_LENGTH, salt=None, info=info).derive(material)


class MasterKey:
    """The key everything secret in the database is encrypted under; it is not in the database."""

    __slots__ = ("_ciphers", "_material")

    def __init__(self, material: bytes) -> None:
        """material: 32 random bytes. Raises `ValueError` for another number of them."""
        if len(material) != KEY_LENGTH:
            raise ValueError(f"A master key has {KEY_LENGTH} bytes; this one has {len(material)}.")
        self._material = material
        self._ciphers: dict[str, AESGCM] = {}

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
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = AESGCM(derive_key(self._material, f"at-rest/{purpose}"))
            self._ciphers[purpose] = cipher
        return cipher
