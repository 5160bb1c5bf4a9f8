"""A function's code: taken from a request, checked, unpacked once, and kept as a blob."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.services.functions.errors import invalid_parameter, too_large, unsupported
from daypass.store.functions import Code
from daypass.workers import ArchiveError, ArchiveTooLargeError

KIND: Final = "code"
# Bytes of a zip that comes in the request itself, and of the base64 it comes as.
_PACKAGE_LIMIT: Final = 52_428_800
_REQUEST_LIMIT: Final = 69_905_067
_ELSEWHERE: Final = ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri")


async def store_code(node: Node, operation: str, given: Mapping[str, Any]) -> Code:
    """Check and keep the package of a request. Raises `ServiceError`."""
    for parameter in _ELSEWHERE:
        if parameter in given:
            raise unsupported(f"Code from {parameter}")
    package: bytes = given.get("ZipFile", b"")
    if not package:
        raise invalid_parameter("Please provide a source for function code.")
    if len(package) > _PACKAGE_LIMIT:
        raise too_large(_REQUEST_LIMIT, operation)
    try:
        await node.environments.unpack(package)
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
    return Code(hashlib.sha256(package).hexdigest(), len(package), blob.id)


async def read_package(node: Node, code: Code) -> bytes:
    """The zip as it was sent."""
    stream = await node.blobs.open(code.blob)
    try:
        return b"".join([piece async for piece in stream])
    finally:
        await stream.aclose()
