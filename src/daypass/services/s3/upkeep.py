"""What goes on in the background: blobs whose time has come, and blobs that nobody knows."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from daypass.blobs import collect_orphans
from daypass.gateway.node import Node
from daypass.services.s3.content import KIND
from daypass.store import buckets as state

_EVERY_SECONDS: Final = 60.0
_log = logging.getLogger("daypass.s3")


async def keep_house(node: Node) -> None:
    """Look for orphans once, then delete condemned blobs as they fall due. Runs until cancelled."""

    def claimed(blobs: Sequence[str]) -> set[str]:
        return state.claimed_blobs(node.store.reader, blobs)

    await collect_orphans(node.blobs, KIND, claimed)
    while True:
        try:
            await delete_due(node)
        except Exception:
            _log.exception("blobs of deleted objects could not be deleted; this is tried again")
        await asyncio.sleep(_EVERY_SECONDS)


async def delete_due(node: Node) -> None:
    """Delete the blobs whose waiting time is over."""
    while due := state.due_blobs(node.store.reader, node.clock()):
        await node.blobs.delete(due)
        await node.store.write(partial(state.drop_condemned, blobs=due))
