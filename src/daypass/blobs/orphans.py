"""Blobs that no row names: a process died between storing bytes and committing the row."""

import logging
import time
from collections.abc import Callable, Collection, Sequence

from daypass.blobs.store import BlobStore

# A put commits its row within moments of the blob; an hour leaves room for any clock and queue.
_AGE_SECONDS = 3600.0
_EXAMINED_AT_MOST = 200_000

_log = logging.getLogger("daypass.blobs")


async def collect_orphans(
    blobs: BlobStore,
    kind: str,
    claimed: Callable[[Sequence[str]], Collection[str]],
    limit: int = _EXAMINED_AT_MOST,
) -> int:
    """Delete blobs of a kind that are older than an hour and not claimed; how many there were.

    claimed: which of these ids some row names. At most about `limit` blobs are examined. A disk
    that fails is said in the log; the next search tries again.
    """
    examined = found = 0
    try:
        async for ids in blobs.put_before(kind, time.time() - _AGE_SECONDS):
            known = claimed(ids)
            orphans = [blob_id for blob_id in ids if blob_id not in known]
            await blobs.delete(orphans)
            found += len(orphans)
            examined += len(ids)
            if examined >= limit:
                break
    except OSError:
        _log.exception("the search for %s blobs that nothing holds failed", kind)
    if found:
        _log.info("deleted %d %s blobs that nothing holds", found, kind)
    return found
