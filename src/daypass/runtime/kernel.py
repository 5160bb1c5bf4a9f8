"""The system calls of Linux that confine a process, which the standard library does not have."""

import ctypes
import os
import platform
import struct
from typing import Final

# unshare(2), setns(2), clone(2)
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
# mount(2) and umount2(2)
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_REMOUNT: Final = 0x20
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
_MNT_DETACH: Final = 0x2
# mount_setattr(2), with the same number on every architecture
_MOUNT_SETATTR: Final = 442
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
ATTR_READ_ONLY: Final = 0x1
ATTR_NOSUID: Final = 0x2
ATTR_NODEV: Final = 0x4
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
# prctl(2), from linux/prctl.h and linux/securebits.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_SECUREBITS: Final = 28
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
# noroot, no_setuid_fixup, and both locked: user id 0 has no power of its own.
_SECUREBITS: Final = 0b1111

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """The process could not be confined as demanded, and must not go on."""


def unshare(namespaces: int) -> None:
    """Leave these namespaces for new ones."""
    _check(_libc.unshare(namespaces), "unshare")


def setns(descriptor: int, namespace: int) -> None:
    _check(_libc.setns(descriptor, namespace), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    filesystem = kind.encode() if kind else None
    arguments = (os.fsencode(source), os.fsencode(target), filesystem)
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount {source} at {target}")


def set_mount_attributes(path: str, attributes: int, *, beneath: bool = True) -> None:
    """Add attributes to a mount and, if so said, to all mounts beneath it."""
    structure = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if beneath else 0
    syscall(
        _MOUNT_SETATTR,
        *(_AT_FDCWD, os.fsencode(path), flags, structure, len(structure)),
        what=f"mount_setattr {path}",
    )


def change_root(path: str) -> None:
    """Make this directory, a mount point, the root, and let go of the old one."""
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise SandboxError(f"pivot_root: unknown on {platform.machine()}")
    os.chdir(path)
    # The old root lands on top of the new one, from where it is unmounted.
    syscall(number, b".", b".", what="pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def set_host_name(name: str) -> None:
    _check(_libc.sethostname(name.encode(), len(name)), "sethostname")


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that none can get out of sight."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int) -> None:
    """Get this signal when the parent dies. A change of credentials takes it back."""
    prctl(_PR_SET_PDEATHSIG, signal_number)


def set_dumpable(dumpable: bool) -> None:
    """Whether processes of the same user may look into this one."""
    prctl(_PR_SET_DUMPABLE, int(dumpable))


def forbid_new_privileges() -> None:
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability for good; without any, this changes nothing."""
    # Refused where there is none to give up, or in a container that took them already.
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    _libc.prctl(_PR_SET_SECUREBITS, _SECUREBITS, 0, 0, 0)
    # capset(2), version 3: a header and two triples of effective, permitted and inheritable.
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _check(_libc.capset(header, ctypes.create_string_buffer(24)), "capabilities")


def syscall(number: int, *arguments: int | bytes | None, what: str) -> int:
    """The result of a system call. Raises `SandboxError`, which says what was refused."""
    # Integers go as longs: what `syscall` reads from its variable arguments.
    words = (ctypes.c_long(item) if isinstance(item, int) else item for item in arguments)
    return _check(_libc.syscall(ctypes.c_long(number), *words), what)


def prctl(option: int, value: int, argument: "ctypes.Array[ctypes.c_char] | None" = None) -> None:
    pointer = None if argument is None else ctypes.addressof(argument)
    words = (ctypes.c_ulong(value), ctypes.c_void_p(pointer))
    _check(_libc.prctl(option, *words, ctypes.c_ulong(0), ctypes.c_ulong(0)), f"prctl {option}")


def _check(result: int, what: str) -> int:
    if result < 0:
        raise SandboxError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return int(result)
