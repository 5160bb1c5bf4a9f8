"""The files of a trail: segments of chained lines, appended to by one process at a time.

A line is a JSON object whose last member is the SHA-256 of the line before, without its newline:
`{…,"previousHash":"…"}`. The first line of a segment names the last one of the segment before.
`head` says where the trail ends: the next writer's help, and the witness of lines that are missing.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

NO_HASH: Final = "0" * 64
_LINK: Final = b',"previousHash":"%s"}'
_HEAD_BYTES: Final = 160
_TAIL_BYTES: Final = 64 * 1024


class TrailError(Exception):
    """The trail cannot be written or read: what, and why."""


def _chained(entries: Sequence[bytes], previous: str) -> tuple[bytes, str]:
    """Entries, each a JSON object on one line, as the lines that follow the one with this hash;
    and the hash of the last."""
    pieces: list[bytes] = []
    for entry in entries:
        begun = entry[:-1]
        link = _LINK % previous.encode()
        digest = sha256(begun)
        digest.update(link)
        previous = digest.hexdigest()
        pieces += (begun, link, b"\n")
    return b"".join(pieces), previous


def link_of(line: bytes) -> str | None:
    """The hash that a line, without its newline, names as the one before; None if it names none."""
    start = len(line) - len(_LINK % NO_HASH.encode())
    if start < 1 or not (line[start:].startswith(b',"previousHash":"') and line.endswith(b'"}')):
        return None
    return line[-66:-2].decode("latin-1")


def hash_of(line: bytes) -> str:
    """The hash of a line without its newline."""
    return sha256(line).hexdigest()


def segment_path(directory: Path, number: int) -> Path:
    """Where the segment of this number is, counted from 1."""
    return directory / f"{number:08}.jsonl"


def segment_numbers(directory: Path) -> Sequence[int]:
    """The segments that are there, in order."""
    found = (path.stem for path in directory.glob("[0-9]*.jsonl"))
    return sorted(int(stem) for stem in found if stem.isdigit())


class Segments:
    """Appends to the newest segment of a directory, in turn with other processes.

    segment_bytes: a segment that has grown to this size is followed by a new one.
    """

    def __init__(self, directory: Path, segment_bytes: int) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        # The lock file is for other processes; threads of this one would pass it together.
        self._turn = threading.Lock()
        self._limit = segment_bytes
        self._lock = _open_private(directory / "lock", os.O_RDWR)
        self._head = _open_private(directory / "head", os.O_RDWR)
        self._number = 0
        self._file = -1

    def append(self, entries: Sequence[bytes]) -> None:
        """Append all of these entries or none, and return once they are on disk.

        Raises `OSError`; then nothing of them is in the trail, unless it was the disk that failed
        after they were written.
        """
        with self._turn:
            with self._alone():
                size, previous = self._find_end()
                if size >= self._limit:
                    self._open(self._number + 1)
                    size = 0
                text, previous = _chained(entries, previous)
                self._write(text, size)
                self._note_head(size + len(text), previous)
            # Other processes append meanwhile, and the disk syncs them together.
            os.fdatasync(self._file)

    def end(self) -> tuple[int, int]:
        """The number and size of the newest segment, whole lines alone."""
        with self._turn, self._alone():
            size, _ = self._find_end()
            return self._number, size

    def close(self) -> None:
        """Close the files; what was appended stays."""
        for descriptor in (self._file, self._head, self._lock):
            if descriptor >= 0:
                os.close(descriptor)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While every other process waits."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _find_end(self) -> tuple[int, str]:
        """The size of the newest segment, and the hash of the trail's last line."""
        number, size, previous = read_head(os.pread(self._head, _HEAD_BYTES, 0))
        # A segment that was removed is not written to any more, though it is still open.
        if number != self._number or self._file < 0 or not os.fstat(self._file).st_nlink:
            self._open(max(segment_numbers(self._directory), default=max(number, 1)))
        actual = os.fstat(self._file).st_size
        if (number, size) == (self._number, actual):
            return actual, previous
        return self._look_for_end(actual, (number, size, previous))

    def _look_for_end(self, size: int, head: tuple[int, int, str]) -> tuple[int, str]:
        # A process died while it wrote. What stands after the last newline was acknowledged to
        # nobody.
        whole, last = _last_line(self._file, size)
        if whole < size:
            os.ftruncate(self._file, whole)
        # INVARIANT: lines that are gone leave a gap that verification finds: what follows them
        # names the last of them.
        if head[:2] > (self._number, whole):
            return whole, head[2]
        if last is not None:
            return whole, hash_of(last)
        before = segment_path(self._directory, self._number - 1)
        if not before.exists():
            return whole, NO_HASH
        with before.open("rb") as file:
            _, last = _last_line(file.fileno(), before.stat().st_size)
        return whole, NO_HASH if last is None else hash_of(last)

    def _open(self, number: int) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        path = segment_path(self._directory, number)
        fresh = not path.exists()
        self._file = _open_private(path, os.O_RDWR | os.O_APPEND)
        self._number = number
        if fresh:
            _sync_directory(self._directory)

    def _write(self, text: bytes, size: int) -> None:
        try:
            written = 0
            while written < len(text):
                written += os.write(self._file, text[written:])
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def _note_head(self, size: int, previous: str) -> None:
        text = json.dumps({"segment": self._number, "size": size, "hash": previous})
        os.pwrite(self._head, text.encode().ljust(_HEAD_BYTES), 0)


def read_head(text: bytes) -> tuple[int, int, str]:
    """Segment, size and last hash as the head says; (0, 0, "") of one that says nothing."""
    try:
        said = json.loads(text)
        return int(said["segment"]), int(said["size"]), str(said["hash"])
    except (ValueError, KeyError, TypeError):
        return 0, 0, ""


def _last_line(descriptor: int, size: int) -> tuple[int, bytes | None]:
    """Where the last newline ends, and the line before it; None if there is no line."""
    tail, start = b"", size
    while start > 0 and tail.count(b"\n") < 2:
        step = min(start, _TAIL_BYTES)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    end = tail.rfind(b"\n")
    if end < 0:
        return 0, None
    begin = tail.rfind(b"\n", 0, end) + 1
    return start + end + 1, tail[begin:end]


def _open_private(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
