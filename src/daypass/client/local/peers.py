"""Whose process is at the other end of a loopback connection."""

import ipaddress
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# As sockets name it: an address and a port.
Address = tuple[str, int]

# The second has programs that use one kind of socket for both versions of IP, as Java's.
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291, section 2.5.5.2


def tells_users_apart() -> bool:
    """Whether this system says whose a connection is."""
    return sys.platform == "linux" and _TABLES[0].exists()


def may_connect(peer: Address, local: Address) -> bool:
    """Whether the connection from `peer` to our `local` address is of our own user. True where
    the system does not tell."""
    if not tells_users_apart():
        return True
    # INVARIANT: a connection that is not found is refused.
    return owner(peer, local) == os.geteuid()


def owner(peer: Address, local: Address, tables: Sequence[Path] = _TABLES) -> int | None:
    """The user id of the process at `peer`. None: the kernel knows no such connection.

    Each line of proc(5)'s /proc/net/tcp is one end of a connection: its own address, the other
    one's, and in the eighth column the user it belongs to.
    """
    for table, prefix in zip(tables, (b"", _MAPPED), strict=False):
        if not table.exists():
            continue
        wanted = [_hexadecimal(peer, prefix), _hexadecimal(local, prefix)]
        with table.open(encoding="ascii") as lines:
            next(lines)
            for line in lines:
                columns = line.split()
                if columns[1:3] == wanted:
                    return int(columns[7])
    return None


def _hexadecimal(address: Address, prefix: bytes) -> str:
    # Addresses are numbers of four bytes in the machine's order, the port is one to read.
    packed = prefix + ipaddress.IPv4Address(address[0]).packed
    numbers = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{number:08X}' for number in numbers)}:{address[1]:04X}"
