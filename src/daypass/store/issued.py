"""The sessions that were issued and have not ended: what lists and trees of them show.

No request needs a row: sessions are verified by their tokens. The rows follow the audit trail,
which has every issued session before it is answered, and say how far they have followed it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from daypass.store.engine import Transaction
from daypass.store.prepared import Prepared
from daypass.store.schema import metadata
from daypass.tokens import ACCESSOR_PREFIX, Ancestor, Session, SessionKind

# Rows kept at most, about 600 bytes each; beyond it the first to have been issued are dropped.
MOST_SESSIONS: Final = 200_000
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode

# number: in the order of the trail. parent: the accessor of the session it was issued to; of one
# issued to a long-term key what `accessor_prefix` gives; "" of one a service took. origin: the
# unique id of the user, or the `provider_subject`, with whom its chain began. parents, tags,
# transitive_tags: JSON. used, address: when and from where it was used last, NULL and "" if never.
# Deleted when it has expired.
sessions = Table(
    "sessions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("accessor", String(16), nullable=False, unique=True),
    Column("access_key_id", String(32), nullable=False),
    Column("account", String(12), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject_id", String(64), nullable=False),
    Column("subject_name", String(64), nullable=False),
    Column("session_name", String(64), nullable=False),
    Column("parent", String(16), nullable=False, index=True),
    Column("origin", String(64), nullable=False, index=True),
    Column("parents", Text, nullable=False),
    Column("provider", String(2048), nullable=False),
    Column("source_identity", String(256), nullable=False),
    Column("tags", Text, nullable=False),
    Column("transitive_tags", Text, nullable=False),
    Column("mfa", Boolean, nullable=False),
    Column("issued", Float, nullable=False),
    Column("expires", Integer, nullable=False, index=True),
    Column("used", Float),
    Column("address", String(64), nullable=False),
    sqlite_autoincrement=True,
)

# One row: up to which place of the trail its sessions are in the table, and how many were dropped
# because there were too many.
session_list = Table(
    "session_list",
    metadata,
    Column("segment", Integer, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
)


# One that is there stays: the trail is followed again from where the last write ended.
_INSERT: Final = Prepared(
    insert(sessions),
    [column.name for column in sessions.columns if column.name != "number"],
    ending=" ON CONFLICT (accessor) DO NOTHING",
)


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session as it was issued, and its last use. number: its place in the list."""

    number: int
    session: Session
    used: float | None
    address: str

    @property
    def parent(self) -> str:
        """The accessor of the session it was issued to, "" if it was none."""
        parents = self.session.parents
        nearest = parents[0].accessor if parents else ""
        return nearest if len(nearest) > ACCESSOR_PREFIX else ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sessions are asked for; what is empty does not limit.

    role_name: of assumed roles. user_id, origin: who it belongs to or came from. parent: an
    accessor. access_key_id: its own.
    """

    role_name: str = ""
    user_id: str = ""
    origin: str = ""
    parent: str = ""
    access_key_id: str = ""


# -- following the trail -----------------------------------------------------------------------


def followed_to(connection: Connection) -> tuple[int, int]:
    """The segment of the trail and the place in it up to which the rows have followed it."""
    row = connection.execute(select(session_list)).first()
    return (0, 0) if row is None else (row.segment, row.offset)


def add_issued(
    transaction: Transaction,
    issued: Sequence[Mapping[str, Any]],
    account: str,
    followed: tuple[int, int],
) -> None:
    """Add what the trail says of issued sessions, up to the place `followed`."""
    connection = transaction.connection
    _INSERT.many(connection, [_row_of(details, account) for details in issued])
    segment, offset = followed
    moved = connection.execute(update(session_list).values(segment=segment, offset=offset))
    if not moved.rowcount:
        connection.execute(insert(session_list).values(segment=segment, offset=offset, dropped=0))


def _row_of(details: Mapping[str, Any], account: str) -> dict[str, Any]:
    parents = details.get("parents", [])
    return {
        "accessor": details["accessor"],
        "access_key_id": details["accessKeyId"],
        "account": account,
        "kind": details["kind"],
        "subject_id": details["subjectId"],
        "subject_name": details.get("subjectName", ""),
        "session_name": details.get("sessionName", ""),
        "parent": parents[0][0] if parents else "",
        "origin": parents[-1][1] if parents else details["subjectId"],
        "parents": _ENCODE(parents),
        "provider": details.get("provider", ""),
        "source_identity": details.get("sourceIdentity", ""),
        "tags": _ENCODE(details["tags"]) if "tags" in details else "{}",
        "transitive_tags": (
            _ENCODE(details["transitiveTags"]) if "transitiveTags" in details else "[]"
        ),
        "mfa": details.get("mfa", False),
        "issued": details["issued"],
        "expires": details["expires"],
        "used": None,
        "address": "",
    }


def drop_ended(transaction: Transaction, now: float, most: int = MOST_SESSIONS) -> None:
    """Delete what has expired, and the oldest beyond `most` rows."""
    connection = transaction.connection
    connection.execute(delete(sessions).where(sessions.c.expires <= now))
    count = connection.execute(select(func.count()).select_from(sessions)).scalar_one()
    if count <= most:
        return
    last = select(sessions.c.number).order_by(sessions.c.number).offset(count - most - 1).limit(1)
    connection.execute(
        delete(sessions).where(sessions.c.number <= connection.execute(last).scalar_one())
    )
    dropped = session_list.c.dropped + (count - most)
    connection.execute(update(session_list).values(dropped=dropped))


def note_uses(transaction: Transaction, uses: Mapping[str, tuple[float, str]]) -> None:
    """Note when and from which address sessions were used last, by accessor."""
    changed = (
        update(sessions)
        .where(sessions.c.accessor == bindparam("of"))
        .values(used=bindparam("at"), address=bindparam("from"))
    )
    transaction.connection.execute(
        changed,
        [{"of": one, "at": at, "from": address} for one, (at, address) in uses.items()],
    )


# -- reading -----------------------------------------------------------------------------------


def find_issued(connection: Connection, accessor: str) -> IssuedSession | None:
    """The session with this accessor, None if it has expired long since or never was."""
    row = connection.execute(select(sessions).where(sessions.c.accessor == accessor)).first()
    return None if row is None else _issued_of(row)


def list_issued(
    connection: Connection, selection: Selection, now: float, before: int | None, limit: int
) -> Iterator[IssuedSession]:
    """At most `limit` sessions that have not expired, the newest first, from `before` on down.

    before: the number of the last one that was seen.
    """
    asked = select(sessions).where(sessions.c.expires > now)
    if before is not None:
        asked = asked.where(sessions.c.number < before)
    if selection.role_name:
        asked = asked.where(
            sessions.c.kind == SessionKind.ASSUMED_ROLE,
            sessions.c.subject_name == selection.role_name,
        )
    if selection.user_id:
        belongs = sessions.c.subject_id == selection.user_id
        asked = asked.where(belongs | (sessions.c.origin == selection.user_id))
    for column, value in (
        (sessions.c.origin, selection.origin),
        (sessions.c.parent, selection.parent),
        (sessions.c.access_key_id, selection.access_key_id),
    ):
        if value:
            asked = asked.where(column == value)
    for row in connection.execute(asked.order_by(sessions.c.number.desc()).limit(limit)):
        yield _issued_of(row)


def count_expiring(connection: Connection, origin: str, now: float) -> Sequence[tuple[int, int]]:
    """The minutes in which sessions that began with a principal expire, and how many do in each."""
    minute = sessions.c.expires // 60
    counted = (
        select(minute, func.count())
        .where(sessions.c.origin == origin, sessions.c.expires > now)
        .group_by(minute)
    )
    return [(each, count) for each, count in connection.execute(counted)]


def count_issued(connection: Connection) -> tuple[int, int]:
    """How many sessions are listed, and how many were dropped because there were too many."""
    count = connection.execute(select(func.count()).select_from(sessions)).scalar_one()
    dropped = connection.execute(select(session_list.c.dropped)).scalar()
    return int(count), int(dropped or 0)


def _issued_of(row: Row[Any]) -> IssuedSession:
    session = Session(
        accessor=row.accessor,
        access_key_id=row.access_key_id,
        account=row.account,
        kind=SessionKind(row.kind),
        subject_id=row.subject_id,
        subject_name=row.subject_name,
        session_name=row.session_name,
        issued=row.issued,
        expires=row.expires,
        mfa=row.mfa,
        source_identity=row.source_identity,
        tags=json.loads(row.tags),
        transitive_tags=tuple(json.loads(row.transitive_tags)),
        parents=tuple(Ancestor(*parent) for parent in json.loads(row.parents)),
        provider=row.provider,
    )
    return IssuedSession(row.number, session, row.used, row.address)
