"""Blobs as plain files: `kind/aa/bb/<id>`, written aside, synced, and renamed into place."""

import asyncio
import os
import random
import re
import time
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import TypeVar

from daypass.blobs.digests import new_digest
from daypass.blobs.store import Blob, BlobMissingError, BlobStream

T = TypeVar("T")

# Pieces from the network are handed to a thread together, so that hashing and writing block the
# event loop never, and the hand-over (about 60 µs) is paid once for many pieces.
_WRITE_BYTES = 512 * 1024
_READ_BYTES = 512 * 1024
_BATCH = 500
# A writer that has written nothing for so long is dead; its temporary file is litter.
_ABANDONED_SECONDS = 3600.0
_ID = re.compile(r"([a-z]{1,16})-([0-9a-f]{32})")
_KIND = re.compile(r"[a-z]{1,16}")


class FileBlobs:
    """Blobs in a directory of their own, mode 0700; the files have mode 0600."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._temporary = directory / "incoming"
        for needed in (directory, self._temporary):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def put(
        self, pieces: AsyncIterable[bytes], digests: Sequence[str] = (), *, kind: str = "code"
    ) -> Blob:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"A kind of blob is a short lower-case word, not {kind!r}.")
        blob_id = f"{kind}-{uuid.uuid4().hex}"
        target = self._path(blob_id)
        incoming = _Incoming(self._temporary / blob_id, digests)
        try:
            async for batch in _batched(pieces, _WRITE_BYTES):
                await _uninterrupted(incoming.write, batch)
            await _uninterrupted(incoming.move_to, target)
        except BaseException:
            # INVARIANT: whatever ends the stream (a client gone, a wrong checksum, a cancelled
            # task) leaves no file. No thread is using it any more: `_uninterrupted` waited.
            incoming.discard()
            target.unlink(missing_ok=True)
            raise
        return incoming.blob(blob_id)

    async def open(self, blob_id: str, start: int = 0, size: int | None = None) -> BlobStream:
        path = self._path(blob_id)
        try:
            file = await asyncio.to_thread(FileIO, path)
        except FileNotFoundError:
            raise BlobMissingError(blob_id) from None
        return _FileStream(file, start, size)

    async def delete(self, blob_ids: Iterable[str]) -> None:
        paths = [self._path(blob_id) for blob_id in blob_ids]
        if paths:
            await asyncio.to_thread(_unlink, paths)

    async def exists(self, blob_id: str) -> bool:
        return await asyncio.to_thread(self._path(blob_id).exists)

    async def put_before(self, kind: str, moment: float) -> AsyncIterator[Sequence[str]]:
        await asyncio.to_thread(_sweep, self._temporary, time.time() - _ABANDONED_SECONDS)
        batches = _batches_before(self._directory / kind, kind, moment)
        while batch := await asyncio.to_thread(next, batches, None):
            yield batch

    def _path(self, blob_id: str) -> Path:
        match = _ID.fullmatch(blob_id)
        if match is None:
            raise BlobMissingError(blob_id)
        kind, name = match.groups()
        return self._directory / kind / name[:2] / name[2:4] / name


class _Incoming:
    """A blob on its way in: a temporary file, its size, and its digests so far."""

    __slots__ = ("_digests", "_file", "_path", "_size")

    def __init__(self, path: Path, digests: Sequence[str]) -> None:
        self._path = path
        self._digests = {name: new_digest(name) for name in digests}
        self._size = 0
        self._file = open(path, "xb", opener=_private)  # noqa: SIM115 - closed by move_to or discard

    def write(self, data: bytes) -> None:
        for digest in self._digests.values():
            digest.update(data)
        self._file.write(data)
        self._size += len(data)

    def move_to(self, target: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _make_directory(target.parent, 3)
        self._path.rename(target)
        _sync_directory(target.parent)

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def blob(self, blob_id: str) -> Blob:
        digests = {name: digest.digest() for name, digest in self._digests.items()}
        return Blob(blob_id, self._size, digests)


class _FileStream:
    """A range of a file. The file is open from the start, so deleting the blob changes nothing."""

    __slots__ = ("_end", "_file", "_position")

    def __init__(self, file: FileIO, start: int, size: int | None) -> None:
        self._file = file
        self._position = start
        self._end = None if size is None else start + size

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        wanted = _READ_BYTES
        if self._end is not None:
            wanted = min(wanted, self._end - self._position)
        if wanted > 0:
            piece = await _uninterrupted(os.pread, self._file.fileno(), wanted, self._position)
            if piece:
                self._position += len(piece)
                return piece
        self._file.close()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._file.close()


async def _batched(pieces: AsyncIterable[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least `size`, the last one apart."""
    held: list[bytes] = []
    length = 0
    async for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


async def _uninterrupted(function: Callable[..., T], *arguments: object) -> T:
    """`function` in a thread, waited for even when this task is cancelled.

    A descriptor closed under a thread that uses it may by then be another file's.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _make_directory(directory: Path, levels: int) -> None:
    """Create `directory` and up to `levels` - 1 above it, each durable in the one above."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        if levels <= 1:
            raise
        _make_directory(directory.parent, levels - 1)
        directory.mkdir(mode=0o700, exist_ok=True)
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _sweep(directory: Path, moment: float) -> None:
    """Remove the files not written to since `moment`."""
    for entry in os.scandir(directory):
        if entry.stat().st_mtime < moment:
            Path(entry.path).unlink(missing_ok=True)


def _batches_before(directory: Path, kind: str, moment: float) -> Iterator[list[str]]:
    batch: list[str] = []
    for entry in _files(directory):
        try:
            old = entry.stat().st_ctime < moment
        except FileNotFoundError:
            continue
        if old:
            batch.append(f"{kind}-{entry.name}")
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _files(directory: Path) -> Iterator[os.DirEntry[str]]:
    for first in _from_anywhere(directory):
        for second in _from_anywhere(Path(first.path)):
            yield from os.scandir(second.path)


def _from_anywhere(directory: Path) -> list[os.DirEntry[str]]:
    """The directory's entries in order, from a random one on and round."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    start = random.randrange(len(entries)) if entries else 0  # noqa: S311 - no secret
    return entries[start:] + entries[:start]
