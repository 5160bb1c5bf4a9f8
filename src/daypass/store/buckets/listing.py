"""Listings in S3's order, a page at a time, with keys rolled up at a delimiter.

The cost follows the page, never the bucket: from a common prefix the scan leaps behind its keys.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection, bindparam, select, tuple_

from daypass.store.buckets.records import ListedObject, ListedUpload
from daypass.store.buckets.tables import objects, uploads
from daypass.store.prepared import Prepared


class Listed(Protocol):
    @property
    def key(self) -> bytes: ...


L = TypeVar("L", bound=Listed)
P = TypeVar("P")

# Behind every key: no UTF-8 text begins with this byte.
_END = b"\xff"

_OBJECTS = Prepared(
    select(objects.c.key, objects.c.size, objects.c.etag, objects.c.modified, objects.c.checksum)
    .where(
        objects.c.bucket_id == bindparam("bucket"),
        objects.c.key >= bindparam("start"),
        objects.c.key < bindparam("end"),
    )
    .order_by(objects.c.key)
    .limit(bindparam("limit"))
)
_UPLOADS = Prepared(
    select(
        uploads.c.key,
        uploads.c.id,
        uploads.c.initiated,
        uploads.c.initiator,
        uploads.c.algorithm,
        uploads.c.checksum_type,
    )
    .where(
        uploads.c.bucket_id == bindparam("bucket"),
        tuple_(uploads.c.key, uploads.c.id) > tuple_(bindparam("key"), bindparam("id")),
        uploads.c.key < bindparam("end"),
    )
    .order_by(uploads.c.key, uploads.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Page(Generic[L, P]):
    """rows and common prefixes, each in order; next: where the following page starts, or None."""

    rows: Sequence[L]
    prefixes: Sequence[bytes]
    next: P | None


def list_objects(
    reader: Connection, bucket_id: int, *, prefix: bytes, delimiter: bytes, start: bytes, limit: int
) -> Page[ListedObject, bytes]:
    """Objects whose keys begin with prefix, from the key `start` on (inclusive)."""
    end = successor(prefix)

    def fetch(position: bytes, count: int) -> Sequence[ListedObject]:
        rows = _OBJECTS.rows(reader, bucket=bucket_id, start=position, end=end, limit=count)
        return [ListedObject._make(row) for row in rows]

    return _roll_up(
        fetch,
        after=lambda row: row.key + b"\0",
        at=lambda key: key,
        start=max(start, prefix),
        prefix=prefix,
        delimiter=delimiter,
        limit=limit,
    )


def list_uploads(
    reader: Connection,
    bucket_id: int,
    *,
    prefix: bytes,
    delimiter: bytes,
    after: tuple[bytes, str],
    limit: int,
) -> Page[ListedUpload, tuple[bytes, str]]:
    """Multipart uploads by key, then by age, behind the (key, upload id) `after`."""
    end = successor(prefix)

    def fetch(position: tuple[bytes, str], count: int) -> Sequence[ListedUpload]:
        key, upload_id = position
        rows = _UPLOADS.rows(reader, bucket=bucket_id, key=key, id=upload_id, end=end, limit=count)
        return [ListedUpload._make(row) for row in rows]

    return _roll_up(
        fetch,
        after=lambda row: (row.key, row.id),
        at=lambda key: (key, ""),
        start=max(after, (prefix, "")),
        prefix=prefix,
        delimiter=delimiter,
        limit=limit,
    )


def successor(prefix: bytes) -> bytes:
    """The least bytes behind everything that begins with prefix."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else _END


def common_prefix(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """The key up to and with the first delimiter after prefix, None if there is none."""
    if not delimiter:
        return None
    found = key.find(delimiter, len(prefix))
    return None if found < 0 else key[: found + len(delimiter)]


def _roll_up(
    fetch: Callable[[P, int], Sequence[L]],
    *,
    after: Callable[[L], P],
    at: Callable[[bytes], P],
    start: P,
    prefix: bytes,
    delimiter: bytes,
    limit: int,
) -> Page[L, P]:
    rows: list[L] = []
    prefixes: list[bytes] = []
    position = start
    room = limit
    # Few rows at a time where prefixes follow one another, many where plain keys do.
    count = min(room + 1, 16) if delimiter else room + 1
    while limit:
        batch = fetch(position, count)
        for row in batch:
            if not room:
                return Page(rows, prefixes, position)
            room -= 1
            rolled = common_prefix(row.key, prefix, delimiter)
            if rolled is not None:
                prefixes.append(rolled)
                position = at(successor(rolled))
                count = 2
                break
            rows.append(row)
            position = after(row)
        else:
            if len(batch) < count:
                break
            count = min(room + 1, count * 4)
    return Page(rows, prefixes, None)
