"""CopyObject and UploadPartCopy: both sides must be allowed; bytes are shared where they can be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from daypass.blobs import BlobMissingError
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.message import Body
from daypass.services.s3.access import bucket_of, existing_bucket, on_object
from daypass.services.s3.checksums import (
    Promise,
    checksum_members,
    require_algorithm,
)
from daypass.services.s3.conditions import check_reading, writing
from daypass.services.s3.content import (
    UPLOAD_BYTES,
    Received,
    checksum_of,
    open_content,
    pieces_of,
    receive,
)
from daypass.services.s3.errors import invalid_argument, invalid_request
from daypass.services.s3.headers import refuse_unsupported, system_headers, user_metadata
from daypass.services.s3.names import key_bytes
from daypass.services.s3.objects import check_version, committed, find, needs_put, segments_of
from daypass.services.s3.ranges import Span
from daypass.services.s3.uploads import (
    needs_part,
    part_number,
    part_promise,
    store_part,
    upload_of,
)
from daypass.store import buckets as state
from daypass.store.buckets import Bucket, NewObject, StoredObject

_ATTEMPTS: Final = 5
_SOURCE_RANGE: Final = re.compile(r"bytes=([0-9]{1,19})-([0-9]{1,19})\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """What x-amz-copy-source names."""

    bucket: Bucket
    key: str
    version_id: str | None


def source_of(call: Call) -> Source:
    """The source of a copy: "/bucket/key?versionId=id", decoded once and not normalised."""
    header: str = call.input["CopySource"]
    path, _, version = header.partition("?versionId=")
    try:
        name, slash, key = unquote_to_bytes(path).decode().removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise invalid_argument(
            "Invalid copy source encoding.", "x-amz-copy-source", header
        ) from None
    if not name or not slash or not key:
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            header,
        )
    bucket = existing_bucket(call, name, call.input.get("ExpectedSourceBucketOwner"))
    return Source(bucket, key, version or None)


def _needs_source(call: Call) -> Permission:
    source = source_of(call)
    action = "s3:GetObject" if source.version_id is None else "s3:GetObjectVersion"
    return on_object(call, action, source.bucket, source.key)


def _needs_copy(call: Call) -> Sequence[Permission]:
    return [_needs_source(call), *needs_put(call)]


def _needs_part_copy(call: Call) -> Sequence[Permission]:
    return [_needs_source(call), *needs_part(call)]


async def _copy(call: Call) -> Mapping[str, Any]:
    refuse_unsupported(call.input)
    for _ in range(_ATTEMPTS):
        source = source_of(call)
        stored = _readable(call, source)
        try:
            new = await _copied(call, source, stored)
        except (BlobMissingError, state.ObjectChangedError):
            continue  # overwritten or deleted meanwhile: look again
        return {
            "CopyObjectResult": {
                "ETag": f'"{new.etag}"',
                "LastModified": new.modified,
                **checksum_members(new.checksum),
            }
        }
    raise state.ObjectChangedError


async def _copied(call: Call, source: Source, stored: StoredObject) -> NewObject:
    members = call.input
    bucket, key = bucket_of(call), key_bytes(members["Key"])
    replaced = members.get("MetadataDirective", "COPY") == "REPLACE"
    if not replaced and bucket.id == source.bucket.id and members["Key"] == source.key:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )
    check = writing(members, members["Key"])
    new = NewObject(
        size=stored.size,
        etag=stored.etag,
        modified=int(call.now),
        headers=system_headers(call) if replaced else stored.headers,
        metadata=user_metadata(members) if replaced else stored.metadata,
        checksum=stored.checksum,
    )
    algorithm = members.get("ChecksumAlgorithm")
    if algorithm is not None and (new.checksum is None or new.checksum.algorithm != algorithm):
        new = await _with_checksum(call, stored, new, require_algorithm(algorithm))
    released = await committed(
        call,
        call.node.store.write(
            lambda change: state.copy_object(
                change, bucket.id, key, new, check, source_id=stored.id
            )
        ),
    )
    await call.node.blobs.delete(released)
    return new


async def _with_checksum(
    call: Call, stored: StoredObject, new: NewObject, algorithm: str
) -> NewObject:
    """The copy with a checksum its source does not have: its bytes are read once."""
    content = await open_content(call.node.blobs, stored, segments_of(call, stored), 0, stored.size)
    return replace(new, checksum=await checksum_of(content, algorithm))


async def _copy_part(call: Call) -> Mapping[str, Any]:
    refuse_unsupported(call.input)
    number = part_number(call)
    upload = upload_of(call)
    promise = part_promise(upload, Promise())
    for _ in range(_ATTEMPTS):
        stored = _readable(call, source_of(call))
        span = _source_span(call.input.get("CopySourceRange"), stored.size)
        try:
            received = await _taken(call, stored, span, promise)
        except BlobMissingError:
            continue  # overwritten or deleted meanwhile: look again
        part = await store_part(call, upload, number, received)
        members = checksum_members(part.checksum)
        members.pop("ChecksumType", None)
        return {
            "CopyPartResult": {
                "ETag": f'"{part.etag}"',
                "LastModified": part.modified,
                **members,
            }
        }
    raise state.ObjectChangedError


def _readable(call: Call, source: Source) -> StoredObject:
    """The source, if its conditions hold and it is not too large for one copy."""
    check_version(source.version_id)
    stored = find(call, source.bucket, source.key)
    check_reading(stored, call.input, "CopySource")
    if stored.size > UPLOAD_BYTES and "CopySourceRange" not in call.input:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {UPLOAD_BYTES}"
        )
    return stored


def _source_span(header: str | None, size: int) -> Span:
    if header is None:
        return Span(0, size, size)
    match = _SOURCE_RANGE.match(header)
    if match is None:
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    first, last = int(match[1]), int(match[2])
    if first > last or last >= size:
        raise invalid_argument(
            f"Range specified is not valid for source object of size: {size}",
            "x-amz-copy-source-range",
            header,
        )
    return Span(first, last - first + 1, size)


async def _taken(call: Call, stored: StoredObject, span: Span, promise: Promise) -> Received:
    """These bytes of the source as a blob of their own."""
    blobs = call.node.blobs
    content = await open_content(blobs, stored, segments_of(call, stored), span.start, span.size)
    pieces = pieces_of(content)

    async def next_piece() -> bytes:
        return await anext(pieces, b"")

    return await receive(blobs, Body(next_piece, span.size), promise, inline=-1)


OPERATIONS = (
    Operation("CopyObject", _needs_copy, _copy, effect=Effect.DATA_CHANGE),
    Operation("UploadPartCopy", _needs_part_copy, _copy_part, effect=Effect.DATA_CHANGE),
)
