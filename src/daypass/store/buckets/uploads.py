"""Multipart uploads: parts are blobs at once, and completing only writes which, in what order."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from daypass.store.buckets.errors import BucketGoneError, UploadGoneError
from daypass.store.buckets.objects import Check, put_object
from daypass.store.buckets.records import (
    NewObject,
    Part,
    Upload,
    pack,
    pack_checksum,
    unpack,
    unpack_checksum,
)
from daypass.store.buckets.tables import parts, uploads
from daypass.store.engine import Transaction


def create_upload(transaction: Transaction, upload: Upload) -> None:
    """Begin a multipart upload. Raises `BucketGoneError`."""
    try:
        transaction.connection.execute(
            insert(uploads).values(
                id=upload.id,
                bucket_id=upload.bucket_id,
                key=upload.key,
                initiated=upload.initiated,
                initiator=upload.initiator,
                headers=pack(upload.headers),
                metadata=pack(upload.metadata),
                algorithm=upload.algorithm,
                checksum_type=upload.checksum_type,
            )
        )
    except IntegrityError as error:
        raise BucketGoneError from error


def get_upload(connection: Connection, upload_id: str, bucket_id: int, key: bytes) -> Upload | None:
    """The upload of this id, if it is one to this key of this bucket."""
    row = connection.execute(
        select(uploads).where(
            uploads.c.id == upload_id, uploads.c.bucket_id == bucket_id, uploads.c.key == key
        )
    ).first()
    if row is None:
        return None
    return Upload(
        id=row.id,
        bucket_id=row.bucket_id,
        key=row.key,
        initiated=row.initiated,
        initiator=row.initiator,
        headers=unpack(row.headers),
        metadata=unpack(row.metadata),
        algorithm=row.algorithm,
        checksum_type=row.checksum_type,
    )


def put_part(transaction: Transaction, upload_id: str, part: Part) -> Sequence[str]:
    """Store a part in place of one of the same number; the blobs to delete after the commit.

    Raises `UploadGoneError`.
    """
    connection = transaction.connection
    same = (parts.c.upload_id == upload_id) & (parts.c.number == part.number)
    replaced = list(connection.execute(select(parts.c.blob).where(same)).scalars())
    if replaced:
        connection.execute(delete(parts).where(same))
    try:
        connection.execute(
            insert(parts).values(
                upload_id=upload_id,
                number=part.number,
                size=part.size,
                etag=part.etag,
                modified=part.modified,
                blob=part.blob,
                checksum=pack_checksum(part.checksum),
            )
        )
    except IntegrityError as error:
        raise UploadGoneError from error
    return replaced


def list_parts(
    connection: Connection, upload_id: str, *, after: int = 0, limit: int | None = None
) -> Sequence[Part]:
    """The parts with numbers above `after`, in order."""
    rows = connection.execute(
        select(
            parts.c.number,
            parts.c.size,
            parts.c.etag,
            parts.c.modified,
            parts.c.blob,
            parts.c.checksum,
        )
        .where(parts.c.upload_id == upload_id, parts.c.number > after)
        .order_by(parts.c.number)
        .limit(limit)
    )
    return [
        Part(number, size, etag, modified, blob, unpack_checksum(checksum))
        for number, size, etag, modified, blob, checksum in rows
    ]


def complete_upload(
    transaction: Transaction,
    upload: Upload,
    assemble: Callable[[Sequence[Part]], NewObject],
    check: Check,
) -> tuple[NewObject, Sequence[str]]:
    """Make the object of an upload's parts, and forget the upload.

    assemble: chooses among the parts as they are now; what it raises leaves the upload as it is.
    Returns the object and the blobs to delete after the commit. Raises `UploadGoneError`.
    """
    connection = transaction.connection
    if get_upload(connection, upload.id, upload.bucket_id, upload.key) is None:
        raise UploadGoneError
    uploaded = list_parts(connection, upload.id)
    new = assemble(uploaded)
    chosen = {segment.blob for segment in new.segments}
    released = put_object(transaction, upload.bucket_id, upload.key, new, check)
    connection.execute(delete(uploads).where(uploads.c.id == upload.id))
    return new, [*released, *(part.blob for part in uploaded if part.blob not in chosen)]


def abort_upload(transaction: Transaction, upload_id: str) -> Sequence[str]:
    """Forget an upload; the blobs to delete after the commit. Raises `UploadGoneError`."""
    connection = transaction.connection
    blobs = [part.blob for part in list_parts(connection, upload_id)]
    if not connection.execute(delete(uploads).where(uploads.c.id == upload_id)).rowcount:
        raise UploadGoneError
    return blobs
