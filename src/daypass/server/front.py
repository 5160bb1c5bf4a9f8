"""Who answers functions: the request path itself, on sockets of their networks.

What is told apart here is what a function may not ask at all, however it signs: the server's own
administration.
"""

import asyncio
import json
import socket
import ssl
from dataclasses import replace
from typing import Final, cast

from uvicorn.server import ServerState

from daypass.gateway.node import Node
from daypass.gateway.respond import Gateway
from daypass.protocol.message import Request, Response
from daypass.server.http import HttpProtocol

_ADMINISTRATION: Final = "daypass"
# The address of a function to `aws:SourceIp` and to its own URLs, whichever of its network's
# addresses it came by.
_CLIENT: Final = "127.0.0.1"
# Open at once on one socket of one function; more would be the descriptors of everybody.
_CONNECTIONS: Final = 256
_HANDSHAKE_SECONDS: Final = 10.0


class FunctionFront:
    """Answers on sockets that functions' networks lead to. tls: serves AWS's names."""

    def __init__(self, gateway: Gateway, tls: ssl.SSLContext) -> None:
        services = gateway.services
        closed = replace(services.by_scope[_ADMINISTRATION], early=_refuse)
        self._gateway = replace(
            gateway,
            services=replace(services, by_scope={**services.by_scope, _ADMINISTRATION: closed}),
        )
        self._tls = tls

    async def answer(self, listener: socket.socket, *, tls: bool) -> asyncio.AbstractServer:
        """Answer on this socket until the server given back is closed."""
        state = ServerState()

        def connected() -> asyncio.Protocol:
            if len(state.connections) >= _CONNECTIONS:
                return _Full()
            return HttpProtocol(self._gateway, state, _CLIENT)

        return await asyncio.get_running_loop().create_server(
            connected,
            sock=listener,
            ssl=self._tls if tls else None,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
        )


class _Full(asyncio.Protocol):
    """One connection more than there may be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _refuse(node: Node, request: Request, path: str) -> Response:
    # INVARIANT: every request of a function's for the administration ends here, unread.
    del node, request, path
    refusal = {
        "__type": "AccessDeniedException",
        "message": "The administration of the server is not for functions.",
    }
    return Response(403, [("content-type", "application/json")], json.dumps(refusal).encode())
