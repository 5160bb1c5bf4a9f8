"""Which addresses the server may be made to connect to by what somebody else wrote."""

import asyncio
import ipaddress
import socket
from typing import Final

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(Exception):
    """A name stands for an address within a network that outsiders have no business in."""


async def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host, to be connected to as they are.

    A name that is resolved again may stand for another address then (DNS rebinding). Raises
    `ForbiddenAddressError` if any of them is private and that is not allowed, `OSError` if there
    is none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise ForbiddenAddressError(
                    f"{host} is at {address}, which is a private address. Start the server with "
                    "--oidc-allow-private to allow it."
                )
    return addresses


def is_public(address: str) -> bool:
    """Whether the whole internet shares this address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return all(each.is_global and not each.is_multicast for each in _meant(parsed))


def _meant(address: _Address) -> list[_Address]:
    """The address, and the IPv4 address that it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    meant: list[_Address] = [address]
    if address.sixtofour is not None:
        meant.append(address.sixtofour)
    if address.teredo is not None:
        meant += address.teredo
    if address in _NAT64:
        # The prefix is global, what it leads to need not be.
        meant.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return meant
