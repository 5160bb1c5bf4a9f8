"""RevokeSessions: end sessions before their time, with all that descend from them."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.sessions.naming import Kind, sessions_arn, subject_id_of
from daypass.store.engine import Transaction
from daypass.store.sessions import (
    revoke_access_key,
    revoke_before,
    revoke_session,
    revoke_subject,
)

_MEMBERS: Final = {
    "Accessor": Kind.SESSION,
    "AccessKeyId": Kind.ACCESS_KEY,
    "RoleName": Kind.ROLE,
    "UserName": Kind.USER,
    "Provider": Kind.PROVIDER,
}


def needs(call: Call) -> tuple[Permission, ...]:
    """daypass:RevokeSessions on what is named."""
    kind, target = _named(call)
    return (Permission("daypass:RevokeSessions", sessions_arn(call.node, kind, target)),)


async def perform(call: Call) -> dict[str, Any]:
    """Revoke; once this returns, no process of the node takes the sessions any more."""
    kind, target = _named(call)
    before = await call.node.store.write(_revocation(call, kind, target))
    revoked: dict[str, Any] = {"Kind": kind.value, "Before": before}
    if target:
        revoked["Target"] = target
    return {"Revoked": revoked}


def _named(call: Call) -> tuple[Kind, str]:
    named = [
        (kind, call.input[member]) for member, kind in _MEMBERS.items() if member in call.input
    ]
    if len(named) > 1:
        raise ServiceError(
            "ValidationException",
            f"More than one of {', '.join(_MEMBERS)} is given. Give one.",
        )
    if named:
        kind, target = named[0]
        if "Before" in call.input and kind in {Kind.SESSION, Kind.ACCESS_KEY}:
            raise ServiceError(
                "ValidationException",
                "Before goes with RoleName, UserName or Provider, or stands alone. Leave it out.",
            )
        return kind, target
    if "Before" in call.input:
        return Kind.ALL, ""
    raise ServiceError(
        "ValidationException",
        f"Nothing says what to revoke. Give one of {', '.join(_MEMBERS)}, or Before alone to "
        "revoke every session issued until then.",
    )


def _before(call: Call) -> float | None:
    """Until which moment of issue, None for the moment of the write."""
    given: datetime | None = call.input.get("Before")
    if given is None:
        return None
    second = math.floor(given.timestamp())
    # In the future it would hit what is issued after it.
    if not 0 < second <= call.now:
        raise ServiceError(
            "ValidationException", "Before is not a time in the past. Give one that is, or none."
        )
    # To the end of the second it names: clients have whole seconds, sessions are issued in between.
    return math.nextafter(second + 1, 0)


def _revocation(call: Call, kind: Kind, target: str) -> Callable[[Transaction], float]:
    """The write, which returns until when it revokes.

    The clock is read in the write: a session issued while the write waited is reached, too.
    """
    clock, given = call.node.clock, _before(call)
    subject_id = subject_id_of(call.node, kind, target)

    def revoke(transaction: Transaction) -> float:
        now = clock()
        before = now if given is None else min(given, now)
        if kind is Kind.SESSION:
            revoke_session(transaction, target, now)
        elif kind is Kind.ACCESS_KEY:
            revoke_access_key(transaction, target, now)
        elif kind is Kind.ALL:
            revoke_before(transaction, before, now)
        else:
            revoke_subject(transaction, subject_id, before, now)
        return before

    return revoke


OPERATION = Operation("RevokeSessions", needs, perform)
