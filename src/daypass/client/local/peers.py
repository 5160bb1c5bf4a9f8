"""Whose process is at the other end of a loopback connection."""

import ipaddress
import os
import struct
import sys
from pathlib import Path
from typing import Final

# As sockets name it: an address and a port.
Address = tuple[str, int]

_TABLE: Final = Path("/proc/net/tcp")


def tells_users_apart() -> bool:
    """Whether this system says whose a connection is."""
    return sys.platform == "linux" and _TABLE.exists()


def may_connect(peer: Address, local: Address) -> bool:
    """Whether the connection from `peer` to our `local` address is of our own user. True where
    the system does not tell."""
    if not tells_users_apart():
        return True
    # INVARIANT: a connection that is not found is refused.
    return owner(peer, local) == os.geteuid()


def owner(peer: Address, local: Address, table: Path = _TABLE) -> int | None:
    """The user id of the process at `peer`. None: the kernel knows no such connection.

    Each line of proc(5)'s /proc/net/tcp is one end of a connection: its own address, the other
    one's, and in the eighth column the user it belongs to.
    """
    wanted = [_hexadecimal(peer), _hexadecimal(local)]
    with table.open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            columns = line.split()
            if columns[1:3] == wanted:
                return int(columns[7])
    return None


def _hexadecimal(address: Address) -> str:
    # The address is printed as a number of the machine's byte order, the port as one to read.
    (number,) = struct.unpack("=I", ipaddress.IPv4Address(address[0]).packed)
    return f"{number:08X}:{address[1]:04X}"
