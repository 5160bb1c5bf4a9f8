"""What goes on in the background: asynchronous events, and packages that no function holds."""

import asyncio
from collections.abc import Sequence

from daypass.blobs import collect_orphans
from daypass.gateway.node import Node
from daypass.services.functions.asynchronous import Asynchronous
from daypass.services.functions.code import KIND
from daypass.store import functions as state


async def keep_house(node: Node) -> None:
    """Run until cancelled."""
    events = Asynchronous(node)
    await asyncio.gather(
        node.event_queue.serve(events.attempt, events.at_once),
        _collect_packages(node),
    )


async def _collect_packages(node: Node) -> None:
    """Delete the packages whose function was never written, or was deleted as the server died."""

    def claimed(blobs: Sequence[str]) -> set[str]:
        return state.claimed_blobs(node.store.reader, blobs)

    await collect_orphans(node.blobs, KIND, claimed)
