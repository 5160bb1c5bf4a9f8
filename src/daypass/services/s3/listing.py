"""ListObjects and ListObjectsV2."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.s3.access import bucket_of, on_bucket
from daypass.services.s3.errors import invalid_argument
from daypass.services.s3.names import canonical_user_id
from daypass.store import buckets as state
from daypass.store.buckets import ListedObject, Page

PAGE: Final = 1000


def _needs_list(call: Call) -> Sequence[Permission]:
    members = call.input
    context = {}
    for member, key in (("Prefix", "s3:prefix"), ("Delimiter", "s3:delimiter")):
        if member in members:
            context[key] = members[member]
    if "MaxKeys" in members:
        context["s3:max-keys"] = str(members["MaxKeys"])
    return [on_bucket(call, "s3:ListBucket", bucket_of(call), context)]


async def _list(call: Call) -> Mapping[str, Any]:
    members = call.input
    marker: str = members.get("Marker", "")
    prefix, delimiter = members.get("Prefix", ""), members.get("Delimiter", "")
    start = _behind(marker)
    # A marker that is itself a common prefix is the NextMarker of the page before: behind it
    # comes what is behind all its keys.
    if marker and marker == _rolled(marker, prefix, delimiter):
        start = state.successor(marker.encode())
    page = _page(call, start)
    output = _common(call, page, owner=True)
    encode = encoder(members)
    output["Marker"] = encode(marker)
    if page.next is not None and delimiter:
        output["NextMarker"] = encode(_last(page))
    return output


async def _list_v2(call: Call) -> Mapping[str, Any]:
    members = call.input
    token: str | None = members.get("ContinuationToken")
    after: str = members.get("StartAfter", "")
    page = _page(call, _behind(after) if token is None else _opened(token))
    output = _common(call, page, owner=bool(members.get("FetchOwner")))
    output["KeyCount"] = len(page.rows) + len(page.prefixes)
    if token is not None:
        output["ContinuationToken"] = token
    if after:
        output["StartAfter"] = encoder(members)(after)
    if page.next is not None:
        output["NextContinuationToken"] = base64.urlsafe_b64encode(page.next).decode()
    return output


def _page(call: Call, start: bytes) -> Page[ListedObject, bytes]:
    members = call.input
    return state.list_objects(
        call.node.store.reader,
        bucket_of(call).id,
        prefix=members.get("Prefix", "").encode(),
        delimiter=members.get("Delimiter", "").encode(),
        start=start,
        limit=page_size(members, "MaxKeys", "max-keys"),
    )


def _common(call: Call, page: Page[ListedObject, bytes], *, owner: bool) -> dict[str, Any]:
    members = call.input
    encode = encoder(members)
    output: dict[str, Any] = {
        "Name": members["Bucket"],
        "Prefix": encode(members.get("Prefix", "")),
        "MaxKeys": page_size(members, "MaxKeys", "max-keys"),
        "IsTruncated": page.next is not None,
        "Contents": [_entry(row, encode) for row in page.rows],
        "CommonPrefixes": [{"Prefix": encode(prefix.decode())} for prefix in page.prefixes],
    }
    if members.get("Delimiter"):
        output["Delimiter"] = encode(members["Delimiter"])
    if "EncodingType" in members:
        output["EncodingType"] = members["EncodingType"]
    if owner:
        named = {"ID": canonical_user_id(call.node.account_id)}
        for entry in output["Contents"]:
            entry["Owner"] = named
    return output


def _entry(row: ListedObject, encode: "Encoder") -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Key": encode(row.key.decode()),
        "LastModified": row.modified,
        "ETag": f'"{row.etag}"',
        "Size": row.size,
        "StorageClass": "STANDARD",
    }
    if row.checksum:
        algorithm, _, kind = row.checksum.split(" ")
        entry["ChecksumAlgorithm"] = [algorithm]
        entry["ChecksumType"] = kind
    return entry


def _behind(key: str) -> bytes:
    """The first place behind this key, the very first for no key."""
    return key.encode() + b"\0" if key else b""


def _opened(token: str) -> bytes:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None


def _rolled(key: str, prefix: str, delimiter: str) -> str | None:
    if not key.startswith(prefix):
        return None
    rolled = state.common_prefix(key.encode(), prefix.encode(), delimiter.encode())
    return None if rolled is None else rolled.decode()


def _last(page: Page[ListedObject, bytes]) -> str:
    rows = [row.key for row in page.rows[-1:]]
    return max([*rows, *page.prefixes[-1:]]).decode()


# -- what listings of every kind share -------------------------------------------------------------


class Encoder:
    """How keys are written: as they are, or percent-encoded for encoding-type=url.

    Encoded, keys may hold what XML cannot (control characters).
    """

    __slots__ = ("_url",)

    def __init__(self, *, url: bool) -> None:
        self._url = url

    def __call__(self, text: str) -> str:
        return quote(text, safe="/") if self._url else text


def encoder(members: Mapping[str, Any]) -> Encoder:
    return Encoder(url=members.get("EncodingType") == "url")


def page_size(members: Mapping[str, Any], member: str, parameter: str) -> int:
    """The entries a page may have: what was asked for, at most 1,000. Raises InvalidArgument."""
    asked: int = members.get(member, PAGE)
    if asked < 0:
        raise invalid_argument(
            f"Argument {parameter} must be an integer between 0 and 2147483647",
            parameter,
            str(asked),
        )
    return min(asked, PAGE)


OPERATIONS = (
    Operation("ListObjects", _needs_list, _list, effect=Effect.DATA_READ),
    Operation("ListObjectsV2", _needs_list, _list_v2, effect=Effect.DATA_READ),
)
