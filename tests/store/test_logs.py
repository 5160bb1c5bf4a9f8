"""The store of logs is bounded, and what is past its time goes."""

import asyncio
import random
from pathlib import Path

import pytest

from daypass.store.logs import (
    Batch,
    LogQueue,
    LogStore,
    NoSuchGroupError,
    NoSuchStreamError,
    Permit,
    Selection,
)

DAY = 86_400_000
NOW = 1_800_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs.db", group_bytes=100_000, total_bytes=150_000)


def put(store: LogStore, group: str, events: list[tuple[int, str]], now: int = NOW) -> None:
    store.put([Batch(group, "s", events, makes_stream=True, makes_group=True)], now)


def messages(store: LogStore, group: str, now: int = NOW) -> list[str]:
    return [event.message for event in store.select(Selection(group), now, 100_000)]


def test_a_group_keeps_its_newest_events(store):
    for number in range(30):
        put(store, "g", [(NOW + number, f"{number:03}" * 3_000)])
        assert store.group("g").bytes <= 100_000
    kept = messages(store, "g")
    assert 5 < len(kept) < 30
    assert [text[:3] for text in kept] == [f"{n:03}" for n in range(30 - len(kept), 30)]


def test_all_groups_together_are_bounded_and_the_largest_gives(store):
    for group in ("a", "b"):
        for number in range(10):
            put(store, group, [(NOW + number, "x" * 9_000)])
    put(store, "small", [(NOW, "kept")])
    store.tidy(NOW)
    found = store.groups(prefix="", pattern="", after="", limit=10)
    assert sum(group.bytes for group in found) <= 150_000
    assert messages(store, "small") == ["kept"]


def test_what_is_past_its_retention_is_deleted(store):
    put(store, "g", [(NOW - 2 * DAY, "old"), (NOW, "new")])
    store.set_retention("g", 1)
    before = store.group("g").bytes
    store.tidy(NOW)
    assert store.group("g").bytes < before
    store.set_retention("g", None)
    assert messages(store, "g") == ["new"]


def test_a_stream_that_was_emptied_goes_and_one_never_written_stays(store):
    store.create_group("g", NOW, {})
    store.create_stream("g", "new", NOW)
    put(store, "g", [(NOW, "x")])
    store.set_retention("g", 1)
    store.tidy(NOW + 3 * DAY)
    found = store.streams("g", prefix="", newest=False, descending=False, offset=0, limit=9)
    assert [stream.name for stream in found] == ["new"]


def test_a_batch_that_fails_leaves_nothing(store):
    store.create_group("g", NOW, {})
    good = Batch("g", "s", [(NOW, "x")], makes_stream=True)
    for bad, error in (
        (Batch("g", "missing", [(NOW, "x")]), NoSuchStreamError),
        (Batch("missing", "s", [(NOW, "x")], makes_stream=True), NoSuchGroupError),
    ):
        with pytest.raises(error):
            store.put([good, bad], NOW)
    assert messages(store, "g") == []


def test_deleting_a_group_deletes_all_of_it(store):
    put(store, "g", [(NOW, "x")])
    store.delete_group("g")
    put(store, "g", [(NOW, "y")])
    assert messages(store, "g") == ["y"]
    store.delete_stream("g", "s")
    assert store.group("g").bytes == 0


def test_bytes_are_counted_as_they_come_and_go(tmp_path):
    store = LogStore(tmp_path / "logs.db")
    chance = random.Random(1)
    for number in range(20):
        text = "ä" * chance.randrange(100)
        put(store, "g", [(NOW - chance.randrange(3) * DAY + number, text)] * chance.randrange(1, 5))
    store.set_retention("g", 1)
    store.tidy(NOW)
    left = store.select(Selection("g"), NOW, 1_000)
    per_event = [len(event.message.encode()) + 100 for event in left]
    assert store.group("g").bytes == sum(per_event)


async def test_the_queue_takes_a_share_and_counts_the_rest(store):
    queue = LogQueue(store, lambda: NOW / 1000)
    chatty = queue.stream("g", "chatty", lambda: Permit(put=True, make_group=True))
    other = queue.stream("g", "other", lambda: Permit(put=True, make_group=True))
    for number in range(3_000):
        chatty.write([f"{number}\n"])
    assert chatty.full()
    other.write(["heard\n"])
    await queue.flush()
    kept = messages(store, "g")
    assert "heard\n" in kept
    assert "999\n" in kept
    assert "1000\n" not in kept
    assert [text.split()[:2] for text in kept if "DROPPED" in text] == [["DAYPASS_DROPPED", "2000"]]
    chatty.write(["again\n"])
    await queue.flush()
    assert "again\n" in messages(store, "g")


async def test_who_may_not_put_is_not_kept(store):
    queue = LogQueue(store, lambda: NOW / 1000)
    refused = queue.stream("g", "s", lambda: Permit(put=False, make_group=False))
    refused.write(["secret\n"])
    no_group = queue.stream("h", "s", lambda: Permit(put=True, make_group=False))
    no_group.write(["lost\n"])
    await queue.flush()
    for group in ("g", "h"):
        with pytest.raises(NoSuchGroupError):
            store.group(group)


async def test_a_store_that_fails_stops_nobody(store, tmp_path):
    queue = LogQueue(store, lambda: NOW / 1000)
    stream = queue.stream("g", "s", lambda: Permit(put=True, make_group=True))
    store.close()
    (tmp_path / "logs.db").write_bytes(b"not a database" * 1000)
    stream.write(["x\n"])
    await queue.flush()
    flushing = asyncio.get_running_loop().create_task(queue.keep_flushing())
    stream.write(["y\n"])
    await asyncio.sleep(0.05)
    assert not flushing.done()
    flushing.cancel()
