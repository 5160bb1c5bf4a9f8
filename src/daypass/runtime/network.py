"""The network of a function: its own, with sockets on which it finds this server alone."""

import os
import socket
from typing import Any

from daypass.network.outside import METADATA, wait_for_route
from daypass.network.view import Listening, furnish


def enter(description: dict[str, Any], channel: socket.socket) -> None:
    """Furnish the network namespace this process has just entered, and hand its sockets out.

    sockets: host, port and whether it is UDP, of each. outside: whether to hand out the network
    and user namespaces, too, and to wait until somebody has connected them to the outside. Sent
    over `channel`, with one byte. Raises `NamespaceError`.
    """
    made = furnish([Listening(*one) for one in description["sockets"]], METADATA)
    handed = [one.detach() for one in made]
    if description["outside"]:
        flags = os.O_RDONLY | os.O_CLOEXEC
        handed += [os.open(f"/proc/self/ns/{kind}", flags) for kind in ("net", "user")]
    socket.send_fds(channel, [b"."], handed)
    for descriptor in handed:
        os.close(descriptor)
    if description["outside"]:
        wait_for_route("self")
