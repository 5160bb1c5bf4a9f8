"""A seccomp filter: the system calls no function needs, and exploits of the kernel begin with.

It is a list of what is denied, so that a runtime may use whatever else Linux has.
"""

import ctypes
import errno
import platform
import struct
from typing import Final

from daypass.runtime import kernel

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
# linux/seccomp.h: what a filter returns, and where it finds what, in `struct seccomp_data`
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16
# linux/bpf_common.h
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_JUMP_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

# linux/audit.h
_AUDIT_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# The other, 32-bit interface of x86-64 has its own numbers from here on.
_X32: Final = 0x40000000
_NEW_NAMESPACES: Final = 0x7E020080
# linux/socket.h: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_FAMILIES: Final = (1, 2, 10, 16)

# Numbers from 424 on are the same everywhere.
_DENIED_EVERYWHERE: Final = (
    *(425, 426, 427),  # io_uring
    *(428, 429, 430, 431, 432, 433, 442),  # open_tree, move_mount, fs*, mount_setattr
    *(438, 440, 443),  # pidfd_getfd, process_madvise, quotactl_fd
    *(457, 458, 467),  # statmount, listmount, open_tree_attr
)
_CLONE3: Final = 435
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_DENIED: Final = {
    "x86_64": (
        *(165, 166, 155, 161, 167, 168, 134),  # mount, umount2, pivot_root, chroot, swap*, uselib
        *(272, 308, 101, 310, 311, 312),  # unshare, setns, ptrace, process_vm_*, kcmp
        *(321, 298, 323, 248, 249, 250),  # bpf, perf_event_open, userfaultfd, keys
        *(175, 313, 176, 246, 320, 169),  # modules, kexec, reboot
        *(303, 304, 300, 179, 163, 212, 180),  # handles, fanotify, quotactl, acct, old ones
        *(170, 171, 164, 227, 159, 305),  # names, clocks
        *(172, 173, 103, 153, 256, 279),  # iopl, ioperm, syslog, vhangup, migrate_pages
    ),
    "aarch64": (
        *(40, 39, 41, 51, 224, 225),
        *(97, 268, 117, 270, 271, 272),
        *(280, 241, 282, 217, 218, 219),
        *(105, 273, 106, 104, 294, 142),
        *(264, 265, 262, 60, 89, 18, 42),
        *(161, 162, 170, 112, 171, 266),
        *(116, 58, 238, 239),
    ),
}


def is_supported() -> bool:
    """Whether the system calls of this architecture are known here."""
    return platform.machine() in _AUDIT_ARCHITECTURES


def deny_system_calls() -> None:
    """Deny them to this process and its descendants. Raises `kernel.SandboxError`.

    The process must have given up new privileges before.
    """
    instructions = compile_filter(platform.machine())
    program = ctypes.create_string_buffer(b"".join(instructions))
    count = len(instructions)
    header = ctypes.create_string_buffer(struct.pack("@HP", count, ctypes.addressof(program)))
    kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header)


def compile_filter(machine: str) -> list[bytes]:
    """The filter's instructions, `struct sock_filter` each. machine: as `uname -m` says."""
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_IF_EQUAL, _AUDIT_ARCHITECTURES[machine], 1, 0),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += _answer(_JUMP_IF_AT_LEAST, _X32, errno.ENOSYS)
    for number in (*_DENIED[machine], *_DENIED_EVERYWHERE):
        program += _answer(_JUMP_IF_EQUAL, number, errno.EPERM)
    # Its flags are in memory, out of a filter's sight: libraries fall back to clone(2).
    program += _answer(_JUMP_IF_EQUAL, _CLONE3, errno.ENOSYS)
    program += [
        _step(_JUMP_IF_EQUAL, _CLONE[machine], 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        *_answer(_JUMP_IF_ANY_BIT, _NEW_NAMESPACES, errno.EPERM),
        _step(_RETURN, _ALLOW),
        _step(_JUMP_IF_EQUAL, _SOCKET[machine], 1, 0),
        _step(_RETURN, _ALLOW),
        _step(_LOAD, _FIRST_ARGUMENT),
    ]
    for index, family in enumerate(_FAMILIES):
        program.append(_step(_JUMP_IF_EQUAL, family, len(_FAMILIES) - index, 0))
    program.append(_step(_RETURN, _ERRNO | errno.EAFNOSUPPORT))
    program.append(_step(_RETURN, _ALLOW))
    return program


def _answer(jump: int, value: int, error: int) -> list[bytes]:
    return [_step(jump, value, 0, 1), _step(_RETURN, _ERRNO | error)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
