"""What STS does by itself while the server runs."""

import asyncio
import logging
from typing import Final

from daypass.federation.oidc import SIGNING_ALGORITHMS, new_signing_key, rotate_signing_keys
from daypass.gateway.node import Node
from daypass.store.engine import Transaction
from daypass.store.token_issuer import read_signing_keys, write_signing_keys
from daypass.tokens import KeyState

_CHECK_SECONDS: Final = 3600
_ACTIVE_SECONDS: Final = 90 * 86_400

_log = logging.getLogger("daypass")


async def keep_house(node: Node) -> None:
    """Rotate the keys of web identity tokens every 90 days. Runs until cancelled."""
    while True:
        try:
            await rotate_when_due(node)
        except OSError:
            _log.exception("the keys of web identity tokens were not rotated")
        await asyncio.sleep(_CHECK_SECONDS)


async def rotate_when_due(node: Node) -> bool:
    """Rotate if the active keys have signed for long enough; whether that was so."""
    node.store.refresh()
    issuer = node.token_issuer
    if not issuer.id or node.clock() - issuer.active_since() < _ACTIVE_SECONDS:
        return False
    since = issuer.active_since()
    await rotate_now(node, since)
    return True


async def rotate_now(node: Node, since: float) -> None:
    """Rotate the keys that sign since then; another process may have done it before."""
    now = node.clock()
    prepared = await asyncio.to_thread(
        lambda: [new_signing_key(each, KeyState.PREPARED, now) for each in SIGNING_ALGORITHMS]
    )

    def change(transaction: Transaction) -> None:
        keys = read_signing_keys(transaction.connection, node.keys)
        active = [key.since for key in keys if key.state is KeyState.ACTIVE]
        if active and min(active) == since:
            write_signing_keys(transaction, rotate_signing_keys(keys, prepared, now), node.keys)

    await node.store.write(change)
