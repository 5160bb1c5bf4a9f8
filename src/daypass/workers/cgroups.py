"""Control groups: hard limits the kernel holds for all processes of an environment together.

They are used where the server may make them: as root, or where they were delegated to it (for
systemd, `Delegate=yes`). Both versions of the interface are known.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("memory", "pids", "cpu")
# The memory with which a function has one processor, MB [Lambda's guide: "Memory"].
_MEMORY_OF_ONE_CPU: Final = 1769
_NAME: Final = "daypass-"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an environment may use. memory: bytes, beyond which the kernel kills. memory_size: MB,
    by which its share of the processors is measured."""

    memory: int
    processes: int
    memory_size: int


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The control groups of one environment: one for each controller, or one for all."""

    directories: Mapping[str, Path]
    unified: bool

    def limit(self, limits: Limits) -> None:
        """Have the kernel hold these limits. Raises `OSError`."""
        for controller, path in self.directories.items():
            for file, value in _settings(controller, limits, self.unified).items():
                # Not every kernel has every file: swap, for one, may not be accounted.
                with contextlib.suppress(FileNotFoundError):
                    (path / file).write_text(value)

    @property
    def entrances(self) -> list[str]:
        """The files by which a process joins: it writes 0."""
        return [f"{path}/cgroup.procs" for path in dict.fromkeys(self.directories.values())]

    def memory(self) -> int | None:
        """Bytes of memory its processes hold, without files; None if nobody counts."""
        directory = self.directories.get("memory")
        if directory is None:
            return None
        name = b"anon " if self.unified else b"total_rss "
        try:
            statistics = (directory / "memory.stat").read_bytes()
        except OSError:
            return None
        for line in statistics.splitlines():
            if line.startswith(name):
                return int(line[len(name) :])
        return None

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed for memory here."""
        directory = self.directories.get("memory")
        if directory is None:
            return False
        name = "memory.events" if self.unified else "memory.oom_control"
        try:
            fields = (directory / name).read_text("ascii").split()
        except OSError:
            return False
        counts = dict(zip(fields[::2], fields[1::2], strict=False))
        return counts.get("oom_kill", "0") != "0"

    def remove(self) -> None:
        """Remove them, once their processes have ended, which may take a moment."""
        for path in dict.fromkeys(self.directories.values()):
            for _ in range(40):
                try:
                    path.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)
                else:
                    break


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where environments' control groups are made. parents: by controller."""

    parents: Mapping[str, Path]
    unified: bool

    def make(self, name: str) -> Cgroup:
        """The control groups of one environment. Raises `OSError`."""
        directories = {controller: path / name for controller, path in self.parents.items()}
        for path in dict.fromkeys(directories.values()):
            path.mkdir(exist_ok=True)
        return Cgroup(directories, self.unified)

    def close(self) -> None:
        """Remove what `find` made."""
        for path in dict.fromkeys(self.parents.values()):
            _remove_tree(path)


def _settings(controller: str, limits: Limits, unified: bool) -> dict[str, str]:
    if controller == "pids":
        return {"pids.max": str(limits.processes)}
    if controller == "memory":
        if unified:
            return {
                "memory.max": str(limits.memory),
                "memory.swap.max": "0",
                "memory.oom.group": "1",
            }
        return {"memory.limit_in_bytes": str(limits.memory)}
    if unified:
        weight = 100 * limits.memory_size // _MEMORY_OF_ONE_CPU
        return {"cpu.weight": str(min(10_000, max(1, weight)))}
    return {"cpu.shares": str(max(2, 1024 * limits.memory_size // _MEMORY_OF_ONE_CPU))}


def find(mount: Path = _MOUNT, membership: Path = Path("/proc/self/cgroup")) -> Cgroups | None:
    """Where this process may make control groups, None if nowhere."""
    try:
        lines = membership.read_text("ascii").splitlines()
    except OSError:
        return None
    parents: dict[str, Path] = {}
    for line in lines:
        _, names, path = line.split(":", 2)
        for controller in set(names.split(",")) & set(_CONTROLLERS):
            directory = _open_parent(mount / controller / path.lstrip("/"))
            if directory is not None:
                parents[controller] = directory
    if parents:
        return Cgroups(parents, unified=False)
    for line in lines:
        if line.startswith("0::"):
            return _find_unified(mount / line[3:].lstrip("/"))
    return None


def _find_unified(own: Path) -> Cgroups | None:
    try:
        offered = set((own / "cgroup.controllers").read_text("ascii").split()) & set(_CONTROLLERS)
    except OSError:
        return None
    if not offered or not os.access(own / "cgroup.subtree_control", os.W_OK):
        return None
    enable = " ".join(f"+{name}" for name in sorted(offered))
    directory = _open_parent(own)
    if directory is None:
        return None
    try:
        _enable(own, enable)
        (directory / "cgroup.subtree_control").write_text(enable)
    except OSError:
        _remove_tree(directory)
        return None
    return Cgroups(dict.fromkeys(sorted(offered), directory), unified=True)


def _enable(own: Path, controllers: str) -> None:
    """Give the children of a control group its controllers, which must then hold no process."""
    try:
        (own / "cgroup.subtree_control").write_text(controllers)
    except OSError:
        server = own / f"{_NAME}server"
        server.mkdir(exist_ok=True)
        (server / "cgroup.procs").write_text(str(os.getpid()))
        (own / "cgroup.subtree_control").write_text(controllers)


def _open_parent(directory: Path) -> Path | None:
    """A directory for the groups of this server process; what ended ones left is removed."""
    path = directory / f"{_NAME}{os.getpid()}"
    try:
        for old in directory.glob(f"{_NAME}[0-9]*"):
            if not Path("/proc", old.name.removeprefix(_NAME)).exists():
                _remove_tree(old)
        path.mkdir(exist_ok=True)
    except OSError:
        return None
    return path


def _remove_tree(directory: Path) -> None:
    for path in [*directory.glob("*/"), directory]:
        with contextlib.suppress(OSError):
            path.rmdir()
