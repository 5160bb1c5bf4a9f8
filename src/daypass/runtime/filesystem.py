"""The file system a function sees: its own code, what programs need of the system, its own /tmp.

Everything but /tmp is read-only. Nothing else of the machine is there, so nothing else needs to
be forbidden.
"""

import os
from typing import Any, Final

from daypass.runtime import kernel

_READ_ONLY: Final = kernel.ATTR_READ_ONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV
_PLAIN: Final = kernel.MS_NOSUID | kernel.MS_NODEV
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
# Inodes of /tmp for each of its bytes: files of 4 KB on average fill both at once.
_BYTES_PER_INODE: Final = 4096


def build_root(system: dict[str, Any]) -> None:
    """Build, in a mount namespace of its own, what is the same in the root of every function.

    staging: an empty directory to build it on. binds: pairs of what is there and where it is to
    be, parents first. links: where and what. files: texts by path. Raises `SandboxError` or
    `OSError`.
    """
    staging: str = system["staging"]
    # Nothing that is mounted from here on may show outside.
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("root", staging, "tmpfs", _PLAIN, "size=4m,nr_inodes=4096,mode=755")
    for directory in ("dev", "proc", "tmp", "etc"):
        os.mkdir(f"{staging}/{directory}", 0o755)
    # First, because what is bound may be beneath it.
    temporary = os.path.join(staging, "tmp")
    kernel.mount("tmp", temporary, "tmpfs", _PLAIN, "mode=1777")
    _bind_all(staging, system["binds"])
    for path, target in system["links"]:
        _make_parent(staging + path)
        os.symlink(target, staging + path)
    for path, text in system["files"].items():
        _write(staging + path, text)
    _make_devices(f"{staging}/dev")
    mount_proc(f"{staging}/proc")


def enter_root(own: dict[str, Any]) -> None:
    """Complete the root that was built with what one function has for itself, and enter it.

    staging: as it was built on. binds: as before. temporary: bytes of /tmp. Raises `SandboxError`
    or `OSError`.
    """
    staging: str = own["staging"]
    _bind_all(staging, own["binds"])
    size: int = own["temporary"]
    limits = f"size={size},nr_inodes={size // _BYTES_PER_INODE}"
    temporary = os.path.join(staging, "tmp")
    kernel.mount("tmp", temporary, None, _PLAIN | kernel.MS_REMOUNT, limits)
    kernel.set_mount_attributes(staging, _READ_ONLY, beneath=False)
    kernel.change_root(staging)


def mount_proc(path: str) -> None:
    """Show at this path the processes of this process's own namespace, and no others."""
    kernel.mount("proc", path, "proc", _PLAIN | kernel.MS_NOEXEC)


def _bind_all(staging: str, binds: list[list[str]]) -> None:
    for source, target in binds:
        _bind(source, staging + target)
        kernel.set_mount_attributes(staging + target, _READ_ONLY)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, 0o755, exist_ok=True)
    elif not os.path.exists(target):
        # INVARIANT: what is there already is another bind's, and so the machine's: left as it is.
        _write(target, "")
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _make_devices(directory: str) -> None:
    kernel.mount("dev", directory, "tmpfs", kernel.MS_NOSUID, "size=4k,nr_inodes=16,mode=755")
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{directory}/{name}")
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{directory}/{name}")
    kernel.set_mount_attributes(directory, kernel.ATTR_READ_ONLY | kernel.ATTR_NOSUID)


def _write(path: str, text: str) -> None:
    _make_parent(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _make_parent(path: str) -> None:
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
