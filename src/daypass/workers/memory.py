"""How much memory an environment uses: all its processes, wherever they went."""

import os
from collections.abc import Iterator
from typing import Final

from daypass.workers.cgroups import Cgroup

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PIECE: Final = 4096
# Processes looked at; an environment may have no more.
_MOST: Final = 1024


class Meter:
    """The memory of one environment, measured now and then. limit: bytes.

    group: its control groups, if it has any.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.group: Cgroup | None = None
        self._peak = 0
        self._exceeded = False

    def sample(self, pid: int | None, first: int | None) -> bool:
        """Measure; whether it uses more than it may. pid, first: as for `measure`."""
        held = self.group.memory() if self.group is not None else None
        if held is None:
            held = measure(pid, first) if pid is not None else 0
        self._peak = max(self._peak, held)
        self._exceeded = self._exceeded or held > self._limit
        return self._exceeded

    def most(self, pid: int | None) -> int:
        """The most it has used, in MB, and no more than it may. pid: its main process."""
        self._peak = max(self._peak, peak(pid))
        return min(self._peak, self._limit) // (1024 * 1024)

    def out_of_memory(self) -> bool:
        """Whether it used more than it may, or the kernel killed for that."""
        if self._exceeded or (self.group is not None and self.group.out_of_memory()):
            self._peak = max(self._peak, self._limit)
            return True
        return False


def measure(pid: int, first: int | None) -> int:
    """Bytes of memory that an environment's main process and all others of it hold.

    first: the first process of its namespace, to which orphans come, and which does not count.
    A process alone counts with all it has in memory; what several share counts once.
    """
    pids = {*_descend(pid), *(_descend(first) if first is not None else ())} - {first}
    if len(pids) == 1:
        return _resident(pid)
    return sum(_proportional(each) for each in pids)


def peak(pid: int | None) -> int:
    """The most bytes a process has had in memory; 0 once it has ended."""
    # Once an invocation: without pathlib and text it takes 20 µs, not 110.
    return _kilobytes(_read(f"/proc/{pid}/status"), b"VmHWM:")


def _descend(root: int) -> Iterator[int]:
    waiting = [root]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        yield pid
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:  # it has ended
            continue
        for thread in threads:
            children = _read(f"/proc/{pid}/task/{thread}/children")
            waiting += [int(child) for child in children.split()]


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def _proportional(pid: int) -> int:
    return _kilobytes(_read(f"/proc/{pid}/smaps_rollup"), b"\nPss:") or _resident(pid)


def _kilobytes(text: bytes, name: bytes) -> int:
    value = text.partition(name)[2].split(maxsplit=1)
    return int(value[0]) * 1024 if value else 0


def _read(path: str) -> bytes:
    """A file of /proc; empty if its process has ended or is not ours to see."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        text = b""
        while piece := os.read(descriptor, _PIECE):
            text += piece
        return text
    except OSError:
        return b""
    finally:
        os.close(descriptor)
