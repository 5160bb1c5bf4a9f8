"""What a function's process gives up before it runs any code of the function.

Landlock (Linux 5.13 and later) lets it open the files it needs and no others: in particular not
the server's data directory, not the code of other functions, not their files under /proc. From
version 6 of its interface signals and abstract sockets are confined too.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Sequence
from typing import Final

# prctl(2), from linux/prctl.h and linux/securebits.h
_PR_SET_PDEATHSIG: Final = 1
_PR_CAPBSET_DROP: Final = 24
_PR_SET_SECUREBITS: Final = 28
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
# noroot, no_setuid_fixup, and both locked: user id 0 has no power of its own.
_SECUREBITS: Final = 0b1111

# System call numbers that are the same on every architecture Linux added them to.
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_ADD_RULE: Final = 445
_LANDLOCK_RESTRICT_SELF: Final = 446
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
# linux/landlock.h
_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15
_SCOPE_ABSTRACT_UNIX_SOCKET: Final = 1 << 0
_SCOPE_SIGNAL: Final = 1 << 1
# How many access rights each version of the interface knows; newer versions know all of these.
_ACCESS_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_ACCESS_RIGHTS: Final = 16
_VERSION_WITH_SCOPES: Final = 6

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """The process could not be confined as demanded, and must not go on."""


def landlock_version() -> int:
    """The version of the kernel's Landlock interface; 0 where there is none."""
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    return max(0, int(version))


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that none can get out of sight."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int) -> None:
    """Get this signal when the parent dies."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def limit_resources(memory: int, file_size: int) -> None:
    """memory: bytes of data a process may hold. file_size: bytes of its largest file."""
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_DATA, memory),
    ):
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


def drop_privileges() -> None:
    """Give up every capability for good; without any, this changes nothing."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if os.geteuid() == 0:
        # Only root has capabilities to give up, and may be refused some of these in a container
        # that took them already.
        for capability in range(64):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        _libc.prctl(_PR_SET_SECUREBITS, _SECUREBITS, 0, 0, 0)
    # capset(2), version 3: a header and two triples of effective, permitted and inheritable.
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    if _libc.capset(header, ctypes.create_string_buffer(24)) != 0:
        raise SandboxError(f"capabilities: {os.strerror(ctypes.get_errno())}")


def confine_files(readable: Sequence[str], writable: Sequence[str], version: int) -> None:
    """Let this process and its descendants open only these files and what is beneath them.

    readable may also be executed. Paths that do not exist are left out. version: as
    `landlock_version` says. Raises `SandboxError`.
    """
    handled = (1 << _ACCESS_RIGHTS.get(version, _ALL_ACCESS_RIGHTS)) - 1
    attributes = struct.pack("=Q", handled)
    if version >= _VERSION_WITH_SCOPES:
        attributes = struct.pack("=QQQ", handled, 0, _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL)
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    for path in readable:
        _allow(ruleset, path, (_EXECUTE | _READ_FILE | _READ_DIR) & handled)
    for path in writable:
        _allow(ruleset, path, handled)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
        rule = struct.pack("=Qi", access, descriptor)
        _syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _syscall(number: int, *arguments: int | bytes) -> int:
    # Integers go as longs: what `syscall` reads from its variable arguments.
    words = (ctypes.c_long(item) if isinstance(item, int) else item for item in arguments)
    result = _libc.syscall(number, *words)
    if result < 0:
        raise SandboxError(f"Landlock: {os.strerror(ctypes.get_errno())}")
    return int(result)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise SandboxError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")
