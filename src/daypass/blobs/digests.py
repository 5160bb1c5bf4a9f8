"""Digests computed while bytes pass, by name: hashes, and the CRCs of S3's flexible checksums."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A CRC as a digest: big-endian bytes, as S3 writes it."""

    __slots__ = ("_function", "_value", "_width")

    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


def _from_awscrt(name: str, width: int) -> Callable[[], Digest]:
    # Importing it takes a tenth of a second: done by the first body that needs it.
    return lambda: _Crc(getattr(import_module("awscrt.checksums"), name), width)


def _digests() -> dict[str, Callable[[], Digest]]:
    known: dict[str, Callable[[], Digest]] = {
        "md5": partial(hashlib.md5, usedforsecurity=False),
        "sha1": partial(hashlib.sha1, usedforsecurity=False),
        "sha256": hashlib.sha256,
        "sha512": hashlib.sha512,
        "crc32": partial(_Crc, zlib.crc32, 4),
    }
    if find_spec("awscrt") is not None:
        known["crc32c"] = _from_awscrt("crc32c", 4)
        known["crc64nvme"] = _from_awscrt("crc64nvme", 8)
    return known


# CRC32C and CRC64NVME are there when `awscrt` (AWS's own implementation) is installed: in plain
# Python they are a thousand times slower than the disk.
DIGESTS: Final[Mapping[str, Callable[[], Digest]]] = _digests()


def new_digest(name: str) -> Digest:
    """A digest by its name in `DIGESTS`."""
    return DIGESTS[name]()
