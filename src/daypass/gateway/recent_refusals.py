"""The last requests that were refused, by request id, for whoever may ask why.

Every process of the node writes a file of its own and reads those of all. They are bounded, not
synchronised to disk, and forgotten oldest first: the audit trail is what lasts.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

# Bytes of a process's newest file and of the one before it: some 4,000 refusals.
_LARGEST: Final = 4 * 1024 * 1024
# Files kept of processes that have ended.
_FILES: Final = 16
# Explanations at length in a second; each takes up to a millisecond, and good requests wait.
_DETAILS: Final = 50
# Characters of an explanation.
_LONGEST: Final = 16 * 1024


class RecentRefusals:
    """Notes refusals in one process of the node, and finds those of all."""

    def __init__(
        self,
        directory: Path,
        largest: int = _LARGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._path = directory / f"{os.getpid()}.jsonl"
        self._largest = largest
        self._file: IO[bytes] | None = None
        self._clock = clock
        self._second = 0
        self._details_left = 0

    def takes_detail(self) -> bool:
        """Whether a refusal is to be explained at length; few of a flood are."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._details_left = second, _DETAILS
        self._details_left -= 1
        return self._details_left >= 0

    def note(self, record: Mapping[str, Any]) -> None:
        """Keep a record, whose RequestId it is found by. Raises nothing: that a disk is full is
        said where it matters."""
        short = {
            name: value[:_LONGEST] if isinstance(value, str) else value
            for name, value in record.items()
            if value not in ("", None)
        }
        with suppress(OSError):
            file = self._file or self._open()
            file.write(json.dumps(short, separators=(",", ":")).encode() + b"\n")
            if file.tell() > self._largest:
                file.close()
                self._file = None
                self._path.replace(self._path.with_suffix(".older"))

    def find(self, request_id: str) -> dict[str, Any] | None:
        """The record of a request, None if there is none or it is forgotten. Reads files."""
        wanted = f'"RequestId":"{request_id}"'.encode()
        for path in self._files():
            with suppress(OSError):
                content = path.read_bytes()
                at = content.find(wanted)
                if at < 0:
                    continue
                start = content.rfind(b"\n", 0, at) + 1
                end = content.find(b"\n", at)
                if end > 0:
                    record: dict[str, Any] = json.loads(content[start:end])
                    return record
        return None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for path in self._files()[_FILES - 1 :]:
            path.unlink(missing_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Unbuffered: another process is asked for it in the next moment.
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        return self._file

    def _files(self) -> list[Path]:
        """The newest first."""
        found = []
        with suppress(OSError):
            for path in self._directory.iterdir():
                with suppress(OSError):
                    found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]
