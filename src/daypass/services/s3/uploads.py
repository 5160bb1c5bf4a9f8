"""Multipart uploads: create, upload parts, complete, abort, list."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.s3.access import bucket_of, on_bucket, on_object
from daypass.services.s3.assembly import Assembly
from daypass.services.s3.checksums import (
    COMPOSITE,
    FULL_OBJECT,
    Promise,
    checksum_members,
    etag_of,
    promise_of,
    require_algorithm,
)
from daypass.services.s3.conditions import writing
from daypass.services.s3.content import Received, receive
from daypass.services.s3.crc import COMBINABLE
from daypass.services.s3.errors import (
    invalid_argument,
    invalid_request,
    no_such_upload,
)
from daypass.services.s3.headers import refuse_unsupported, system_headers, user_metadata
from daypass.services.s3.listing import encoder, page_size
from daypass.services.s3.names import canonical_user_id, key_bytes
from daypass.services.s3.objects import committed, needs_put
from daypass.store import buckets as state
from daypass.store.buckets import Upload

PARTS: Final = 10_000


# -- CreateMultipartUpload -------------------------------------------------------------------------


def needs_part(call: Call) -> list[Permission]:
    """What a write to an upload that is not yet an object needs."""
    return needs_put(call, creates=False)


async def _create(call: Call) -> Mapping[str, Any]:
    members = call.input
    refuse_unsupported(members)
    bucket = bucket_of(call)
    algorithm, kind = _checksum_of(members)
    upload = Upload(
        # Time first: uploads to one key are listed in the order they began.
        id=f"{int(call.now * 1000):013x}{secrets.token_hex(24)}",
        bucket_id=bucket.id,
        key=key_bytes(members["Key"]),
        initiated=int(call.now),
        initiator=call.caller.principal.arn,
        headers=system_headers(call),
        metadata=user_metadata(members),
        algorithm=algorithm,
        checksum_type=kind,
    )
    await committed(call, call.node.store.write(lambda change: state.create_upload(change, upload)))
    output = {"Bucket": bucket.name, "Key": members["Key"], "UploadId": upload.id}
    if algorithm:
        output |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return output


def _checksum_of(members: Mapping[str, Any]) -> tuple[str, str]:
    """The algorithm and type of the checksum an upload is to have, both "" for none."""
    algorithm: str = members.get("ChecksumAlgorithm", "")
    kind: str = members.get("ChecksumType", "")
    if not algorithm:
        if kind:
            raise invalid_request(
                "The x-amz-checksum-type header can only be used with the "
                "x-amz-checksum-algorithm header."
            )
        return "", ""
    require_algorithm(algorithm)
    kind = kind or (FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE)
    if (kind == COMPOSITE and algorithm == "CRC64NVME") or (
        kind == FULL_OBJECT and algorithm not in COMBINABLE
    ):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum "
            "algorithm."
        )
    return algorithm, kind


# -- UploadPart ------------------------------------------------------------------------------------


async def _upload_part(call: Call) -> Mapping[str, Any]:
    refuse_unsupported(call.input)
    number = part_number(call)
    upload = upload_of(call)
    promise = part_promise(upload, promise_of(call.request.headers))
    received = await receive(call.node.blobs, call.input["Body"], promise, inline=-1)
    part = await store_part(call, upload, number, received)
    return {"ETag": f'"{part.etag}"', **_part_checksum(part)}


def part_number(call: Call) -> int:
    number: int = call.input["PartNumber"]
    if not 1 <= number <= PARTS:
        raise invalid_argument(
            f"Part number must be an integer between 1 and {PARTS}, inclusive",
            "partNumber",
            str(number),
        )
    return number


def upload_of(call: Call) -> Upload:
    """The upload a call names. An id holds only for the bucket and key it was made for."""
    upload_id: str = call.input["UploadId"]
    key = key_bytes(call.input["Key"])
    upload = state.get_upload(call.node.store.reader, upload_id, bucket_of(call).id, key)
    if upload is None:
        raise no_such_upload(upload_id)
    return upload


def part_promise(upload: Upload, promise: Promise) -> Promise:
    """The promise of a part, which has the upload's checksum even if its client sent none."""
    if not upload.algorithm:
        return promise
    if promise.algorithm and promise.algorithm != upload.algorithm:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
            f"actual checksum Type: {promise.algorithm.lower()}"
        )
    return replace(promise, wanted=upload.algorithm)


async def store_part(call: Call, upload: Upload, number: int, received: Received) -> state.Part:
    """Make the bytes received a part of the upload."""
    part = state.Part(
        number,
        received.size,
        etag_of(received.md5),
        int(call.now),
        received.blob,
        received.checksum,
    )
    try:
        released = await committed(
            call,
            call.node.store.write(lambda change: state.put_part(change, upload.id, part)),
            received,
        )
    except state.UploadGoneError as error:
        raise no_such_upload(upload.id) from error
    await call.node.blobs.delete(released)
    return part


def _part_checksum(part: state.Part) -> dict[str, str]:
    members = checksum_members(part.checksum)
    members.pop("ChecksumType", None)
    return members


# -- CompleteMultipartUpload and AbortMultipartUpload ----------------------------------------------


async def _complete(call: Call) -> Mapping[str, Any]:
    members = call.input
    bucket, key, upload_id = bucket_of(call), key_bytes(members["Key"]), members["UploadId"]
    upload = state.get_upload(call.node.store.reader, upload_id, bucket.id, key)
    if upload is None:
        return _completed_before(call, bucket.id, key)
    assembly = Assembly(upload, members, int(call.now))
    check = writing(members, members["Key"])
    try:
        new, released = await committed(
            call,
            call.node.store.write(
                lambda change: state.complete_upload(change, upload, assembly.assemble, check)
            ),
        )
    except state.UploadGoneError:
        return _completed_before(call, bucket.id, key)
    await call.node.blobs.delete(released)
    return _completed(call, new.etag, checksum_members(new.checksum))


def _completed_before(call: Call, bucket_id: int, key: bytes) -> Mapping[str, Any]:
    """The answer once more, for a client that asks again because it did not get it."""
    stored = state.get_object(call.node.store.reader, bucket_id, key)
    if stored is None or stored.upload_id != call.input["UploadId"]:
        raise no_such_upload(call.input["UploadId"])
    return _completed(call, stored.etag, checksum_members(stored.checksum))


def _completed(call: Call, etag: str, checksum: Mapping[str, str]) -> Mapping[str, Any]:
    bucket, key = call.input["Bucket"], call.input["Key"]
    return {
        "Location": f"{call.node.endpoint_url}/{bucket}/{quote(key, safe='/')}",
        "Bucket": bucket,
        "Key": key,
        "ETag": f'"{etag}"',
        **checksum,
    }


def _needs_abort(call: Call) -> Sequence[Permission]:
    return [on_object(call, "s3:AbortMultipartUpload", bucket_of(call), call.input["Key"])]


async def _abort(call: Call) -> None:
    upload = upload_of(call)
    try:
        released = await call.node.store.write(lambda change: state.abort_upload(change, upload.id))
    except state.UploadGoneError as error:
        raise no_such_upload(upload.id) from error
    await call.node.blobs.delete(released)


# -- listings --------------------------------------------------------------------------------------


def _needs_list_parts(call: Call) -> Sequence[Permission]:
    return [on_object(call, "s3:ListMultipartUploadParts", bucket_of(call), call.input["Key"])]


async def _list_parts(call: Call) -> Mapping[str, Any]:
    members = call.input
    upload = upload_of(call)
    limit = page_size(members, "MaxParts", "max-parts")
    marker = int(members.get("PartNumberMarker", 0))
    parts = state.list_parts(call.node.store.reader, upload.id, after=marker, limit=limit + 1)
    shown = parts[:limit]
    output: dict[str, Any] = {
        "Bucket": members["Bucket"],
        "Key": members["Key"],
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "MaxParts": limit,
        "IsTruncated": len(parts) > limit > 0,
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **_part_checksum(part),
            }
            for part in shown
        ],
        **_people(call, upload.initiator),
    }
    if upload.algorithm:
        output |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
    return output


def _needs_list_uploads(call: Call) -> Sequence[Permission]:
    return [on_bucket(call, "s3:ListBucketMultipartUploads", bucket_of(call))]


async def _list_uploads(call: Call) -> Mapping[str, Any]:
    members = call.input
    encode = encoder(members)
    prefix, delimiter = members.get("Prefix", ""), members.get("Delimiter", "")
    limit = page_size(members, "MaxUploads", "max-uploads")
    page = state.list_uploads(
        call.node.store.reader,
        bucket_of(call).id,
        prefix=prefix.encode(),
        delimiter=delimiter.encode(),
        after=_after(members, prefix, delimiter),
        limit=limit,
    )
    output: dict[str, Any] = {
        "Bucket": members["Bucket"],
        "KeyMarker": encode(members.get("KeyMarker", "")),
        "UploadIdMarker": members.get("UploadIdMarker", ""),
        "Prefix": encode(prefix),
        "MaxUploads": limit,
        "IsTruncated": page.next is not None,
        "Uploads": [_upload_entry(call, row, encode(row.key.decode())) for row in page.rows],
        "CommonPrefixes": [{"Prefix": encode(found.decode())} for found in page.prefixes],
    }
    if delimiter:
        output["Delimiter"] = encode(delimiter)
    if "EncodingType" in members:
        output["EncodingType"] = members["EncodingType"]
    if page.next is not None:
        last = max(
            [(row.key, row.id) for row in page.rows[-1:]]
            + [(found, "") for found in page.prefixes[-1:]]
        )
        output["NextKeyMarker"] = encode(last[0].decode())
        output["NextUploadIdMarker"] = last[1]
    return output


def _after(members: Mapping[str, Any], prefix: str, delimiter: str) -> tuple[bytes, str]:
    """The place a listing of uploads goes on behind: (key, upload id)."""
    marker: bytes = members.get("KeyMarker", "").encode()
    if not marker:
        return b"", ""
    if marker.startswith(prefix.encode()) and marker == state.common_prefix(
        marker, prefix.encode(), delimiter.encode()
    ):
        return state.successor(marker), ""
    # Without an upload id the key itself is done with; "~" is behind every id.
    return marker, members.get("UploadIdMarker") or "~"


def _upload_entry(call: Call, row: state.ListedUpload, key: str) -> dict[str, Any]:
    entry = {
        "UploadId": row.id,
        "Key": key,
        "Initiated": row.initiated,
        **_people(call, row.initiator),
    }
    if row.algorithm:
        entry |= {"ChecksumAlgorithm": row.algorithm, "ChecksumType": row.checksum_type}
    return entry


def _people(call: Call, initiator: str) -> dict[str, Any]:
    return {
        "Owner": {"ID": canonical_user_id(call.node.account_id)},
        "Initiator": {"ID": initiator, "DisplayName": initiator.rpartition("/")[2]},
        "StorageClass": "STANDARD",
    }


OPERATIONS = (
    Operation("CreateMultipartUpload", needs_part, _create, effect=Effect.DATA_CHANGE),
    Operation("UploadPart", needs_part, _upload_part, effect=Effect.DATA_CHANGE),
    Operation("CompleteMultipartUpload", needs_put, _complete, effect=Effect.DATA_CHANGE),
    Operation("AbortMultipartUpload", _needs_abort, _abort, effect=Effect.DATA_CHANGE),
    Operation("ListParts", _needs_list_parts, _list_parts, effect=Effect.DATA_READ),
    Operation("ListMultipartUploads", _needs_list_uploads, _list_uploads, effect=Effect.DATA_READ),
)
