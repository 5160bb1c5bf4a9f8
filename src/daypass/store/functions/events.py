"""Asynchronous events: durable before they are accepted, bounded, and handed to what runs them.

Each event belongs to the process that accepted it. What a process leaves behind when it dies, the
next one that starts takes over, so an event may run twice, and never not at all.
"""

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Row,
    insert,
    select,
    update,
)
from sqlalchemy import delete as delete_from

from daypass.store.engine import Store, Transaction
from daypass.store.functions.tables import function_events
from daypass.tokens import KeyRing

# Events that may wait or run at once in one process, those of one function, and the bytes of all.
_LIMIT: Final = 4_000
_FUNCTION_LIMIT: Final = 1_000
_BYTES_LIMIT: Final = 64 * 1024 * 1024
_SEALED: Final = "function-event"
_STARTED: Final = 19

_log = logging.getLogger("daypass.functions")


class QueueFullError(Exception):
    """No more events are taken now."""


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An asynchronous event. payload: JSON. accepted, due: Unix seconds.

    attempts: so far. depth: how many events led to it, one function's to the next.
    """

    id: str
    function: str
    qualifier: str
    payload: bytes = field(repr=False)
    client_context: str | None
    trace_id: str
    accepted: float
    due: float
    attempts: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """Try it again, so many seconds from now. attempts: so far."""

    seconds: float
    attempts: int


# Runs an event once; None if that is the end of it.
Attempt = Callable[[QueuedEvent], Awaitable[Again | None]]


def _one(_function: str) -> int:
    return 1


class EventQueue:
    """The asynchronous events of one process. clock: Unix seconds."""

    def __init__(self, store: Store, keys: KeyRing, clock: Callable[[], float]) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._owner = _name_process(os.getpid())
        self._attempt: Attempt | None = None
        self._early: list[QueuedEvent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: Counter[str] = Counter()
        self._bytes = 0
        self._at_once: Callable[[str], int] = _one
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def put(self, event: QueuedEvent) -> None:
        """Accept an event; it is durable when this returns. Raises `QueueFullError`."""
        if (
            self._waiting.total() >= _LIMIT
            or self._waiting[event.function] >= _FUNCTION_LIMIT
            or self._bytes + len(event.payload) > _BYTES_LIMIT
        ):
            raise QueueFullError(event.function)
        self._admit(event)
        try:
            await self._store.write(partial(self._insert, event=event))
        except BaseException:
            self._release(event)
            raise
        self._start(event)

    async def serve(self, attempt: Attempt, at_once: Callable[[str], int] = _one) -> None:
        """Run the events, and those that dead processes left. Runs until cancelled.

        at_once: how many of a function's run at once, at least 1; the others wait their turn.
        """
        self._attempt, self._at_once = attempt, at_once
        for row in await self._store.write(self._adopt):
            event = self._open(row)
            self._admit(event)
            self._start(event)
        for event in self._early:
            self._start(event)
        self._early.clear()
        try:
            await asyncio.Event().wait()
        finally:
            # Their rows stay: they run when a server starts again.
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _admit(self, event: QueuedEvent) -> None:
        self._waiting[event.function] += 1
        self._bytes += len(event.payload)

    def _release(self, event: QueuedEvent) -> None:
        self._bytes -= len(event.payload)
        self._waiting[event.function] -= 1
        if not self._waiting[event.function]:
            del self._waiting[event.function]
            self._turns.pop(event.function, None)

    def _start(self, event: QueuedEvent) -> None:
        if self._attempt is None:
            self._early.append(event)
            return
        task = asyncio.get_running_loop().create_task(self._run(event, self._attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, event: QueuedEvent, attempt: Attempt) -> None:
        try:
            while (again := await self._try(event, attempt)) is not None:
                counted = again.attempts != event.attempts
                due = self._clock() + again.seconds
                event = replace(event, attempts=again.attempts, due=due)
                if counted:
                    await self._store.write(partial(_update, event=event))
            await self._store.write(partial(_delete, id_=event.id))
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("The event %s for %s is lost.", event.id, event.function)
        finally:
            self._release(event)

    async def _try(self, event: QueuedEvent, attempt: Attempt) -> Again | None:
        await asyncio.sleep(max(0.0, event.due - self._clock()))
        async with self._turn(event.function):
            if not self._holds(event):
                # Deleted with its function; one of the same name is another function.
                return None
            return await attempt(event)

    def _turn(self, function: str) -> asyncio.Semaphore:
        turns = self._turns.get(function)
        if turns is None:
            turns = self._turns[function] = asyncio.Semaphore(self._at_once(function))
        return turns

    def _holds(self, event: QueuedEvent) -> bool:
        query = select(function_events.c.id).where(function_events.c.id == event.id)
        return self._store.reader.execute(query).one_or_none() is not None

    # -- its rows ----------------------------------------------------------------------------

    def _insert(self, transaction: Transaction, event: QueuedEvent) -> None:
        head = {"client_context": event.client_context, "trace_id": event.trace_id}
        # The head is one line: JSON has no line breaks of its own.
        opened = json.dumps(head).encode() + b"\n" + event.payload
        transaction.connection.execute(
            insert(function_events).values(
                id=event.id,
                owner=self._owner,
                function=event.function,
                qualifier=event.qualifier,
                sealed=self._keys.encrypt(_SEALED, opened, event.id),
                accepted=event.accepted,
                due=event.due,
                attempts=event.attempts,
                depth=event.depth,
            )
        )

    def _adopt(self, transaction: Transaction) -> list[Row[Any]]:
        """Make what dead processes left this process's; those rows."""
        table = function_events
        owners = transaction.connection.execute(select(table.c.owner).distinct()).scalars()
        dead = [owner for owner in owners if not _lives(owner)]
        if not dead:
            return []
        left = transaction.connection.execute(
            select(table).where(table.c.owner.in_(dead)).order_by(table.c.accepted)
        ).all()
        transaction.connection.execute(
            update(table).where(table.c.owner.in_(dead)).values(owner=self._owner)
        )
        return list(left)

    def _open(self, row: Row[Any]) -> QueuedEvent:
        head, _, payload = self._keys.decrypt(_SEALED, row.sealed, row.id).partition(b"\n")
        return QueuedEvent(
            id=row.id,
            function=row.function,
            qualifier=row.qualifier,
            payload=payload,
            accepted=row.accepted,
            due=row.due,
            attempts=row.attempts,
            depth=row.depth,
            **json.loads(head),
        )


def _update(transaction: Transaction, event: QueuedEvent) -> None:
    table = function_events
    transaction.connection.execute(
        update(table).where(table.c.id == event.id).values(attempts=event.attempts, due=event.due)
    )


def _delete(transaction: Transaction, id_: str) -> None:
    table = function_events
    transaction.connection.execute(delete_from(table).where(table.c.id == id_))


def _name_process(pid: int) -> str:
    """A name that no other process of this machine ever has: its id, its start and the boot."""
    # After the command, which may hold anything, the start is the twentieth field (proc(5)).
    status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{pid}.{status[_STARTED]}.{boot}"


def _lives(owner: str) -> bool:
    try:
        return _name_process(int(owner.partition(".")[0])) == owner
    except (OSError, ValueError, IndexError):
        return False
