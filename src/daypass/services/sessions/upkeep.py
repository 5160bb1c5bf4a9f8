"""The list of sessions, kept in step: it follows the audit trail, and forgets what has ended."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import orjson

from daypass.audit import Position, Trail, read_from
from daypass.gateway.node import Node
from daypass.store.engine import Transaction
from daypass.store.issued import add_issued, drop_ended, followed_to, note_uses

_FOLLOW_SECONDS: Final = 5.0
# Last uses are written, and ended sessions deleted, every so many rounds.
_ROUNDS: Final = 6
# Bytes of the trail that one write takes in, so that other writes do not wait long.
_AT_ONCE: Final = 4 * 1024 * 1024
_log = logging.getLogger("daypass.sessions")

# What stands before and after a session in the line of its event. Quotes inside of values are
# escaped, so that no value holds either.
_ISSUED: Final = b'"additionalEventData":{"session":'
_AFTER: Final = b'},"requestID":"'


async def follow_trail(node: Node) -> None:
    """Take into the list every session that is in the trail by now."""
    while await node.store.write(_follow_on(node.trail, node.account_id)):
        pass


async def write_last_uses(node: Node) -> None:
    """Write down the last uses that this process has seen."""
    uses = node.last_uses.take()
    if uses:
        await node.store.write(lambda transaction: note_uses(transaction, uses))


async def keep_house(node: Node) -> None:
    """Keep the list in step while the node serves. Runs until cancelled."""
    rounds = 0
    while True:
        await asyncio.sleep(_FOLLOW_SECONDS)
        rounds += 1
        try:
            await follow_trail(node)
            if rounds % _ROUNDS == 0:
                await write_last_uses(node)
                await node.store.write(lambda transaction: drop_ended(transaction, node.clock()))
        except Exception:
            _log.exception("the list of sessions could not be kept in step; this is tried again")


def _follow_on(trail: Trail, account: str) -> Callable[[Transaction], bool]:
    """The write that takes in the next part of the trail; it says whether there is more."""

    def follow(transaction: Transaction) -> bool:
        start, end = Position(*followed_to(transaction.connection)), trail.end()
        if start >= end:
            return False
        lines, reached = read_from(trail.directory, start, end, _AT_ONCE)
        issued = [_issued_in(line) for line in lines if _ISSUED in line]
        add_issued(transaction, issued, account, (reached.segment, reached.offset))
        return start < reached < end

    return follow


def _issued_in(line: bytes) -> dict[str, Any]:
    """What a line says of the session it issued; the rest of the line is not parsed."""
    start = line.index(_ISSUED) + len(_ISSUED)
    details: dict[str, Any] = orjson.loads(line[start : line.index(_AFTER, start)])
    return details
