"""Packages: taken from a request or from S3, checked, unpacked once, and kept as blobs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from daypass.blobs import BlobMissingError
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import invalid_parameter, too_large, unsupported
from daypass.store.buckets import Bucket, get_object, get_segments
from daypass.store.functions import Code, Layer, code_bytes
from daypass.workers import UNPACKED_LIMIT, ArchiveError, ArchiveTooLargeError

KIND: Final = "code"
# Bytes of a zip that comes in the request itself, and of the base64 it comes as.
PACKAGE_LIMIT: Final = 52_428_800
# Bytes of all packages of an account at AWS, those of versions and layers each.
STORAGE_LIMIT: Final = 80_530_636_800
_REQUEST_LIMIT: Final = 69_905_067
# A zip in S3 may be as large as what may be in it.
_S3_LIMIT: Final = UNPACKED_LIMIT
_NOT_HERE: Final = ("ImageUri", "S3ObjectStorageMode", "SourceKMSKeyArn")


async def store_code(call: Call, given: Mapping[str, Any]) -> Code:
    """Check and keep the package that a request holds, or names in S3. Raises `ServiceError`."""
    node = call.node
    for parameter in _NOT_HERE:
        if parameter in given and given[parameter] != "COPY":
            raise unsupported(f"Code from {parameter}")
    package = await _read_given(call, given)
    if stored_bytes(node) + len(package) > STORAGE_LIMIT:
        raise ServiceError("CodeStorageExceededException", "Code storage limit exceeded.", 400)
    try:
        unpacked = await node.environments.unpack(package)
    except ArchiveTooLargeError as error:
        raise invalid_parameter(str(error)) from error
    except ArchiveError as error:
        raise invalid_parameter(
            "Could not unzip uploaded file. Please check your file, then try to upload again. "
            f"{error}"
        ) from error

    async def pieces() -> AsyncIterator[bytes]:
        yield package

    blob = await node.blobs.put(pieces(), kind=KIND)
    # A zip from S3 may take a quarter of a second, in which others want to be served.
    digest = await asyncio.to_thread(hashlib.sha256, package)
    return Code(digest.hexdigest(), len(package), blob.id, unpacked)


def stored_bytes(node: Node) -> int:
    """The bytes of the packages of all versions and layers, as AWS counts them."""
    return code_bytes(node.store.reader)


async def _read_given(call: Call, given: Mapping[str, Any]) -> bytes:
    package: bytes = given.get("ZipFile", b"")
    from_s3 = "S3Bucket" in given or "S3Key" in given
    if package and from_s3:
        raise invalid_parameter(
            "Please do not provide other FunctionCode parameters when providing a ZipFile."
        )
    if from_s3:
        return await _read_object(call, given)
    if not package:
        raise invalid_parameter("Please provide a source for function code.")
    if len(package) > PACKAGE_LIMIT:
        raise too_large(_REQUEST_LIMIT, call.operation.name)
    return package


async def _read_object(call: Call, given: Mapping[str, Any]) -> bytes:
    """The object, with the caller's permission to get it: Lambda lends nobody its own."""
    node = call.node
    version: str = given.get("S3ObjectVersion", "null")
    bucket = node.buckets.bucket(given.get("S3Bucket", ""))
    key: str = given.get("S3Key", "")
    if not key or "S3Bucket" not in given:
        raise invalid_parameter("Please provide both S3Bucket and S3Key.")
    if bucket is None:
        raise _s3_error("NoSuchBucket", "The specified bucket does not exist")
    action = "s3:GetObjectVersion" if "S3ObjectVersion" in given else "s3:GetObject"
    if not _may(call, action, bucket, f"{bucket.arn}/{key}"):
        raise _denied(action, bucket, key)
    # Buckets keep no versions here, so every object has the one that is named null.
    stored = None
    if version == "null":
        stored = get_object(node.store.reader, bucket.id, key.encode(errors="surrogatepass"))
    if stored is None:
        # What is not in a bucket is told to those alone who may list it, as S3 does.
        if not _may(call, "s3:ListBucket", bucket, bucket.arn):
            raise _denied(action, bucket, key)
        if version != "null":
            raise _s3_error("NoSuchVersion", "The specified version does not exist.")
        raise _s3_error("NoSuchKey", "The specified key does not exist.")
    if stored.size > _S3_LIMIT:
        raise invalid_parameter(f"Unzipped size must be smaller than {UNPACKED_LIMIT} bytes")
    if stored.data is not None:
        return stored.data
    blobs = [segment.blob for segment in get_segments(node.store.reader, stored.id)]
    try:
        return b"".join([await _read_blob(node, blob) for blob in blobs])
    except BlobMissingError:  # overwritten or deleted while it was read
        raise _s3_error("NoSuchKey", "The specified key does not exist.") from None


def _may(call: Call, action: str, bucket: Bucket, resource: str) -> bool:
    permission = Permission(
        action,
        resource,
        {"s3:resourceaccount": bucket.owner},
        resource_policy=bucket.policy,
        resource_account=bucket.owner,
    )
    return call.decide(permission).allowed


def _denied(action: str, bucket: Bucket, key: str) -> ServiceError:
    return ServiceError(
        "AccessDeniedException",
        "Your access has been denied by S3, please make sure your request credentials have "
        f"permission to {action.removeprefix('s3:')} for {bucket.name}/{key}. S3 Error Code: "
        "AccessDenied. S3 Error Message: Access Denied",
        403,
    )


def _s3_error(code: str, message: str) -> ServiceError:
    return invalid_parameter(
        f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
    )


async def _read_blob(node: Node, blob: str) -> bytes:
    stream = await node.blobs.open(blob)
    try:
        return b"".join([piece async for piece in stream])
    finally:
        await stream.aclose()


async def read_package(node: Node, code: Code) -> bytes:
    """The zip as it was sent."""
    return await _read_blob(node, code.blob)


async def check_together(node: Node, code: Code, layers: Sequence[Layer]) -> None:
    """Raise InvalidParameterValueException for code and layers that cannot be used together."""
    size = code.unpacked + sum(layer.code.unpacked for layer in layers)
    if size > UNPACKED_LIMIT:
        raise invalid_parameter(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNPACKED_LIMIT} bytes. The actual size is {size} bytes."
        )
    packages = {layer.code.sha256: layer.code for layer in layers}

    async def read(sha256: str) -> bytes:
        return await read_package(node, packages[sha256])

    try:
        await node.environments.unpack_layers([layer.code.sha256 for layer in layers], read)
    except ArchiveError as error:
        raise invalid_parameter(f"The layers cannot be used together. {error}") from error
