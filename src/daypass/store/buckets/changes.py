"""Changes to buckets themselves."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from daypass.store.buckets.errors import BucketExistsError, BucketGoneError, BucketNotEmptyError
from daypass.store.buckets.tables import buckets, objects, parts, uploads
from daypass.store.engine import Transaction


def create_bucket(
    transaction: Transaction, name: str, *, owner: str, region: str, created: int
) -> None:
    """Make a bucket. Raises `BucketExistsError`."""
    connection = transaction.connection
    existing = connection.execute(select(buckets.c.owner).where(buckets.c.name == name)).scalar()
    if existing is not None:
        raise BucketExistsError(existing)
    connection.execute(
        insert(buckets).values(name=name, owner=owner, region=region, created=created)
    )
    transaction.changed("bucket", name)


def delete_bucket(transaction: Transaction, bucket_id: int) -> Sequence[str]:
    """Delete an empty bucket and its unfinished uploads; the blobs to delete after the commit.

    Raises `BucketGoneError`, `BucketNotEmptyError`.
    """
    connection = transaction.connection
    name = connection.execute(select(buckets.c.name).where(buckets.c.id == bucket_id)).scalar()
    if name is None:
        raise BucketGoneError
    if connection.execute(
        select(objects.c.id).where(objects.c.bucket_id == bucket_id).limit(1)
    ).first():
        raise BucketNotEmptyError
    unfinished = select(uploads.c.id).where(uploads.c.bucket_id == bucket_id)
    blobs = connection.execute(select(parts.c.blob).where(parts.c.upload_id.in_(unfinished)))
    released = list(blobs.scalars())
    connection.execute(delete(uploads).where(uploads.c.bucket_id == bucket_id))
    connection.execute(delete(buckets).where(buckets.c.id == bucket_id))
    transaction.changed("bucket", name)
    return released


def set_bucket_policy(transaction: Transaction, bucket_id: int, policy: str | None) -> None:
    """Replace the bucket's policy; None removes it. Raises `BucketGoneError`."""
    connection = transaction.connection
    name = connection.execute(select(buckets.c.name).where(buckets.c.id == bucket_id)).scalar()
    if name is None:
        raise BucketGoneError
    connection.execute(update(buckets).where(buckets.c.id == bucket_id).values(policy=policy))
    transaction.changed("bucket", name)
