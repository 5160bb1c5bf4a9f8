"""Objects: put, get, head, delete."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from daypass.blobs import BlobMissingError, BlobStore
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body
from daypass.services.s3.access import bucket_of, creation_keys, on_bucket, on_object
from daypass.services.s3.checksums import Promise, checksum_members, etag_of, promise_of
from daypass.services.s3.conditions import check_reading, deleting, writing
from daypass.services.s3.content import Received, open_content, receive
from daypass.services.s3.errors import (
    access_denied,
    header_not_implemented,
    invalid_argument,
    invalid_request,
    malformed_xml,
    no_such_bucket,
    no_such_key,
)
from daypass.services.s3.headers import (
    describe,
    describe_checksum,
    refuse_unsupported,
    response_overrides,
    system_headers,
    user_metadata,
)
from daypass.services.s3.names import key_bytes
from daypass.services.s3.ranges import Span, span_of
from daypass.store import buckets as state
from daypass.store.buckets import Bucket, Segment, StoredObject
from daypass.store.engine import Transaction

T = TypeVar("T")

# An overwrite may delete a blob between the reading of its row and its opening. Then the row is
# another one by now; so often in a row it is not overwriting any more but a fault.
_ATTEMPTS = 5
_KEYS_AT_ONCE = 1000


# -- reading -------------------------------------------------------------------------------------


def _needs_get(call: Call) -> Sequence[Permission]:
    bucket = bucket_of(call)
    key = call.input["Key"]
    if "VersionId" in call.input:
        context = {"s3:versionid": call.input["VersionId"]}
        return [on_object(call, "s3:GetObjectVersion", bucket, key, context)]
    return [on_object(call, "s3:GetObject", bucket, key)]


async def _get(call: Call) -> Mapping[str, Any]:
    for _ in range(_ATTEMPTS):
        stored, segments, output, span = _read(call)
        try:
            output["Body"] = await open_content(
                call.node.blobs, stored, segments, span.start, span.size
            )
        except BlobMissingError:
            continue
        return output
    raise BlobMissingError(f"the bytes of object {stored.id}")


async def _head(call: Call) -> Mapping[str, Any]:
    return _read(call)[2]


def _read(call: Call) -> tuple[StoredObject, Sequence[Segment], dict[str, Any], Span]:
    """What a GET and a HEAD answer alike: the object, its segments, the headers, and the bytes."""
    members = call.input
    check_version(members.get("VersionId"))
    bucket = bucket_of(call)
    stored = find(call, bucket, members["Key"])
    check_reading(stored, members)
    output = describe(stored)
    output.update(response_overrides(call))
    segments = segments_of(call, stored)
    span = _part_span(members, segments, stored, output)
    if span is None:
        span = span_of(members.get("Range"), stored.size)
    if span is None:
        span = Span(0, stored.size, stored.size)
        output.update(describe_checksum(stored, members.get("ChecksumMode")))
    else:
        output["ContentRange"] = span.content_range
    output["ContentLength"] = span.size
    return stored, segments, output, span


def _part_span(
    members: Mapping[str, Any],
    segments: Sequence[Segment],
    stored: StoredObject,
    output: dict[str, Any],
) -> Span | None:
    """The bytes of the part asked for by number; an object of one piece has one part."""
    number = members.get("PartNumber")
    if number is None:
        return None
    if "Range" in members:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    if stored.upload_id is None:
        if number == 1 and stored.size:
            return Span(0, stored.size, stored.size)
        if number == 1:
            return None
    start = 0
    output["PartsCount"] = len(segments)
    for position, segment in enumerate(segments, 1):
        if position == number:
            if members.get("ChecksumMode") == "ENABLED":
                output.update(checksum_members(segment.checksum))
            return Span(start, segment.size, stored.size)
        start += segment.size
    raise ServiceError(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        416,
        fields={"PartNumberRequested": str(number), "ActualPartCount": str(len(segments) or 1)},
    )


def find(call: Call, bucket: Bucket, key: str) -> StoredObject:
    """The object, or the error for a key without one.

    Only who may list the bucket learns that there is none (GetObject, "Permissions").
    """
    stored = state.get_object(call.node.store.reader, bucket.id, key_bytes(key))
    if stored is not None:
        return stored
    decision = call.decide(on_bucket(call, "s3:ListBucket", bucket))
    if decision.allowed:
        raise no_such_key(key)
    raise access_denied(decision.message())


def segments_of(call: Call, stored: StoredObject) -> Sequence[Segment]:
    if stored.data is not None:
        return ()
    return state.get_segments(call.node.store.reader, stored.id)


def check_version(version_id: str | None) -> None:
    """Buckets have no versioning here: every object is its only version, "null"."""
    if version_id not in {None, "null"}:
        raise invalid_argument("Invalid version id specified", "versionId", version_id or "")


# -- writing -------------------------------------------------------------------------------------


def needs_put(call: Call, *, creates: bool = True) -> list[Permission]:
    """What any write of an object needs: PutObject, and what its headers ask for besides."""
    bucket = bucket_of(call)
    key = call.input["Key"]
    context = creation_keys(call, creates=creates)
    needed = [on_object(call, "s3:PutObject", bucket, key, context)]
    if "ACL" in call.input:
        needed.append(on_object(call, "s3:PutObjectAcl", bucket, key, context))
    if "IfMatch" in call.input:
        # Whether an ETag matches is told only to who could have read it.
        needed.append(on_object(call, "s3:GetObject", bucket, key))
    return needed


async def _put(call: Call) -> Mapping[str, Any]:
    return await put(call, receive)


async def put(
    call: Call, take_in: Callable[[BlobStore, Body, Promise], Awaitable[Received]]
) -> Mapping[str, Any]:
    """Store what `take_in` receives as the object that the call's input describes."""
    members = call.input
    refuse_unsupported(members)
    bucket = bucket_of(call)
    key = key_bytes(members["Key"])
    check = writing(members, members["Key"])
    headers, metadata = system_headers(call), user_metadata(members)
    promise = promise_of(call.request.headers)
    existing = state.get_object(call.node.store.reader, bucket.id, key)
    check(
        existing.etag if existing else None
    )  # before the upload; what counts is the check at the commit
    received = await take_in(call.node.blobs, members["Body"], promise)
    new = state.NewObject(
        size=received.size,
        etag=etag_of(received.md5),
        modified=int(call.now),
        headers=headers,
        metadata=metadata,
        checksum=received.checksum,
        data=received.data,
        segments=received.segments,
    )
    released = await committed(
        call,
        call.node.store.write(lambda change: state.put_object(change, bucket.id, key, new, check)),
        received,
    )
    await call.node.blobs.delete(released)
    return {"ETag": f'"{new.etag}"', **checksum_members(received.checksum)}


async def committed(call: Call, write: Awaitable[T], received: Received | None = None) -> T:
    """The result of a write that names the bytes received; they go if it is refused.

    A write that ends in any other way may be durable: then only the search for orphans, which
    looks at the rows, may delete them.
    """
    try:
        return await write
    except (ServiceError, state.BucketGoneError, state.UploadGoneError) as error:
        if received is not None and received.blob:
            await call.node.blobs.delete([received.blob])
        if isinstance(error, state.BucketGoneError):
            raise no_such_bucket(call.input["Bucket"]) from error
        raise


# -- deleting ------------------------------------------------------------------------------------


def _needs_delete(call: Call) -> Sequence[Permission]:
    return _deletion(
        call,
        bucket_of(call),
        call.input["Key"],
        version_id=call.input.get("VersionId"),
        match=call.input.get("IfMatch"),
    )


def _deletion(
    call: Call, bucket: Bucket, key: str, *, version_id: str | None, match: str | None
) -> list[Permission]:
    context = {} if match is None else {"s3:if-match": match}
    action = "s3:DeleteObject"
    if version_id is not None:
        action = "s3:DeleteObjectVersion"
        context["s3:versionid"] = version_id
    needed = [on_object(call, action, bucket, key, context)]
    if match is not None and match.strip() != "*":
        needed.append(on_object(call, "s3:GetObject", bucket, key))
    return needed


async def _delete(call: Call) -> None:
    members = call.input
    for member in ("IfMatchLastModifiedTime", "IfMatchSize", "MFA"):
        if member in members:
            raise header_not_implemented(member)
    check_version(members.get("VersionId"))
    bucket = bucket_of(call)
    key = key_bytes(members["Key"])
    check = deleting(members.get("IfMatch"), members["Key"])
    if members.get("IfMatch") is None and not state.get_object(
        call.node.store.reader, bucket.id, key
    ):
        return
    released = await call.node.store.write(
        lambda change: state.delete_object(change, bucket.id, key, check)
    )
    await call.node.blobs.delete(released)


def _needs_nothing_yet(call: Call) -> Sequence[Permission]:
    """DeleteObjects is decided key by key; the answer says which were refused."""
    bucket_of(call)
    return ()


async def _delete_many(call: Call) -> Mapping[str, Any]:
    bucket = bucket_of(call)
    named: Sequence[Mapping[str, Any]] = call.input["Delete"]["Objects"]
    if not named or len(named) > _KEYS_AT_ONCE:
        raise malformed_xml()
    errors: list[dict[str, str]] = []
    doomed: list[tuple[str, bytes, Callable[[str | None], None]]] = []
    for entry in named:
        try:
            doomed.append((entry["Key"], *_doom(call, bucket, entry)))
        except ServiceError as error:
            errors.append({"Key": entry["Key"], "Code": error.code, "Message": error.message})
    deleted, failed, released = await call.node.store.write(
        lambda change: _delete_all(change, bucket.id, doomed)
    )
    await call.node.blobs.delete(released)
    output: dict[str, Any] = {"Errors": errors + failed}
    if not call.input["Delete"].get("Quiet"):
        output["Deleted"] = [{"Key": key} for key in deleted]
    return output


def _doom(
    call: Call, bucket: Bucket, entry: Mapping[str, Any]
) -> tuple[bytes, Callable[[str | None], None]]:
    """The key's bytes and the condition of its deletion, if the caller may delete it."""
    key, version_id, match = entry["Key"], entry.get("VersionId"), entry.get("ETag")
    for permission in _deletion(call, bucket, key, version_id=version_id, match=match):
        decision = call.decide(permission)
        if not decision.allowed:
            raise access_denied(decision.message())
    check_version(version_id)
    for member in ("LastModifiedTime", "Size"):
        if member in entry:
            raise header_not_implemented(member)
    return key_bytes(key), deleting(match, key)


def _delete_all(
    change: Transaction,
    bucket_id: int,
    doomed: Sequence[tuple[str, bytes, Callable[[str | None], None]]],
) -> tuple[list[str], list[dict[str, str]], list[str]]:
    deleted: list[str] = []
    failed: list[dict[str, str]] = []
    released: list[str] = []
    for name, key, check in doomed:
        try:
            released += state.delete_object(change, bucket_id, key, check)
        except ServiceError as error:
            failed.append({"Key": name, "Code": error.code, "Message": error.message})
        else:
            deleted.append(name)
    return deleted, failed, released


OPERATIONS = (
    Operation("GetObject", _needs_get, _get, effect=Effect.DATA_READ),
    Operation("HeadObject", _needs_get, _head, effect=Effect.DATA_READ),
    Operation("PutObject", needs_put, _put, effect=Effect.DATA_CHANGE),
    Operation("DeleteObject", _needs_delete, _delete, effect=Effect.DATA_CHANGE),
    Operation("DeleteObjects", _needs_nothing_yet, _delete_many, effect=Effect.DATA_CHANGE),
)
