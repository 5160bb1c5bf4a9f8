"""Which packages are in use: versions share them, and so do layers and what uses them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from daypass.store.functions.tables import function_layers, function_versions, layer_versions

_HOLDERS = (function_versions, function_layers, layer_versions)


def claimed_blobs(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Which of these blobs are the package of a version or a layer."""
    claimed: set[str] = set()
    for table in _HOLDERS:
        query = select(table.c.code_blob).where(table.c.code_blob.in_(blobs))
        claimed.update(connection.execute(query).scalars())
    return claimed


def code_bytes(connection: Connection) -> int:
    """The sizes of the packages of all versions and layers together."""
    return sum(
        connection.execute(select(func.coalesce(func.sum(table.c.code_size), 0))).scalar_one()
        for table in (function_versions, layer_versions)
    )


def released_blobs(connection: Connection, blobs: Iterable[str]) -> list[str]:
    """Which of these blobs nothing holds any more."""
    candidates = sorted(set(blobs))
    return [blob for blob in candidates if blob not in claimed_blobs(connection, candidates)]
