"""The store: group commit, isolation of a failing write, other processes, durability."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, Text, event, insert, select

from daypass.store import engine as engine_module
from daypass.store.engine import Store, Transaction, open_store

DEADLINE_SECONDS = 30

numbers = Table("test_numbers", MetaData(), Column("id", Text, primary_key=True))


def open_with_numbers(directory: Path) -> Store:
    opened = open_store(directory)
    opened.write_now(lambda t: numbers.create(t.connection, checkfirst=True))
    return opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_with_numbers(tmp_path)
    yield opened
    opened.close()


class Numbers:
    """A cache of the numbers, which notes how it was loaded."""

    kinds = ("number",)

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.loaded_whole = 0
        self.reloaded: list[Sequence[str]] = []

    def load(self, connection: Connection) -> None:
        self.loaded_whole += 1
        self.held = set(connection.execute(select(numbers.c.id)).scalars())

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:
        self.reloaded.append(list(keys))
        found = select(numbers.c.id).where(numbers.c.id.in_(keys))
        self.held = (self.held - set(keys)) | set(connection.execute(found).scalars())


def add(transaction: Transaction, number: int) -> int:
    transaction.connection.execute(insert(numbers).values(id=str(number)))
    transaction.changed("number", str(number))
    return number


def stored(store: Store) -> set[int]:
    return {int(each) for each in store.reader.execute(select(numbers.c.id)).scalars()}


async def write_together(store: Store, changes: Sequence) -> list:
    """Put all of these in the queue while the writer is busy, so that they are one batch."""
    started, released = threading.Event(), threading.Event()

    def keep_busy(_: Transaction) -> None:
        started.set()
        assert released.wait(DEADLINE_SECONDS)

    busy = asyncio.ensure_future(store.write(keep_busy))
    await asyncio.to_thread(started.wait, DEADLINE_SECONDS)
    waiting = [asyncio.ensure_future(store.write(change)) for change in changes]
    await asyncio.sleep(0)
    released.set()
    await busy
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_writes_that_wait_at_one_moment_are_committed_together(store):
    commits = []
    event.listen(store._engine, "commit", commits.append)
    changes = [lambda t, n=number: add(t, n) for number in range(100)]
    results = await write_together(store, changes)
    assert results == list(range(100))
    assert stored(store) == set(range(100))
    # One for the write that kept the writer busy, one for the hundred.
    assert len(commits) == 2


async def test_a_failing_write_takes_nothing_of_its_batch_with_it(store):
    cache = Numbers()
    store.keep(cache)

    def fail(transaction: Transaction) -> None:
        add(transaction, 1000)
        raise LookupError("no")

    def violate(transaction: Transaction) -> None:
        add(transaction, 1001)
        add(transaction, 1)

    first, failed, violated, last = await write_together(
        store, [lambda t: add(t, 1), fail, violate, lambda t: add(t, 2)]
    )
    assert (first, last) == (1, 2)
    assert isinstance(failed, LookupError)
    assert "UNIQUE" in str(violated)
    assert stored(store) == {1, 2}
    store.refresh()
    assert cache.held == {"1", "2"}
    assert cache.reloaded == [["1", "2"]]


def test_a_write_without_a_loop_returns_and_raises_what_the_change_does(store):
    assert store.write_now(lambda t: add(t, 7)) == 7
    with pytest.raises(ZeroDivisionError):
        store.write_now(lambda _: 1 // 0)
    assert stored(store) == {7}


def test_a_cache_loads_only_what_changed(store):
    store.write_now(lambda t: add(t, 1))
    cache = Numbers()
    store.keep(cache)
    store.write_now(lambda t: add(t, 2))
    store.write_now(lambda t: add(t, 3))
    store.write_now(lambda t: t.changed("of another kind", "4"))
    store.refresh()
    store.refresh()
    assert cache.held == {"1", "2", "3"}
    assert (cache.loaded_whole, cache.reloaded) == (1, [["2", "3"]])


def test_who_is_further_behind_than_the_log_loads_everything(store, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "CHANGES_KEPT", 5)
    cache = Numbers()
    store.keep(cache)
    other = open_store(tmp_path)
    other.write_now(lambda t: [add(t, number) for number in range(1005)])
    other.close()
    store.refresh()
    assert len(cache.held) == 1005
    assert (cache.loaded_whole, cache.reloaded) == (2, [])


def test_a_lost_counter_file_is_made_up_for_at_the_next_start(tmp_path):
    opened = open_with_numbers(tmp_path)
    opened.write_now(lambda t: add(t, 1))
    opened.close()
    (tmp_path / "generation").unlink()
    opened = open_store(tmp_path)
    cache = Numbers()
    opened.keep(cache)
    opened.write_now(lambda t: add(t, 2))
    opened.refresh()
    assert cache.held == {"1", "2"}
    opened.close()


OTHER_PROCESS = """
import sys
from pathlib import Path
from daypass.store.engine import open_store
from tests.store.test_engine import Numbers, add

directory, mode = Path(sys.argv[1]), sys.argv[2]
store = open_store(directory)
if mode == "read":
    cache = Numbers()
    store.keep(cache)
    print("ready", flush=True)
    for line in sys.stdin:
        store.refresh()
        print(",".join(sorted(cache.held)), flush=True)
    store.close()
else:
    print("ready", flush=True)
    number = 0
    while True:
        print(store.write_now(lambda t: add(t, number)), flush=True)
        number += 1
"""


def start_other_process(directory: Path, mode: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(directory), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_another_process_sees_a_change_at_its_next_refresh(store, tmp_path):
    with start_other_process(tmp_path, "read") as process:
        for number in (1, 2, 3):
            store.write_now(lambda t, n=number: add(t, n))
            process.stdin.write("show\n")
            process.stdin.flush()
            expected = ",".join(str(each) for each in range(1, number + 1))
            assert process.stdout.readline() == expected + "\n"
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0


def test_killed_while_writing_a_process_loses_nothing_it_acknowledged(tmp_path):
    open_with_numbers(tmp_path).close()
    with start_other_process(tmp_path, "write") as process:
        acknowledged = {int(process.stdout.readline()) for _ in range(50)}
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
    # The last line may be cut short: then nobody was told that number.
    acknowledged |= {int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")}
    opened = open_store(tmp_path)
    found = stored(opened)
    assert acknowledged <= found
    assert found == set(range(len(found)))
    # The dead process left no lock behind.
    assert opened.write_now(lambda t: add(t, len(found))) == len(found)
    opened.close()
