"""What the tables hold, as handlers see it. Times are Unix seconds, sizes bytes, ETags unquoted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Checksum(NamedTuple):
    """An object's flexible checksum: "CRC32", its base64 value, "FULL_OBJECT" or "COMPOSITE"."""

    algorithm: str
    value: str
    type: str


class Segment(NamedTuple):
    """A run of an object's bytes in one blob. position: its part number, from 1."""

    position: int
    size: int
    blob: str
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object. headers: system headers by member name ("ContentType"). data: its bytes if small,
    None where segments hold them. upload_id: of the multipart upload it was completed by."""

    id: int
    size: int
    etag: str
    modified: int
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    checksum: Checksum | None
    upload_id: str | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be. Either data or segments hold its bytes."""

    size: int
    etag: str
    modified: int
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    checksum: Checksum | None = None
    data: bytes | None = None
    segments: Sequence[Segment] = ()
    upload_id: str | None = None


class ListedObject(NamedTuple):
    """A line of a listing of objects."""

    key: bytes
    size: int
    etag: str
    modified: int
    checksum: str


class ListedUpload(NamedTuple):
    """A line of a listing of multipart uploads."""

    key: bytes
    id: str
    initiated: int
    initiator: str
    algorithm: str
    checksum_type: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way. algorithm: of its checksums, "" if the client named none."""

    id: str
    bucket_id: int
    key: bytes
    initiated: int
    initiator: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = ""
    checksum_type: str = ""


class Part(NamedTuple):
    """An uploaded part."""

    number: int
    size: int
    etag: str
    modified: int
    blob: str
    checksum: Checksum | None


def pack(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else ""


def unpack(text: str) -> Mapping[str, str]:
    return json.loads(text) if text else {}


def pack_checksum(checksum: Checksum | None) -> str:
    return " ".join(checksum) if checksum else ""


def unpack_checksum(text: str) -> Checksum | None:
    return Checksum(*text.split(" ")) if text else None
