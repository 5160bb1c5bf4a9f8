"""What goes on in the background: packages that no function holds."""

import logging
from collections.abc import Sequence
from typing import Final

from daypass.blobs import collect_orphans
from daypass.gateway.node import Node
from daypass.services.functions.code import KIND
from daypass.store import functions as state

_log: Final = logging.getLogger("daypass.functions")


async def keep_house(node: Node) -> None:
    """Delete the packages whose function was never written, or was deleted as the server died."""

    def claimed(blobs: Sequence[str]) -> set[str]:
        return state.claimed_blobs(node.store.reader, blobs)

    try:
        found = await collect_orphans(node.blobs, KIND, claimed)
        if found:
            _log.info("deleted %d packages that no function holds", found)
    except OSError:
        _log.exception(
            "the search for packages that no function holds failed; the next start repeats it"
        )
