"""Landlock (Linux 5.13 and later): a process opens the files it needs and no others.

From version 6 of its interface signals and abstract sockets are confined too.
"""

import os
import struct
from collections.abc import Sequence
from typing import Final

from daypass.runtime import kernel
from daypass.runtime.kernel import SandboxError

# System call numbers that are the same on every architecture Linux added them to.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
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
VERSION_WITH_SCOPES: Final = 6


def version() -> int:
    """The version of the kernel's Landlock interface; 0 where there is none."""
    try:
        return kernel.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION, what="Landlock")
    except SandboxError:
        return 0


def confine_files(readable: Sequence[str], writable: Sequence[str], interface: int) -> None:
    """Let this process and its descendants open only these files and what is beneath them.

    readable may also be executed. Paths that do not exist are left out. interface: as `version`
    says. Raises `SandboxError`.
    """
    handled = (1 << _ACCESS_RIGHTS.get(interface, _ALL_ACCESS_RIGHTS)) - 1
    attributes = struct.pack("=Q", handled)
    if interface >= VERSION_WITH_SCOPES:
        attributes = struct.pack("=QQQ", handled, 0, _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL)
    ruleset = kernel.syscall(_CREATE_RULESET, attributes, len(attributes), 0, what="Landlock")
    for path in readable:
        _allow(ruleset, path, (_EXECUTE | _READ_FILE | _READ_DIR) & handled)
    for path in writable:
        _allow(ruleset, path, handled)
    kernel.forbid_new_privileges()
    kernel.syscall(_RESTRICT_SELF, ruleset, 0, what="Landlock")
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
        kernel.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0, what="Landlock")
    finally:
        os.close(descriptor)
