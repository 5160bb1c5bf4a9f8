"""The key ring's rows, and the revocations every request looks up."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    select,
)

from daypass.store.engine import Store, Transaction
from daypass.store.schema import metadata
from daypass.tokens import (
    ACCESSOR_PREFIX,
    LONGEST_SESSION,
    KeyRing,
    KeyState,
    MasterKey,
    RingKey,
    Session,
    accessor_prefix,
    new_ring,
    rotate,
)

_RING_KEY: Final = "ring_key"
_REVOCATION: Final = "revocation"
_PURPOSE: Final = "key-ring"

# What a revocation names: one session, all of an access key, of a role or user, of everybody.
_SESSION: Final = "session"
_ACCESS_KEY: Final = "access-key"
_SUBJECT: Final = "subject"
_ALL: Final = "all"

# The keys that seal tokens; material is encrypted under the master key.
keys = Table(
    "keys",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("material", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Integer, nullable=False),
    Column("floor", Integer, nullable=False, server_default="0"),
)

# kind, target: "session" and its accessor, "access-key" and `accessor_prefix` of its id, "subject"
# and a role's or user's unique id, "all" and "". before: sessions issued until then are revoked;
# the one named by an accessor is, whenever it was issued. revoked: when. Both Unix seconds. A row
# is deleted when every session it can reach has expired.
revocations = Table(
    "revocations",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("before", Float, nullable=False),
    Column("revoked", Float, nullable=False),
)


# -- the key ring ------------------------------------------------------------------------------


def load_or_create_key_ring(store: Store, master: bytes, now: float) -> KeyRing:
    """The ring of this database, made at its first use and kept current by the store.

    Raises `daypass.tokens.DecryptionError` if `master` is not the key it was sealed under.
    """
    master_key = MasterKey(master)
    if not _read_ring(store.reader, master_key):
        store.write_now(lambda transaction: _create_ring(transaction, master_key, now))
    ring = KeyRing(master, _read_ring(store.reader, master_key))
    store.keep(_RingRows(ring, master_key))
    return ring


def rotate_key_ring(
    transaction: Transaction, master: bytes, now: float, floor: float = 0.0
) -> list[RingKey]:
    """Rotate the ring: every process seals with the key that was prepared from its next request.

    floor: as `daypass.tokens.rotate` has it.
    """
    master_key = MasterKey(master)
    rotated = rotate(_read_ring(transaction.connection, master_key), now, floor)
    _write_ring(transaction, master_key, rotated)
    return rotated


def read_key_ring(connection: Connection, master: bytes) -> list[RingKey]:
    """The keys of the ring."""
    return _read_ring(connection, MasterKey(master))


def _create_ring(transaction: Transaction, master: MasterKey, now: float) -> None:
    # Another process of the node may have made it since we looked; one writes at a time.
    if not _read_ring(transaction.connection, master):
        _write_ring(transaction, master, new_ring(now))


def _read_ring(connection: Connection, master: MasterKey) -> list[RingKey]:
    return [
        RingKey(
            row.id,
            master.decrypt(_PURPOSE, row.material, row.id),
            KeyState(row.state),
            row.since,
            row.floor,
        )
        for row in connection.execute(select(keys))
    ]


def _write_ring(transaction: Transaction, master: MasterKey, ring: Iterable[RingKey]) -> None:
    transaction.connection.execute(delete(keys))
    transaction.connection.execute(
        keys.insert(),
        [
            {
                "id": key.id,
                "material": master.encrypt(_PURPOSE, key.material, key.id),
                "state": key.state.value,
                "since": key.since,
                "floor": key.floor,
            }
            for key in ring
        ],
    )
    transaction.changed(_RING_KEY, "")


class _RingRows:
    """Keeps a ring as its rows are."""

    kinds: Sequence[str] = (_RING_KEY,)

    def __init__(self, ring: KeyRing, master: MasterKey) -> None:
        self._ring = ring
        self._master = master

    def load(self, connection: Connection) -> None:
        self._ring.use(_read_ring(connection, self._master))

    def reload(self, connection: Connection, kind: str, changed: Sequence[str]) -> None:  # noqa: ARG002
        self.load(connection)


# -- revocations -------------------------------------------------------------------------------


def revoke_session(transaction: Transaction, accessor: str, now: float) -> None:
    """Revoke the session with this accessor, and all that descend from it."""
    _revoke(transaction, _SESSION, accessor, now, now)


def revoke_access_key(transaction: Transaction, access_key_id: str, now: float) -> None:
    """Revoke the session with this access key, and all sessions ever issued to the key.

    A long-term key itself stays as it is: deactivate it to stop new sessions.
    """
    _revoke(transaction, _ACCESS_KEY, accessor_prefix(access_key_id), now, now)


def revoke_subject(transaction: Transaction, subject_id: str, before: float, now: float) -> None:
    """Revoke a role's or user's sessions issued until `before`, and all that descend from them.

    subject_id: the unique id (AROA…, AIDA…), the account id for root.
    """
    _revoke(transaction, _SUBJECT, subject_id, before, now)


def revoke_before(transaction: Transaction, before: float, now: float) -> None:
    """Revoke every session issued until `before`, and all that descend from them."""
    _revoke(transaction, _ALL, "", before, now)


def _revoke(transaction: Transaction, kind: str, target: str, before: float, now: float) -> None:
    connection = transaction.connection
    _drop_outlived(transaction, now)
    same = and_(revocations.c.kind == kind, revocations.c.target == target)
    earlier = connection.execute(select(revocations.c.before).where(same)).scalar()
    connection.execute(delete(revocations).where(same))
    connection.execute(
        revocations.insert().values(
            kind=kind, target=target, before=max(before, earlier or 0.0), revoked=now
        )
    )
    transaction.changed(_REVOCATION, _key(kind, target))


def _drop_outlived(transaction: Transaction, now: float) -> None:
    # What a revocation reaches was issued before it: nothing descends from a revoked session.
    outlived = revocations.c.revoked < now - LONGEST_SESSION
    for row in transaction.connection.execute(select(revocations).where(outlived)).all():
        transaction.changed(_REVOCATION, _key(row.kind, row.target))
    transaction.connection.execute(delete(revocations).where(outlived))


def _key(kind: str, target: str) -> str:
    return f"{kind}/{target}"


class RevocationCache:
    """The revocations in force, as dictionaries: a request costs a few look-ups."""

    kinds: Sequence[str] = (_REVOCATION,)

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        # Each, by target: until which moment of issue it revokes.
        self._sessions: dict[str, float] = {}
        self._access_keys: dict[str, float] = {}
        self._subjects: dict[str, float] = {}
        self._all: dict[str, float] = {}
        self._before: dict[str, dict[str, float]] = {
            _SESSION: self._sessions,
            _ACCESS_KEY: self._access_keys,
            _SUBJECT: self._subjects,
            _ALL: self._all,
        }

    def load(self, connection: Connection) -> None:
        self._forget()
        for row in connection.execute(select(revocations)):
            self._before[row.kind][row.target] = row.before

    def reload(self, connection: Connection, kind: str, changed: Sequence[str]) -> None:  # noqa: ARG002
        for key in changed:
            named, _, target = key.partition("/")
            before = connection.execute(
                select(revocations.c.before).where(
                    revocations.c.kind == named, revocations.c.target == target
                )
            ).scalar()
            if before is None:
                self._before[named].pop(target, None)
            else:
                self._before[named][target] = before

    def revoked(self, session: Session) -> bool:
        """Whether this session, or one it descends from, is revoked."""
        if not any(self._before.values()):
            return False
        if self._reaches(session.accessor, session.subject_id, session.issued):
            return True
        return any(
            self._reaches(parent.accessor, parent.subject_id, parent.issued)
            for parent in session.parents
        )

    def _reaches(self, accessor: str, subject_id: str, issued: float) -> bool:
        return accessor in self._sessions or issued <= max(
            self._all.get("", 0.0),
            self._subjects.get(subject_id, 0.0),
            self._access_keys.get(accessor[:ACCESSOR_PREFIX], 0.0),
        )
