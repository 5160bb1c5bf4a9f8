"""Content-MD5 and S3's flexible checksums: what a request promises of its body, and checking it.

Source: S3 User Guide, "Checking object integrity in Amazon S3".
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Final

from daypass.blobs import DIGESTS, new_digest
from daypass.protocol.errors import ServiceError
from daypass.services.s3.errors import invalid_request
from daypass.store.buckets import Checksum

FULL_OBJECT: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"
_ALGORITHMS: Final = frozenset({"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"})
_PREFIX: Final = "x-amz-checksum-"
# Not checksums, though their names begin like one's.
_OTHER: Final = frozenset(
    {"x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"}
)
_MULTIPLE: Final = (
    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the request says its body digests to.

    md5: of Content-MD5, raw. algorithm: of the flexible checksum ("CRC32"), "" if none. value: raw,
    None if it comes in the trailer. wanted: the algorithm to compute where none is promised.
    """

    md5: bytes | None = None
    algorithm: str = ""
    value: bytes | None = None
    wanted: str = ""

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests to compute, by their names in `daypass.blobs`."""
        computed = (self.algorithm or self.wanted).lower()
        return ("md5", computed) if computed else ("md5",)

    def check(self, digests: Mapping[str, bytes], trailers: Mapping[str, str]) -> Checksum | None:
        """The verified checksum to store. Raises BadDigest."""
        if self.md5 is not None and self.md5 != digests["md5"]:
            raise _bad_md5(self.md5, digests["md5"])
        if not self.algorithm:
            return checksum_from(self.wanted, digests[self.wanted.lower()]) if self.wanted else None
        name = self.algorithm.lower()
        expected = self.value
        if expected is None:
            expected = _decoded(_PREFIX + name, trailers.get(_PREFIX + name, ""), self.algorithm)
        if expected != digests[name]:
            raise bad_checksum(self.algorithm)
        return checksum_from(self.algorithm, expected)


def promise_of(headers: Mapping[str, str]) -> Promise:
    """What a request's headers promise. Raises InvalidDigest, InvalidRequest, NotImplemented."""
    promised = {name: headers[name] for name in headers if _is_checksum(name)}
    trailers = [
        name
        for name in (part.strip().lower() for part in headers.get("x-amz-trailer", "").split(","))
        if _is_checksum(name)
    ]
    if len(promised) + len(trailers) > 1:
        raise invalid_request(_MULTIPLE)
    content_md5 = _content_md5(headers)
    for name, text in promised.items():
        algorithm = _algorithm(name, headers)
        return Promise(content_md5, algorithm, _decoded(name, text, algorithm))
    for name in trailers:
        return Promise(content_md5, _algorithm(name, headers))
    if "x-amz-sdk-checksum-algorithm" in headers:
        raise invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found."
        )
    return Promise(content_md5)


def check_whole(headers: Mapping[str, str], body: bytes, *, required: bool) -> None:
    """Check a body that was read whole against its headers, of which it may need one.

    Raises InvalidRequest, InvalidDigest, BadDigest.
    """
    promise = promise_of(headers)
    if promise.value is None:
        promise = Promise(promise.md5)
        if promise.md5 is None:
            if required:
                raise invalid_request(
                    "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
                )
            return
    digests: dict[str, bytes] = {}
    for name in promise.digests:
        digest = new_digest(name)
        digest.update(body)
        digests[name] = digest.digest()
    promise.check(digests, {})


def require_algorithm(algorithm: str) -> str:
    """The algorithm, if this server can compute it."""
    if algorithm not in _ALGORITHMS or algorithm.lower() not in DIGESTS:
        raise ServiceError(
            "NotImplemented",
            f"The checksum algorithm {algorithm} is not available on this server. CRC32, SHA1 and "
            "SHA256 always are; CRC32C and CRC64NVME need the Python package awscrt beside it.",
            501,
        )
    return algorithm


def bad_checksum(algorithm: str) -> ServiceError:
    return ServiceError(
        "BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400
    )


def checksum_members(checksum: Checksum | None) -> dict[str, str]:
    """The checksum as members of an answer."""
    if checksum is None:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.value, "ChecksumType": checksum.type}


def etag_of(digest: bytes) -> str:
    """The ETag (unquoted) of an object of one piece: its MD5."""
    return digest.hex()


def etag_of_parts(etags: list[str]) -> str:
    """The ETag (unquoted) of an object of parts: the MD5 of their MD5s, and how many."""
    whole = md5(b"".join(bytes.fromhex(etag) for etag in etags), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(etags)}"


def checksum_from(algorithm: str, value: bytes) -> Checksum:
    """The checksum of a whole object, from its raw value."""
    return Checksum(algorithm, base64.b64encode(value).decode(), FULL_OBJECT)


def _is_checksum(name: str) -> bool:
    return name.startswith(_PREFIX) and name not in _OTHER


def _algorithm(name: str, headers: Mapping[str, str]) -> str:
    algorithm = name.removeprefix(_PREFIX).upper()
    declared = headers.get("x-amz-sdk-checksum-algorithm", algorithm)
    if declared.upper() != algorithm:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    return require_algorithm(algorithm)


def _decoded(name: str, text: str, algorithm: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != len(new_digest(algorithm.lower()).digest()):
        raise invalid_request(f"Value for {name} header is invalid.")
    return value


def _content_md5(headers: Mapping[str, str]) -> bytes | None:
    text = headers.get("content-md5")
    if text is None:
        return None
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != 16:
        raise ServiceError(
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
            400,
            fields={"Content-MD5": text},
        )
    return value


def _bad_md5(expected: bytes, calculated: bytes) -> ServiceError:
    return ServiceError(
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        400,
        fields={
            "ExpectedDigest": base64.b64encode(expected).decode(),
            "CalculatedDigest": base64.b64encode(calculated).decode(),
        },
    )
