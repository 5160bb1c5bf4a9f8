"""Objects: read by key, and written with whatever they replace."""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from daypass.store.buckets.errors import BucketGoneError, ObjectChangedError
from daypass.store.buckets.records import (
    NewObject,
    Segment,
    StoredObject,
    pack,
    pack_checksum,
    unpack,
    unpack_checksum,
)
from daypass.store.buckets.tables import condemned_blobs, objects, parts, segments
from daypass.store.engine import Transaction
from daypass.store.prepared import Prepared

# A download opens one blob after the other. Those of an object in several blobs stay for a while
# after it is overwritten or deleted; a single blob is held open and needs no such care.
DOWNLOAD_SECONDS = 15 * 60
_AT_ONCE = 500

# Told the ETag of what is there (None: nothing), raises if the write must not happen.
Check = Callable[[str | None], None]

_GET = Prepared(
    select(
        objects.c.id,
        objects.c.size,
        objects.c.etag,
        objects.c.modified,
        objects.c.headers,
        objects.c.metadata,
        objects.c.checksum,
        objects.c.upload_id,
        objects.c.data,
    ).where(objects.c.bucket_id == bindparam("bucket"), objects.c.key == bindparam("key"))
)
_SEGMENTS = Prepared(
    select(segments.c.position, segments.c.size, segments.c.blob, segments.c.checksum)
    .where(segments.c.object_id == bindparam("object"))
    .order_by(segments.c.position)
)
_EXISTING = Prepared(
    select(objects.c.id, objects.c.etag, objects.c.data.is_(None)).where(
        objects.c.bucket_id == bindparam("bucket"), objects.c.key == bindparam("key")
    )
)
_DELETE = Prepared(delete(objects).where(objects.c.id == bindparam("object")))
_INSERT = Prepared(
    insert(objects).returning(objects.c.id),
    [column.name for column in objects.columns if column.name != "id"],
)


def get_object(reader: Connection, bucket_id: int, key: bytes) -> StoredObject | None:
    """The object of this key."""
    for row in _GET.rows(reader, bucket=bucket_id, key=key):
        number, size, etag, modified, headers, metadata, checksum, upload_id, data = row
        return StoredObject(
            number,
            size,
            etag,
            modified,
            unpack(headers),
            unpack(metadata),
            unpack_checksum(checksum),
            upload_id,
            data,
        )
    return None


def get_segments(reader: Connection, object_id: int) -> Sequence[Segment]:
    """The segments of an object, in order."""
    return [
        Segment(position, size, blob, unpack_checksum(checksum))
        for position, size, blob, checksum in _SEGMENTS.rows(reader, object=object_id)
    ]


def put_object(
    transaction: Transaction, bucket_id: int, key: bytes, new: NewObject, check: Check
) -> Sequence[str]:
    """Write an object over whatever has its key; the blobs to delete after the commit.

    Raises `BucketGoneError`, and what `check` raises.
    """
    released = _clear(transaction, bucket_id, key, check)
    connection = transaction.connection
    try:
        ((number,),) = _INSERT.rows(
            connection,
            bucket_id=bucket_id,
            key=key,
            size=new.size,
            etag=new.etag,
            modified=new.modified,
            headers=pack(new.headers),
            metadata=pack(new.metadata),
            checksum=pack_checksum(new.checksum),
            upload_id=new.upload_id,
            data=new.data,
        )
    except connection.dialect.loaded_dbapi.IntegrityError as error:
        raise BucketGoneError from error
    if new.segments:
        connection.execute(
            insert(segments),
            [
                {
                    "object_id": number,
                    "position": segment.position,
                    "size": segment.size,
                    "blob": segment.blob,
                    "checksum": pack_checksum(segment.checksum),
                }
                for segment in new.segments
            ],
        )
    return _unclaimed(transaction, released)


def copy_object(
    transaction: Transaction,
    bucket_id: int,
    key: bytes,
    new: NewObject,
    check: Check,
    *,
    source_id: int,
) -> Sequence[str]:
    """Write an object with the bytes of another, which it shares; as `put_object` otherwise.

    new.data and new.segments are taken from the source. Raises `ObjectChangedError` if that is
    no longer there.
    """
    connection = transaction.connection
    source = connection.execute(select(objects.c.data).where(objects.c.id == source_id)).first()
    if source is None:
        raise ObjectChangedError
    taken = NewObject(
        new.size,
        new.etag,
        new.modified,
        new.headers,
        new.metadata,
        new.checksum,
        source.data,
        get_segments(connection, source_id) if source.data is None else (),
    )
    return put_object(transaction, bucket_id, key, taken, check)


def delete_object(
    transaction: Transaction, bucket_id: int, key: bytes, check: Check
) -> Sequence[str]:
    """Delete the object of this key, if there is one; the blobs to delete after the commit."""
    return _unclaimed(transaction, _clear(transaction, bucket_id, key, check))


def _clear(transaction: Transaction, bucket_id: int, key: bytes, check: Check) -> list[str]:
    """Delete what has this key; the blobs that nothing may be reading from piece by piece.

    Those of objects in several blobs are condemned: due later, unless another object has them.
    """
    connection = transaction.connection
    rows = _EXISTING.rows(connection, bucket=bucket_id, key=key)
    if not rows:
        check(None)
        return []
    ((number, etag, in_blobs),) = rows
    check(etag)
    held: list[str] = []
    if in_blobs:
        held = [segment.blob for segment in get_segments(connection, number)]
    _DELETE.rows(connection, object=number)  # its segments go with it
    if len(held) > 1:
        _condemn(transaction, held)
        return []
    return held


def _condemn(transaction: Transaction, blobs: Sequence[str]) -> None:
    due = int(time.time()) + DOWNLOAD_SECONDS
    unclaimed = _unclaimed(transaction, blobs)
    if unclaimed:
        transaction.connection.execute(
            insert(condemned_blobs), [{"blob": blob, "due": due} for blob in unclaimed]
        )


def _unclaimed(transaction: Transaction, blobs: Sequence[str]) -> Sequence[str]:
    """Those of these blobs that no object and no part holds."""
    if not blobs:
        return ()
    held = claimed(transaction.connection, blobs)
    return [blob for blob in dict.fromkeys(blobs) if blob not in held]


def claimed(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Those of these blobs that some object or part holds."""
    held: set[str] = set()
    for start in range(0, len(blobs), _AT_ONCE):
        some = blobs[start : start + _AT_ONCE]
        for column in (segments.c.blob, parts.c.blob):
            held.update(connection.execute(select(column).where(column.in_(some))).scalars())
    return held
