import asyncio
import hashlib
import os
import stat
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daypass.blobs import BlobMissingError, FileBlobs, collect_orphans


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def content(blobs: FileBlobs, blob_id: str, start: int = 0, size: int | None = None) -> bytes:
    stream = await blobs.open(blob_id, start, size)
    return b"".join([piece async for piece in stream])


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


async def test_what_was_put_is_read_back_whole_and_in_ranges(blobs: FileBlobs) -> None:
    data = os.urandom(1_300_000)
    blob = await blobs.put(pieces(data[:7], data[7:900_000], data[900_000:]), kind="objects")
    assert blob.size == len(data)
    assert await content(blobs, blob.id) == data
    assert await content(blobs, blob.id, 5, 10) == data[5:15]
    assert await content(blobs, blob.id, len(data) - 3) == data[-3:]
    assert await content(blobs, blob.id, 600_000, 600_000) == data[600_000:1_200_000]


async def test_digests_are_those_of_the_bytes(blobs: FileBlobs) -> None:
    data = os.urandom(700_000)
    blob = await blobs.put(pieces(data[:1], data[1:]), ["md5", "sha256", "crc32"])
    assert blob.digests == {
        "md5": hashlib.md5(data).digest(),
        "sha256": hashlib.sha256(data).digest(),
        "crc32": zlib.crc32(data).to_bytes(4, "big"),
    }


async def test_an_empty_stream_is_an_empty_blob(blobs: FileBlobs) -> None:
    blob = await blobs.put(pieces())
    assert blob.size == 0
    assert await content(blobs, blob.id) == b""


async def test_nobody_else_on_the_machine_can_read_a_blob(blobs: FileBlobs, tmp_path: Path) -> None:
    await blobs.put(pieces(b"secret"))
    for path in (tmp_path / "blobs").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_a_stream_that_breaks_leaves_no_file(blobs: FileBlobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield os.urandom(600_000)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(broken())
    assert files(tmp_path) == []


async def test_a_cancelled_put_leaves_no_file(blobs: FileBlobs, tmp_path: Path) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(600_000)
            started.set()
            await asyncio.sleep(0)

    putting = asyncio.create_task(blobs.put(endless()))
    await started.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert files(tmp_path) == []


async def test_deleting_is_final_and_repeatable(blobs: FileBlobs) -> None:
    blob = await blobs.put(pieces(b"x"))
    assert await blobs.exists(blob.id)
    await blobs.delete([blob.id])
    await blobs.delete([blob.id])
    assert not await blobs.exists(blob.id)
    with pytest.raises(BlobMissingError):
        await blobs.open(blob.id)


async def test_an_open_stream_outlives_its_blob(blobs: FileBlobs) -> None:
    data = os.urandom(1_200_000)
    blob = await blobs.put(pieces(data))
    stream = await blobs.open(blob.id)
    first = await anext(stream)
    await blobs.delete([blob.id])
    assert first + b"".join([piece async for piece in stream]) == data


@pytest.mark.parametrize(
    "blob_id",
    ["../master.key", "objects-../../x", "objects-" + "g" * 32, "", "objects-" + "a" * 31],
)
async def test_no_id_reaches_another_file(blobs: FileBlobs, blob_id: str) -> None:
    with pytest.raises(BlobMissingError):
        await blobs.open(blob_id)


async def test_orphans_of_one_kind_are_deleted_and_claimed_ones_stay(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await blobs.put(pieces(b"1"), kind="objects")
    orphan = await blobs.put(pieces(b"2"), kind="objects")
    code = await blobs.put(pieces(b"3"), kind="code")
    monkeypatch.setattr("daypass.blobs.orphans._AGE_SECONDS", -10.0)
    assert await collect_orphans(blobs, "objects", lambda ids: {kept.id} & set(ids)) == 1
    assert await blobs.exists(kept.id)
    assert await blobs.exists(code.id)
    assert not await blobs.exists(orphan.id)


async def test_what_was_put_lately_is_no_orphan_yet(blobs: FileBlobs) -> None:
    blob = await blobs.put(pieces(b"1"), kind="objects")
    assert await collect_orphans(blobs, "objects", lambda _: set()) == 0
    assert await blobs.exists(blob.id)


async def test_abandoned_temporary_files_are_swept(blobs: FileBlobs, tmp_path: Path) -> None:
    litter = tmp_path / "blobs" / "incoming" / "objects-dead"
    litter.write_bytes(b"half")
    os.utime(litter, (0, 0))
    fresh = tmp_path / "blobs" / "incoming" / "objects-alive"
    fresh.write_bytes(b"half")
    await collect_orphans(blobs, "objects", lambda _: set())
    assert not litter.exists()
    assert fresh.exists()
