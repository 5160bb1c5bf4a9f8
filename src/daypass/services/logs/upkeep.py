"""What goes on in the background: lines on their way to the disk, and old ones deleted."""

import asyncio
import logging
from typing import Final

from daypass.gateway.node import Node

# Seconds.
_EVERY: Final = 300.0

_log = logging.getLogger("daypass.logs")


async def keep_house(node: Node) -> None:
    """Runs until cancelled."""
    await asyncio.gather(node.log_queue.keep_flushing(), _keep_tidy(node))


async def _keep_tidy(node: Node) -> None:
    while True:
        try:
            await asyncio.to_thread(node.logs.tidy, node.log_queue.now())
        except Exception:
            _log.exception("Old log events could not be deleted; the next try comes in a while.")
        await asyncio.sleep(_EVERY)
