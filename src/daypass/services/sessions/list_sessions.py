"""ListSessions and GetSession: the sessions that were issued and have not expired."""

from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.sessions.describing import State, describe
from daypass.services.sessions.naming import Kind, sessions_arn, subject_id_of
from daypass.services.sessions.upkeep import follow_trail, write_last_uses
from daypass.store.issued import IssuedSession, Selection, find_issued, list_issued

_DEFAULT_ITEMS: Final = 100
# Sessions looked at for one page: revoked ones are passed over, however many there are.
_LOOKED_AT: Final = 5_000
_MEMBERS: Final = {
    "RoleName": Kind.ROLE,
    "UserName": Kind.USER,
    "Provider": Kind.PROVIDER,
    "Parent": Kind.SESSION,
    "AccessKeyId": Kind.ACCESS_KEY,
}


def needs_list(call: Call) -> tuple[Permission, ...]:
    """daypass:ListSessions on what is named, or on all."""
    kind, target = _named(call)
    return (Permission("daypass:ListSessions", sessions_arn(call.node, kind, target)),)


def _named(call: Call) -> tuple[Kind, str]:
    named = [(kind, call.input[name]) for name, kind in _MEMBERS.items() if name in call.input]
    if len(named) > 1:
        raise ServiceError(
            "ValidationException", f"More than one of {', '.join(_MEMBERS)} is given. Give one."
        )
    return named[0] if named else (Kind.ALL, "")


async def list_sessions(call: Call) -> dict[str, Any]:
    """One page, the newest session first."""
    kind, target = _named(call)
    selection = _selection(call, kind, target)
    await _bring_up_to_date(call)
    limit: int = call.input.get("MaxItems", _DEFAULT_ITEMS)
    page: list[dict[str, Any]] = []
    before = _before(call)
    looked_at = 0
    while looked_at < _LOOKED_AT:
        found = list(list_issued(call.node.store.reader, selection, call.now, before, limit + 1))
        for issued in found:
            if len(page) == limit:
                return {"Sessions": page, "NextToken": str(before)}
            before = issued.number
            shown = describe(call.node, issued, call.now)
            if _wanted(call, shown):
                page.append(shown)
        looked_at += len(found)
        if len(found) <= limit:
            return {"Sessions": page}
    return {"Sessions": page, "NextToken": str(before)}


def _selection(call: Call, kind: Kind, target: str) -> Selection:
    if kind is Kind.ROLE:
        # By name: the sessions of a role that was deleted are shown, too.
        return Selection(role_name=target)
    if kind is Kind.USER:
        return Selection(user_id=subject_id_of(call.node, kind, target))
    if kind is Kind.PROVIDER:
        return Selection(origin=subject_id_of(call.node, kind, target))
    if kind is Kind.SESSION:
        return Selection(parent=target)
    return Selection(access_key_id=target)


def _before(call: Call) -> int | None:
    token: str | None = call.input.get("NextToken")
    return None if token is None else int(token)


def _wanted(call: Call, shown: dict[str, Any]) -> bool:
    return bool(call.input.get("IncludeRevoked", False)) or shown["State"] == State.LIVE


def needs_get(call: Call) -> tuple[Permission, ...]:
    """daypass:GetSession on the session."""
    arn = sessions_arn(call.node, Kind.SESSION, call.input["Accessor"])
    return (Permission("daypass:GetSession", arn),)


async def get_session(call: Call) -> dict[str, Any]:
    """One session, revoked or not."""
    await _bring_up_to_date(call)
    accessor: str = call.input["Accessor"]
    issued: IssuedSession | None = find_issued(call.node.store.reader, accessor)
    if issued is None:
        raise ServiceError(
            "ResourceNotFoundException",
            f"The session {accessor} cannot be found; those that have expired are forgotten.",
            404,
        )
    return {"Session": describe(call.node, issued, call.now)}


async def _bring_up_to_date(call: Call) -> None:
    await follow_trail(call.node)
    await write_last_uses(call.node)


OPERATIONS: Final = (
    Operation("ListSessions", needs_list, list_sessions, effect=Effect.READ),
    Operation("GetSession", needs_get, get_session, effect=Effect.READ),
)
