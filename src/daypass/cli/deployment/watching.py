"""Noticing that a file changed, by looking: that sees what every editor does, on every system."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from daypass.cli.deployment.packing import source_files
from daypass.cli.failure import Failure

# Seconds between looks; a change is taken when the next look finds no further one.
_PAUSE: Final = 0.3
_Seen = dict[Path, tuple[int, int]]


def changes(sources: Sequence[Path]) -> Iterator[list[Path]]:
    """The files that changed, came or went, each time some did. Does not end."""
    seen = _look(sources)
    while True:
        time.sleep(_PAUSE)
        found = _look(sources)
        if found == seen:
            continue
        while (settled := _look_again(sources)) != found:
            found = settled
        names = seen.keys() | found.keys()
        changed = sorted(path for path in names if seen.get(path) != found.get(path))
        seen = found
        yield changed


def _look_again(sources: Sequence[Path]) -> _Seen:
    time.sleep(_PAUSE)
    return _look(sources)


def _look(sources: Sequence[Path]) -> _Seen:
    found: _Seen = {}
    for source in sources:
        try:
            files = source_files(source)
        except (OSError, Failure):  # it is being changed, or led out: deploying says so
            continue
        for path in files:
            try:
                status = path.stat()
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found
