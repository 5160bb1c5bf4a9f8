"""The queue of asynchronous events: durable, bounded, and taken over from the dead."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from daypass.store import functions as state
from daypass.store.engine import Store, open_store
from daypass.store.functions import events
from daypass.store.functions.events import Again, EventQueue, QueuedEvent, QueueFullError
from daypass.tokens import KeyRing, new_ring
from tests.store.test_functions import FUNCTION

EVENT = QueuedEvent("id-1", "f", "live", b'{"secret": "horse"}', '{"a":1}', "trace", 10.0, 10.0)


@pytest.fixture
def store(tmp_path: Path) -> "Store":
    return open_store(tmp_path)


@pytest.fixture(autouse=True)
def _closing(store: Store):
    yield
    store.close()


def queue(store: Store) -> EventQueue:
    return EventQueue(store, KeyRing(bytes(32), new_ring(0)), lambda: 10.0)


def rows(store: Store) -> list[tuple[object, ...]]:
    found = store.reader.exec_driver_sql("SELECT id, attempts FROM function_events ORDER BY id")
    return [tuple(row) for row in found]


async def serving(
    served: EventQueue,
    attempt: Callable[[QueuedEvent], Awaitable[Again | None]],
    until: asyncio.Event,
    at_once: Callable[[str], int] = lambda _: 25,
) -> None:
    """Serve until that happens."""
    task = asyncio.create_task(served.serve(attempt, at_once))
    await asyncio.wait_for(until.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_an_event_runs_and_is_gone(store: Store, tmp_path: Path) -> None:
    seen: list[QueuedEvent] = []

    async def main() -> None:
        done = asyncio.Event()

        async def attempt(event: QueuedEvent) -> Again | None:
            seen.append(event)
            if event.attempts == 0:
                return Again(0.0, 1)
            asyncio.get_running_loop().call_later(0.2, done.set)
            return None

        made = queue(store)
        await made.put(EVENT)
        assert rows(store) == [("id-1", 0)]
        with sqlite3.connect(tmp_path / "daypass.db") as database:
            (sealed,) = database.execute("SELECT sealed FROM function_events").fetchone()
        assert b"horse" not in sealed
        await serving(made, attempt, done)

    asyncio.run(main())
    assert seen == [EVENT, replace(EVENT, attempts=1, due=10.0)]
    assert rows(store) == []


def test_what_a_dead_process_left_runs_in_the_next_and_what_lives_is_left_alone(
    store: Store,
) -> None:
    seen: list[QueuedEvent] = []

    async def main() -> None:
        dead = queue(store)
        dead._owner = "4194304.1.not-this-boot"
        await dead.put(replace(EVENT, attempts=1))
        living = queue(store)
        await living.put(replace(EVENT, id="id-2"))
        done = asyncio.Event()

        async def attempt(event: QueuedEvent) -> Again | None:
            seen.append(event)
            done.set()
            return None

        await serving(queue(store), attempt, done)

    asyncio.run(main())
    assert seen == [replace(EVENT, attempts=1)]
    assert ("id-2", 0) in rows(store)


def test_what_is_cut_off_by_the_end_stays(store: Store) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def attempt(_event: QueuedEvent) -> Again | None:
            begun.set()
            await asyncio.sleep(60)
            return None

        made = queue(store)
        await made.put(EVENT)
        await serving(made, attempt, begun)

    asyncio.run(main())
    assert rows(store) == [("id-1", 0)]


def test_the_events_of_a_deleted_function_are_not_those_of_its_namesake(store: Store) -> None:
    keys = KeyRing(bytes(32), new_ring(0))
    insert = partial(state.insert_function, function=FUNCTION, keys=keys)
    seen: list[str] = []

    async def main() -> None:
        made = queue(store)
        store.write_now(insert)
        await made.put(replace(EVENT, id="old"))
        store.write_now(partial(state.delete_function, name="f"))
        store.write_now(insert)
        await made.put(replace(EVENT, id="new"))
        done = asyncio.Event()

        async def attempt(event: QueuedEvent) -> Again | None:
            seen.append(event.id)
            done.set()
            return None

        await serving(made, attempt, done)

    asyncio.run(main())
    assert seen == ["new"]


def test_a_function_fills_its_share_and_not_the_queue(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_FUNCTION_LIMIT", 2)
    monkeypatch.setattr(events, "_LIMIT", 3)
    monkeypatch.setattr(events, "_BYTES_LIMIT", 100)

    async def main() -> None:
        made = queue(store)
        await made.put(replace(EVENT, id="a"))
        await made.put(replace(EVENT, id="b"))
        with pytest.raises(QueueFullError):
            await made.put(replace(EVENT, id="c"))
        with pytest.raises(QueueFullError):
            await made.put(replace(EVENT, id="c", function="g", payload=bytes(99)))
        await made.put(replace(EVENT, id="c", function="g"))
        with pytest.raises(QueueFullError):
            await made.put(replace(EVENT, id="d", function="h"))

    asyncio.run(main())
    assert [row[0] for row in rows(store)] == ["a", "b", "c"]


def test_the_events_of_one_function_take_turns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []

    async def main() -> None:
        running = 0
        left = 60
        done = asyncio.Event()

        async def attempt(_event: QueuedEvent) -> Again | None:
            nonlocal running, left
            running += 1
            at_once.append(running)
            await asyncio.sleep(0)
            running -= 1
            left -= 1
            if not left:
                done.set()
            return None

        made = queue(store)
        for number in range(left):
            await made.put(replace(EVENT, id=f"{number:02}"))
        await serving(made, attempt, done, lambda _: 7)

    asyncio.run(main())
    assert max(at_once) == 7
