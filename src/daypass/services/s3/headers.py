"""What is kept with an object, and what of it goes out again: system headers and user metadata."""

import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final

from daypass.gateway.operation import Call
from daypass.protocol.errors import ServiceError
from daypass.services.s3.checksums import checksum_members
from daypass.services.s3.errors import (
    header_not_implemented,
    invalid_argument,
    invalid_request,
)
from daypass.store.buckets import StoredObject

DEFAULT_TYPE: Final = "binary/octet-stream"
METADATA_BYTES: Final = 2048

_KEPT: Final = ("CacheControl", "ContentDisposition", "ContentLanguage", "ContentType")
# A header value: what RFC 9110 section 5.5 allows, so neither line breaks nor NUL.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Members that ask for what this server does not do. Answering as if it were done would be worse.
_UNSUPPORTED: Final = {
    "GrantFullControl": "x-amz-grant-full-control",
    "GrantRead": "x-amz-grant-read",
    "GrantReadACP": "x-amz-grant-read-acp",
    "GrantWrite": "x-amz-grant-write",
    "GrantWriteACP": "x-amz-grant-write-acp",
    "CopySourceSSECustomerAlgorithm": "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "ObjectLockEnabledForBucket": "x-amz-bucket-object-lock-enabled",
    "ObjectLockLegalHoldStatus": "x-amz-object-lock-legal-hold",
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ObjectLockRetainUntilDate": "x-amz-object-lock-retain-until-date",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "Tagging": "x-amz-tagging",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
    "WriteOffsetBytes": "x-amz-write-offset-bytes",
}
# With ACLs disabled, AWS's default for new buckets, these two change nothing.
_HARMLESS_ACLS: Final = frozenset({"private", "bucket-owner-full-control"})

_OVERRIDES: Final = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


def refuse_unsupported(members: Mapping[str, Any]) -> None:
    """Raise NotImplemented, naming the header, for what this server would have to ignore."""
    for member, header in _UNSUPPORTED.items():
        if members.get(member):
            raise header_not_implemented(header)
    if members.get("StorageClass", "STANDARD") != "STANDARD":
        raise header_not_implemented("x-amz-storage-class")
    if members.get("ACL", "private") not in _HARMLESS_ACLS:
        raise ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def system_headers(call: Call) -> dict[str, str]:
    """The headers of an upload that come back with the object, by their members' names."""
    members = call.input
    kept = {name: members[name] for name in _KEPT if members.get(name)}
    encoding = _without_transfer(members.get("ContentEncoding", ""))
    if encoding:
        kept["ContentEncoding"] = encoding
    # As the client wrote it: S3 gives back even what is no date.
    if call.request.headers.get("expires"):
        kept["Expires"] = call.request.headers["expires"]
    for name, value in kept.items():
        check_printable(name, value)
    return kept


def user_metadata(members: Mapping[str, Any]) -> dict[str, str]:
    """The x-amz-meta-* headers of an upload. Raises MetadataTooLarge."""
    metadata = {name.lower(): value for name, value in (members.get("Metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > METADATA_BYTES:
        raise ServiceError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            400,
            fields={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)},
        )
    for name, value in metadata.items():
        check_printable(f"x-amz-meta-{name}", value)
    return metadata


def check_printable(name: str, value: str) -> None:
    """Refuse a value that could end its header line and begin another."""
    if _UNPRINTABLE.search(value):
        raise invalid_argument(f"{name} holds a control character.", name, repr(value))


def response_overrides(call: Call) -> dict[str, str]:
    """The headers a signed request asks to be answered with (GetObject's response-* parameters)."""
    overrides: dict[str, str] = {}
    for member, output in _OVERRIDES.items():
        if member not in call.input:
            continue
        if call.caller.anonymous:
            raise invalid_request(
                "Request specific response headers cannot be used for anonymous GET requests."
            )
        value = call.input[member]
        text = value if isinstance(value, str) else formatdate(value.timestamp(), usegmt=True)
        check_printable(f"response-{output}", text)
        overrides[output] = text
    return overrides


def describe(stored: StoredObject) -> dict[str, Any]:
    """The members that every answer about an object has."""
    return {
        "AcceptRanges": "bytes",
        "LastModified": stored.modified,
        "ETag": f'"{stored.etag}"',
        "ContentType": DEFAULT_TYPE,
        **stored.headers,
        "Metadata": stored.metadata,
    }


def describe_checksum(stored: StoredObject, mode: str | None) -> dict[str, str]:
    """The checksum's members, if the request asked for it (x-amz-checksum-mode: ENABLED)."""
    return checksum_members(stored.checksum) if mode == "ENABLED" else {}


def _without_transfer(encoding: str) -> str:
    """Content-Encoding without aws-chunked, which only concerned the upload."""
    parts = [part.strip() for part in encoding.split(",")]
    return ",".join(part for part in parts if part and part.lower() != "aws-chunked")
