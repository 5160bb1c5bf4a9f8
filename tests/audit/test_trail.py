"""The trail on disk: chained, whole, durable before it says so, and honest about what it lost."""

import asyncio
import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from daypass.audit import Broken, Position, Trail, TrailError, Verified, last_lines, verify
from daypass.audit.reading import read_from


def entry(number: int, **further: Any) -> bytes:
    return json.dumps({"eventName": f"Event{number}", **further}).encode()


def lines_of(directory: Path) -> list[bytes]:
    return b"".join(path.read_bytes() for path in sorted(directory.glob("*.jsonl"))).splitlines()


def names_of(directory: Path) -> list[str]:
    return [json.loads(line)["eventName"] for line in lines_of(directory)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def trail(directory: Path) -> Iterator[Trail]:
    opened = Trail(directory)
    yield opened
    opened.close()


def verified(directory: Path, **further: Any) -> Verified:
    result = verify(directory, **further)
    assert isinstance(result, Verified), result
    return result


def broken(directory: Path, **further: Any) -> Broken:
    result = verify(directory, **further)
    assert isinstance(result, Broken), result
    return result


def test_each_line_carries_the_sha256_of_the_one_before(trail: Trail, directory: Path) -> None:
    async def write() -> None:
        for number in range(3):
            await trail.record(entry(number))

    asyncio.run(write())
    previous = "0" * 64
    for line in lines_of(directory):
        assert json.loads(line)["previousHash"] == previous
        previous = sha256(line).hexdigest()
    assert verified(directory) == Verified(3, 1, 1, previous)


def test_files_are_their_owners_alone(trail: Trail, directory: Path) -> None:
    trail.record_now(entry(1))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_those_who_wait_at_one_moment_share_one_sync(
    trail: Trail, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = []
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (syncs.append(1), sync(descriptor)))

    async def write() -> None:
        await asyncio.gather(*(trail.record(entry(number)) for number in range(50)))

    asyncio.run(write())
    assert len(lines_of(directory)) == 50
    assert len(syncs) < 5


def test_record_returns_after_the_sync(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    sync = os.fdatasync
    monkeypatch.setattr(
        os, "fdatasync", lambda descriptor: (order.append("synced"), sync(descriptor))
    )

    async def write() -> None:
        await trail.record(entry(1))
        order.append("told")

    asyncio.run(write())
    assert order == ["synced", "told"]


def test_segments_follow_one_another_and_the_chain_goes_on(directory: Path) -> None:
    trail = Trail(directory, segment_bytes=2_000)
    for number in range(60):
        trail.record_now(entry(number))
    trail.close()
    segments = sorted(directory.glob("*.jsonl"))
    assert len(segments) > 3
    assert all(path.stat().st_size < 2_200 for path in segments)
    assert verified(directory).lines == 60
    assert names_of(directory) == [f"Event{number}" for number in range(60)]


def test_older_segments_may_be_kept_elsewhere(directory: Path) -> None:
    trail = Trail(directory, segment_bytes=500)
    for number in range(20):
        trail.record_now(entry(number))
    trail.close()
    first, second, *_ = sorted(directory.glob("*.jsonl"))
    first.unlink()
    assert verified(directory).first == 2
    sorted(directory.glob("*.jsonl"))[1].unlink()
    assert "missing" in broken(directory).why
    assert second.exists()


def test_two_processes_write_one_chain(directory: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from daypass.audit import Trail\n"
        "trail = Trail(Path(sys.argv[1]), segment_bytes=3000)\n"
        "for number in range(40):\n"
        '    trail.record_now(b\'{"eventName":"%s-%d"}\' % (sys.argv[2].encode(), number))\n'
        "trail.close()\n"
    )
    directory.mkdir()
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(directory), name]) for name in "abc"
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert verified(directory).lines == 120
    names = names_of(directory)
    for name in "abc":
        own = [each for each in names if each.startswith(name)]
        assert own == [f"{name}-{number}" for number in range(40)]


# -- what is broken ----------------------------------------------------------------------------


@pytest.fixture
def written(directory: Path) -> Path:
    trail = Trail(directory)
    for number in range(1, 11):
        trail.record_now(entry(number))
    trail.close()
    return directory / "00000001.jsonl"


def rewrite(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_changed_line_is_named(written: Path) -> None:
    lines = written.read_bytes().splitlines()
    lines[4] = lines[4].replace(b"Event5", b"EventX")
    rewrite(written, lines)
    found = broken(written.parent)
    assert (found.path, found.line) == (written, 5)


def test_changed_last_line_is_named(written: Path) -> None:
    lines = written.read_bytes().splitlines()
    lines[9] = lines[9].replace(b"Event10", b"Event1X")
    rewrite(written, lines)
    assert broken(written.parent).line == 10


@pytest.mark.parametrize("gone", range(10))
def test_removed_line_is_noticed(written: Path, gone: int) -> None:
    lines = written.read_bytes().splitlines()
    del lines[gone]
    rewrite(written, lines)
    assert broken(written.parent).line in {gone, gone + 1}


def test_swapped_lines_are_noticed(written: Path) -> None:
    lines = written.read_bytes().splitlines()
    lines[2], lines[3] = lines[3], lines[2]
    rewrite(written, lines)
    assert broken(written.parent).line == 2


def test_inserted_line_is_noticed(written: Path) -> None:
    lines = written.read_bytes().splitlines()
    lines.insert(5, lines[5])
    rewrite(written, lines)
    assert broken(written.parent).line == 6


def test_cut_end_is_noticed_before_and_after_the_server_writes_on(written: Path) -> None:
    rewrite(written, written.read_bytes().splitlines()[:7])
    assert "missing" in broken(written.parent).why
    trail = Trail(written.parent)
    trail.record_now(entry(11))
    trail.close()
    assert broken(written.parent).line == 7


def test_removed_trail_does_not_begin_anew_unseen(directory: Path) -> None:
    trail = Trail(directory)
    trail.record_now(entry(1))
    (directory / "00000001.jsonl").unlink()
    trail.record_now(entry(2))
    trail.close()
    assert names_of(directory) == ["Event2"]
    assert broken(directory).line == 1


def test_new_chain_in_place_of_the_old_is_noticed_by_a_hash_kept_elsewhere(written: Path) -> None:
    kept = verified(written.parent).last_hash
    assert verified(written.parent, holds=kept).lines == 10
    for path in written.parent.iterdir():
        path.unlink()
    forger = Trail(written.parent)
    forger.record_now(entry(1))
    forger.close()
    assert verified(written.parent).lines == 1
    assert broken(written.parent, holds=kept)


@pytest.mark.parametrize("line", [b"", b"{}", b"not json", b'{"previousHash":"0"}', b"\xff\xfe"])
def test_line_that_is_no_event_is_named(written: Path, line: bytes) -> None:
    lines = written.read_bytes().splitlines()
    lines[3] = line
    rewrite(written, lines)
    assert broken(written.parent).line in {3, 4}


def test_torn_line_of_a_writer_that_died_is_cut_off(written: Path) -> None:
    with written.open("ab") as file:
        file.write(b'{"eventName":"Torn"')
    assert verified(written.parent).lines == 10
    trail = Trail(written.parent)
    trail.record_now(entry(11))
    trail.close()
    assert verified(written.parent).lines == 11
    assert names_of(written.parent)[-1] == "Event11"


def test_writer_that_died_before_it_noted_the_end_is_followed(written: Path) -> None:
    head = written.parent / "head"
    before = head.read_bytes()
    trail = Trail(written.parent)
    trail.record_now(entry(11))
    trail.close()
    head.write_bytes(before)
    trail = Trail(written.parent)
    trail.record_now(entry(12))
    trail.close()
    assert verified(written.parent).lines == 12
    head.unlink()
    trail = Trail(written.parent)
    trail.record_now(entry(13))
    trail.close()
    assert verified(written.parent).lines == 13


# -- a disk that fails -------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """While its element is true, the beginning of each batch of lines still fits on the disk."""
    full = [True]
    write = os.write

    def write_half(descriptor: int, text: bytes) -> int:
        if not full[0]:
            return write(descriptor, text)
        if text.startswith(b"{"):
            return write(descriptor, text[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write_half)
    yield full
    full[0] = False


def test_what_cannot_be_written_is_said_and_leaves_nothing_behind(
    trail: Trail, directory: Path, full_disk: list[bool]
) -> None:
    full_disk[0] = False
    trail.record_now(entry(1))
    full_disk[0] = True

    async def refused() -> None:
        with pytest.raises(TrailError, match="No space left on device"):
            await trail.record(entry(2))
        with pytest.raises(TrailError):
            await trail.writable()
        full_disk[0] = False
        await trail.writable()
        await trail.record(entry(3))

    asyncio.run(refused())
    assert names_of(directory) == ["Event1", "TrailResumed", "Event3"]
    assert verified(directory).lines == 3


def test_events_noted_while_the_disk_is_full_are_kept_and_those_beyond_are_counted(
    directory: Path, full_disk: list[bool]
) -> None:
    trail = Trail(directory, noted_kept=5)

    async def write() -> None:
        for number in range(8):
            trail.note(entry(number))
        await trail.flush()
        assert trail.lost == 3
        full_disk[0] = False
        await trail.flush()

    asyncio.run(write())
    trail.close()
    assert [
        name for name in names_of(directory) if name.startswith("Event") and name[5:].isdigit()
    ] == [f"Event{number}" for number in range(5)]
    losses = [json.loads(line) for line in lines_of(directory) if b"EventsLost" in line]
    assert sum(one["serviceEventDetails"]["count"] for one in losses) == 3


def test_events_that_wait_are_bounded_in_bytes_too(directory: Path) -> None:
    trail = Trail(directory)
    for number in range(100):
        trail.note(entry(number, text="x" * 1_000_000))
    assert 0 < 100 - trail.lost < 20
    asyncio.run(trail.flush())
    trail.note(entry(100))
    lost = trail.lost
    trail.close()
    assert len([name for name in names_of(directory) if name.startswith("Event")]) == 100 - lost + 2


def test_a_flush_ends_though_more_is_noted_meanwhile(directory: Path, trail: Trail) -> None:
    async def note_on() -> None:
        while True:
            trail.note(entry(2))
            await asyncio.sleep(0)

    async def flush() -> None:
        trail.note(entry(1))
        noting = asyncio.create_task(note_on())
        await asyncio.sleep(0)
        await asyncio.wait_for(trail.flush(), 20)
        noting.cancel()

    asyncio.run(flush())
    assert names_of(directory)[0] == "Event1"


def test_noted_events_go_with_the_next_that_is_recorded(trail: Trail, directory: Path) -> None:
    async def write() -> None:
        trail.note(entry(1))
        await trail.record(entry(2))

    asyncio.run(write())
    assert sorted(names_of(directory)) == ["Event1", "Event2"]


def test_closing_writes_what_is_noted(directory: Path) -> None:
    trail = Trail(directory)
    trail.note(entry(1))
    trail.close()
    assert names_of(directory) == ["Event1"]


def test_one_who_stops_waiting_takes_nothing_from_the_others(trail: Trail, directory: Path) -> None:
    async def write() -> None:
        tasks = [asyncio.create_task(trail.record(entry(number))) for number in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results].count(asyncio.CancelledError) == 1

    asyncio.run(write())
    assert len(names_of(directory)) == 5


# -- reading -----------------------------------------------------------------------------------


def test_reading_in_pieces_gives_every_line_once(directory: Path) -> None:
    trail = Trail(directory, segment_bytes=700)
    for number in range(30):
        trail.record_now(entry(number))
    end = trail.end()
    trail.record_now(entry(30))
    trail.close()
    found: list[bytes] = []
    at = Position()
    while True:
        lines, at = read_from(directory, at, end, 300)
        if not lines:
            break
        found += lines
    assert [json.loads(line)["eventName"] for line in found] == [f"Event{n}" for n in range(30)]
    assert at == end


@pytest.mark.parametrize("count", [1, 3, 17, 30, 99])
def test_last_lines(directory: Path, count: int) -> None:
    trail = Trail(directory, segment_bytes=700)
    for number in range(30):
        trail.record_now(entry(number))
    end = trail.end()
    trail.close()
    lines, at = last_lines(directory, count)
    expected = [f"Event{number}" for number in range(30)][-count:]
    assert [json.loads(line)["eventName"] for line in lines] == expected
    assert at == end
