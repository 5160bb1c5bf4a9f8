"""Which blobs are wanted, and which have waited long enough."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from daypass.store.buckets.objects import claimed
from daypass.store.buckets.tables import condemned_blobs
from daypass.store.engine import Transaction


def claimed_blobs(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Those of these blobs that an object or a part holds, or a download may still read."""
    waiting = connection.execute(
        select(condemned_blobs.c.blob).where(condemned_blobs.c.blob.in_(blobs))
    )
    return claimed(connection, blobs) | set(waiting.scalars())


def due_blobs(connection: Connection, now: float, limit: int = 500) -> Sequence[str]:
    """Condemned blobs whose time has come."""
    return list(
        connection.execute(
            select(condemned_blobs.c.blob).where(condemned_blobs.c.due <= now).limit(limit)
        ).scalars()
    )


def drop_condemned(transaction: Transaction, blobs: Sequence[str]) -> None:
    """Forget condemned blobs that have been deleted."""
    transaction.connection.execute(delete(condemned_blobs).where(condemned_blobs.c.blob.in_(blobs)))
