"""SigV4A: signatures by ECDSA P-256, good for a set of regions.

    d = k + 1, k = HMAC("AWS4A" + secret, 00000001 || algorithm || 00 || access key id || c ||
        00000100) for the first c = 1…254 with k <= n - 2            (NIST SP 800-108, counter)
    Signature = Hex(DER(ECDSA(d, SHA256, StringToSign)))

Needs the package `cryptography`; SigV4 does not.
"""

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

from daypass.sigv4.chunked import CHUNK_SIZE, SignedStream, stream_with
from daypass.sigv4.keys import ALGORITHM_V4A, TERMINATOR
from daypass.sigv4.payload import PayloadMode
from daypass.sigv4.signing import S3_SERVICES, check_expires, presign_with, sign_with
from daypass.sigv4.timestamps import timestamp_of
from daypass.sigv4.types import Credentials, HttpRequest, SigningError

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# The longest DER signature is 72 bytes: 144 characters, to which those of chunks are padded.
_WIDTH: Final = 144
_MODES: Final = (PayloadMode.ECDSA_CHUNKS, PayloadMode.ECDSA_CHUNKS_TRAILER)


@lru_cache(maxsize=256)
def signing_key_v4a(access_key_id: str, secret_access_key: str) -> EllipticCurvePrivateKey:
    """The private key of an access key; it does not depend on date, region or service."""
    label = ALGORITHM_V4A.encode() + b"\0" + access_key_id.encode()
    for counter in range(1, 255):
        message = b"\0\0\0\1" + label + bytes([counter]) + b"\0\0\1\0"
        digest = hmac.digest(b"AWS4A" + secret_access_key.encode(), message, "sha256")
        candidate = int.from_bytes(digest, "big")
        if candidate <= _ORDER - 2:
            return derive_private_key(candidate + 1, SECP256R1())
    raise SigningError("No SigV4A key can be derived from this access key; make another.")


@final
class EcdsaKey:
    """A SigV4A key for one date and service."""

    __slots__ = ("_key", "_public", "region_set", "scope")

    algorithm: Final = ALGORITHM_V4A
    signature_width: Final = _WIDTH

    def __init__(self, key: EllipticCurvePrivateKey, scope: str, region_set: str | None) -> None:
        self._key = key
        self._public = key.public_key()
        self.scope = scope
        self.region_set = region_set

    def __repr__(self) -> str:
        return f"EcdsaKey(scope={self.scope!r})"

    def sign(self, text: bytes) -> str:
        """A signature of the text, DER in lower-case hexadecimal; no two are the same."""
        return self._key.sign(text, ECDSA(SHA256())).hex()

    def matches(self, text: bytes, signature: str) -> bool:
        try:
            self._public.verify(bytes.fromhex(signature.rstrip("*")), text, ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


def ecdsa_key(
    access_key_id: str,
    secret_access_key: str,
    date: str,
    service: str,
    region_set: str | None = None,
) -> EcdsaKey:
    """The key that signs and verifies for this date (YYYYMMDD) and service."""
    key = signing_key_v4a(access_key_id, secret_access_key)
    return EcdsaKey(key, f"{date}/{service}/{TERMINATOR}", region_set)


def _key_of(
    credentials: Credentials, service: str, region_set: str, now: float
) -> tuple[EcdsaKey, str]:
    stamp = timestamp_of(int(now))
    key = ecdsa_key(
        credentials.access_key_id, credentials.secret_access_key, stamp[:8], service, region_set
    )
    return key, stamp


def sign(
    request: HttpRequest,
    credentials: Credentials,
    *,
    service: str,
    region_set: str,
    now: float | None = None,
    normalize_path: bool = True,
    content_sha256: bool | None = None,
    unsigned_session_token: bool = False,
) -> list[tuple[str, str]]:
    """`daypass.sigv4.sign` for all regions of a set. region_set: "us-east-1,eu-*" or "*"."""
    key, stamp = _key_of(credentials, service, region_set, time.time() if now is None else now)
    s3 = service in S3_SERVICES
    return sign_with(
        key, stamp, request, credentials, s3, normalize_path, content_sha256, unsigned_session_token
    )


def presign(
    request: HttpRequest,
    credentials: Credentials,
    *,
    service: str,
    region_set: str,
    expires: int = 3600,
    now: float | None = None,
    normalize_path: bool = True,
    unsigned_session_token: bool = False,
) -> str:
    """`daypass.sigv4.presign` for all regions of a set."""
    seconds = time.time() if now is None else now
    key, stamp = _key_of(credentials, service, region_set, seconds)
    check_expires(expires, credentials, seconds)
    s3 = service in S3_SERVICES
    return presign_with(
        key, stamp, request, credentials, expires, s3, normalize_path, unsigned_session_token
    )


def sign_stream(
    request: HttpRequest,
    credentials: Credentials,
    *,
    region_set: str,
    decoded_length: int,
    service: str = "s3",
    mode: PayloadMode = PayloadMode.ECDSA_CHUNKS,
    trailers: Mapping[str, int | None] | None = None,
    chunk_size: int = CHUNK_SIZE,
    now: float | None = None,
) -> SignedStream:
    """`daypass.sigv4.sign_stream` for all regions of a set."""
    if mode not in _MODES:
        raise SigningError(f"{mode.value} is not a mode that is sent in chunks signed with SigV4A.")
    key, stamp = _key_of(credentials, service, region_set, time.time() if now is None else now)
    return stream_with(
        key, stamp, request, credentials, service, decoded_length, mode, trailers or {}, chunk_size
    )
