"""The calls to Linux that Python 3.11 has no function for."""

import ctypes
import fcntl
import os
import socket
import struct
from typing import Final

# sched.h and mount.h
CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWNET: Final = 0x4000_0000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SLAVE: Final = 0x8_0000
# sockios.h and if.h
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_SIOCSIFADDR: Final = 0x8916
_SIOCSIFNETMASK: Final = 0x891C
_IFF_UP: Final = 0x1
_LOOPBACK: Final = b"lo"

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(namespaces: int) -> None:
    """Leave these namespaces for new ones. Raises `OSError`."""
    _check(_libc.unshare(namespaces), "unshare")


def keep_mounts_private() -> None:
    """Let no mount of this mount namespace reach the one it was made from."""
    _mount(None, "/", _MS_REC | _MS_SLAVE)


def bind(source: str, target: str) -> None:
    """Let `target`, a file that exists, be `source` in this mount namespace. Raises `OSError`."""
    _mount(source, target, _MS_BIND)


def raise_loopback() -> None:
    """Make 127.0.0.0/8 and ::1 usable in a new network namespace. Raises `OSError`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", _LOOPBACK, 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", _LOOPBACK, flags | _IFF_UP))


def add_address(address: str, label: int) -> None:
    """Make an IPv4 address this machine's own, on the loopback device. label: 1 and up, one for
    each address. Raises `OSError`."""
    name = b"%b:%d" % (_LOOPBACK, label)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for call, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
            request = struct.pack("16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, call, request)


def _mount(source: str | None, target: str, flags: int) -> None:
    given = None if source is None else os.fsencode(source)
    _check(_libc.mount(given, os.fsencode(target), None, ctypes.c_ulong(flags), None), target)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
