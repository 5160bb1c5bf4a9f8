"""Log groups, streams and events in `logs.db`: written in batches, bounded, read by position.

Every method blocks for as long as SQLite takes and may be called in any thread. What is committed
outlives the process; the last moments may be lost with the power (synchronous=NORMAL), because a
log is not worth a disk flush a line.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    create_engine,
    delete,
    event,
    func,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from daypass.store.logs.records import (
    Batch,
    GroupExistsError,
    LogEvent,
    LogGroup,
    LogStreamRecord,
    NoSuchGroupError,
    NoSuchStreamError,
    Selection,
    StreamExistsError,
    TooManyGroupsError,
)
from daypass.store.logs.tables import events, groups, metadata, streams

# Bytes beside its message that an event takes, with its entries in both indexes.
EVENT_OVERHEAD: Final = 100
# Bytes that the events of one group may take, and of all; beyond it the oldest are deleted.
GROUP_BYTES: Final = 64 * 1024 * 1024
TOTAL_BYTES: Final = 1024 * 1024 * 1024
# To what share of its limit a group is cut, so that it is not cut at every batch.
_CUT_TO: Final = 0.9
_CUT_EVENTS: Final = 20_000
_GROUPS: Final = 10_000
_DAY: Final = 86_400_000
_BUSY_TIMEOUT_MS: Final = 10_000


class LogStore:
    """All logs of one node. group_bytes, total_bytes: what is kept at most."""

    def __init__(
        self, path: Path, *, group_bytes: int = GROUP_BYTES, total_bytes: int = TOTAL_BYTES
    ) -> None:
        self._group_bytes = group_bytes
        self._total_bytes = total_bytes
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", _configure)
        # Threads of one process take turns here; processes, at SQLite's own lock.
        self._writing = threading.Lock()
        with self._engine.connect() as connection:
            connection.execute(text("BEGIN IMMEDIATE"))
            metadata.create_all(connection)
            connection.commit()

    def close(self) -> None:
        self._engine.dispose()

    # -- groups ------------------------------------------------------------------------------

    def create_group(self, name: str, now: int, tags: Mapping[str, str]) -> None:
        """Raises `GroupExistsError`, `TooManyGroupsError`."""
        with self._write() as connection:
            if _group_id(connection, name) is not None:
                raise GroupExistsError(name)
            _insert_group(connection, name, now, tags)

    def delete_group(self, name: str) -> None:
        """With all its streams and events. Raises `NoSuchGroupError`."""
        with self._write() as connection:
            if not connection.execute(delete(groups).where(groups.c.name == name)).rowcount:
                raise NoSuchGroupError(name)

    def set_retention(self, name: str, days: int | None) -> None:
        """Raises `NoSuchGroupError`."""
        with self._write() as connection:
            _change_group(connection, name, {"retention_days": days})

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Raises `NoSuchGroupError`."""
        with self._write() as connection:
            _change_group(connection, name, {"tags": dict(tags)})

    def group(self, name: str) -> LogGroup:
        """Raises `NoSuchGroupError`."""
        with self._engine.connect() as connection:
            row = connection.execute(select(groups).where(groups.c.name == name)).one_or_none()
        if row is None:
            raise NoSuchGroupError(name)
        return _read_group(row)

    def groups(self, *, prefix: str, pattern: str, after: str, limit: int) -> list[LogGroup]:
        """By name: those that begin with prefix and hold pattern, after a name."""
        query = select(groups).where(groups.c.name > after).order_by(groups.c.name).limit(limit)
        if prefix:
            query = query.where(func.substr(groups.c.name, 1, len(prefix)) == prefix)
        if pattern:
            query = query.where(func.instr(groups.c.name, pattern) > 0)
        with self._engine.connect() as connection:
            return [_read_group(row) for row in connection.execute(query)]

    # -- streams -----------------------------------------------------------------------------

    def create_stream(self, group: str, name: str, now: int) -> None:
        """Raises `NoSuchGroupError`, `StreamExistsError`."""
        with self._write() as connection:
            group_id = _need_group(connection, group)
            try:
                connection.execute(
                    streams.insert().values(group_id=group_id, name=name, created=now)
                )
            except IntegrityError:
                raise StreamExistsError(name) from None

    def delete_stream(self, group: str, name: str) -> None:
        """With its events. Raises `NoSuchGroupError`, `NoSuchStreamError`."""
        with self._write() as connection:
            group_id = _need_group(connection, group)
            stream_id = _stream_id(connection, group_id, name)
            if stream_id is None:
                raise NoSuchStreamError(name)
            taken = connection.execute(
                select(func.coalesce(func.sum(events.c.size), 0)).where(
                    events.c.stream_id == stream_id
                )
            ).scalar_one()
            connection.execute(delete(streams).where(streams.c.id == stream_id))
            _count(connection, group_id, -taken)

    def streams(
        self, group: str, *, prefix: str, newest: bool, descending: bool, offset: int, limit: int
    ) -> list[LogStreamRecord]:
        """By name, or by their last events (newest). Raises `NoSuchGroupError`."""
        order = (
            [func.coalesce(streams.c.last_event, 0), streams.c.name] if newest else [streams.c.name]
        )
        query = select(streams).order_by(*[one.desc() if descending else one for one in order])
        if prefix:
            query = query.where(func.substr(streams.c.name, 1, len(prefix)) == prefix)
        with self._engine.connect() as connection:
            query = query.where(streams.c.group_id == _need_group(connection, group))
            rows = connection.execute(query.offset(offset).limit(limit))
            return [
                LogStreamRecord(
                    row.name, row.created, row.first_event, row.last_event, row.last_ingestion
                )
                for row in rows
            ]

    def need_stream(self, group: str, name: str) -> None:
        """Raises `NoSuchGroupError`, `NoSuchStreamError`."""
        with self._engine.connect() as connection:
            if _stream_id(connection, _need_group(connection, group), name) is None:
                raise NoSuchStreamError(name)

    # -- events ------------------------------------------------------------------------------

    def put(self, batches: Sequence[Batch], now: int) -> None:
        """Add events. Raises `NoSuchGroupError`, `NoSuchStreamError`; then nothing is added."""
        with self._write() as connection:
            for batch in batches:
                self._put(connection, batch, now)

    def _put(self, connection: Connection, batch: Batch, now: int) -> None:
        group_id = _group_id(connection, batch.group)
        if group_id is None:
            if not batch.makes_group:
                raise NoSuchGroupError(batch.group)
            group_id = _insert_group(connection, batch.group, now, {})
        stream_id = _stream_id(connection, group_id, batch.stream)
        if stream_id is None:
            if not batch.makes_stream:
                raise NoSuchStreamError(batch.stream)
            row = streams.insert().values(group_id=group_id, name=batch.stream, created=now)
            stream_id = _insert(connection, row)
        if not batch.events:
            return
        sizes = [len(message.encode()) + EVENT_OVERHEAD for _, message in batch.events]
        rows = [
            {
                "group_id": group_id,
                "stream_id": stream_id,
                "timestamp": timestamp,
                "ingestion": now,
                "message": message,
                "size": size,
            }
            for (timestamp, message), size in zip(batch.events, sizes, strict=True)
        ]
        connection.execute(events.insert(), rows)
        _note_events(connection, stream_id, batch, now)
        if _count(connection, group_id, sum(sizes)) > self._group_bytes:
            _cut(connection, group_id, int(self._group_bytes * _CUT_TO))

    def select(self, selection: Selection, now: int, limit: int) -> list[LogEvent]:
        """The first events that are selected and not past their group's retention.

        In the order of their time, newest first if so selected. Raises `NoSuchGroupError`.
        """
        with self._engine.connect() as connection:
            group = connection.execute(
                select(groups.c.id, groups.c.retention_days).where(groups.c.name == selection.group)
            ).one_or_none()
            if group is None:
                raise NoSuchGroupError(selection.group)
            start = selection.start
            if group.retention_days is not None:
                start = max(start, now - group.retention_days * _DAY)
            query = _query(group.id, selection, start).limit(limit)
            return [
                LogEvent(row.id, row.name, row.timestamp, row.ingestion, row.message)
                for row in connection.execute(query)
            ]

    # -- housekeeping ------------------------------------------------------------------------

    def tidy(self, now: int) -> None:
        """Delete what is past its retention, the oldest of the largest groups while all together
        take too much, and streams of functions that hold nothing any more."""
        with self._engine.connect() as connection:
            kept = connection.execute(
                select(groups.c.id, groups.c.retention_days).where(
                    groups.c.retention_days.is_not(None)
                )
            ).all()
        for group_id, days in kept:
            self._expire(group_id, now - days * _DAY)
        while self._shrink():
            pass
        with self._write() as connection:
            written = select(events.c.id).where(events.c.stream_id == streams.c.id).exists()
            connection.execute(
                delete(streams).where(
                    streams.c.last_event.is_not(None),
                    streams.c.last_ingestion < now - _DAY,
                    ~written,
                )
            )

    def _expire(self, group_id: int, before: int) -> None:
        """In pieces, so that no writer waits for long."""
        deleted = True
        while deleted:
            with self._write() as connection:
                old = (
                    select(events.c.id, events.c.size)
                    .where(events.c.group_id == group_id, events.c.timestamp < before)
                    .limit(_CUT_EVENTS)
                )
                deleted = _delete(
                    connection, group_id, [(row.id, row.size) for row in connection.execute(old)]
                )

    def _shrink(self) -> bool:
        with self._write() as connection:
            total = connection.execute(select(func.coalesce(func.sum(groups.c.bytes), 0)))
            if total.scalar_one() <= self._total_bytes:
                return False
            largest = connection.execute(
                select(groups.c.id, groups.c.bytes).order_by(groups.c.bytes.desc()).limit(1)
            ).one()
            return _cut(connection, largest.id, int(largest.bytes * _CUT_TO))

    def _write(self) -> "_Writing":
        return _Writing(self._engine.connect(), self._writing)


class _Writing:
    """A transaction that writes, from its beginning."""

    def __init__(self, connection: Connection, lock: threading.Lock) -> None:
        self._connection = connection
        self._lock = lock

    def __enter__(self) -> Connection:
        self._lock.acquire()
        try:
            self._connection.execute(text("BEGIN IMMEDIATE"))
        except BaseException:
            self._connection.close()
            self._lock.release()
            raise
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.commit()
            else:
                self._connection.rollback()
        finally:
            self._connection.close()
            self._lock.release()


def _configure(connection: Any, _record: Any) -> None:
    # SQLAlchemy begins no transaction of its own: readers need none, writers say it themselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _read_group(row: Row[Any]) -> LogGroup:
    return LogGroup(row.name, row.created, row.retention_days, row.bytes, row.tags)


def _group_id(connection: Connection, name: str) -> int | None:
    return connection.execute(select(groups.c.id).where(groups.c.name == name)).scalar_one_or_none()


def _need_group(connection: Connection, name: str) -> int:
    found = _group_id(connection, name)
    if found is None:
        raise NoSuchGroupError(name)
    return found


def _stream_id(connection: Connection, group_id: int, name: str) -> int | None:
    return connection.execute(
        select(streams.c.id).where(streams.c.group_id == group_id, streams.c.name == name)
    ).scalar_one_or_none()


def _insert_group(connection: Connection, name: str, now: int, tags: Mapping[str, str]) -> int:
    if connection.execute(select(func.count()).select_from(groups)).scalar_one() >= _GROUPS:
        raise TooManyGroupsError(name)
    row = groups.insert().values(name=name, created=now, tags=dict(tags), bytes=0)
    return _insert(connection, row)


def _insert(connection: Connection, row: Insert) -> int:
    """The id of the new row."""
    return int(connection.execute(row.returning(literal_column("id"))).scalar_one())


def _change_group(connection: Connection, name: str, values: Mapping[str, object]) -> None:
    if not connection.execute(update(groups).where(groups.c.name == name).values(values)).rowcount:
        raise NoSuchGroupError(name)


def _note_events(connection: Connection, stream_id: int, batch: Batch, now: int) -> None:
    first, last = batch.events[0][0], batch.events[-1][0]
    connection.execute(
        update(streams)
        .where(streams.c.id == stream_id)
        .values(
            first_event=func.min(func.coalesce(streams.c.first_event, first), first),
            last_event=func.max(func.coalesce(streams.c.last_event, last), last),
            last_ingestion=now,
        )
    )


def _count(connection: Connection, group_id: int, size: int) -> int:
    """Add to what a group's events take; what they take then."""
    changed = (
        update(groups)
        .where(groups.c.id == group_id)
        .values(bytes=groups.c.bytes + size)
        .returning(groups.c.bytes)
    )
    return int(connection.execute(changed).scalar_one())


def _cut(connection: Connection, group_id: int, limit: int) -> bool:
    """Delete a group's oldest events while they take more than limit; whether it deleted any."""
    taken = _count(connection, group_id, 0)
    deleted = False
    while taken > limit:
        oldest = connection.execute(
            select(events.c.id, events.c.size)
            .where(events.c.group_id == group_id)
            .order_by(events.c.timestamp, events.c.id)
            .limit(_CUT_EVENTS)
        ).all()
        chosen: list[tuple[int, int]] = []
        for row in oldest:
            if taken <= limit:
                break
            chosen.append((row.id, row.size))
            taken -= row.size
        if not _delete(connection, group_id, chosen):
            break
        deleted = True
    return deleted


def _delete(connection: Connection, group_id: int, chosen: Sequence[tuple[int, int]]) -> bool:
    """Delete events, given by id and size; whether there were any."""
    if not chosen:
        return False
    # By number, not by a list of 20,000: SQLite takes 32,766 variables.
    statement = text("DELETE FROM log_events WHERE id = :id")
    connection.execute(statement, [{"id": number} for number, _ in chosen])
    _count(connection, group_id, -sum(size for _, size in chosen))
    return True


def _query(group_id: int, selection: Selection, start: int) -> Select[Any]:
    place = tuple_(events.c.timestamp, events.c.id)
    query = select(
        events.c.id, streams.c.name, events.c.timestamp, events.c.ingestion, events.c.message
    ).join(streams, streams.c.id == events.c.stream_id)
    names = selection.streams
    if names is None:
        query = query.where(events.c.group_id == group_id)
    else:
        chosen = select(streams.c.id).where(
            streams.c.group_id == group_id, streams.c.name.in_(names)
        )
        query = query.where(events.c.stream_id.in_(chosen))
    prefix = selection.stream_prefix
    if prefix:
        query = query.where(func.substr(streams.c.name, 1, len(prefix)) == prefix)
    query = query.where(events.c.timestamp >= start)
    if selection.end is not None:
        query = query.where(events.c.timestamp < selection.end)
    if selection.after is not None:
        query = query.where(place > (selection.after.timestamp, selection.after.id))
    if selection.before is not None:
        query = query.where(place < (selection.before.timestamp, selection.before.id))
    order = [events.c.timestamp, events.c.id]
    return query.order_by(*[one.desc() if selection.newest_first else one for one in order])
