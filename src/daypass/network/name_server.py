"""The name server of a view, on a socket that was handed out of it."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, cast

from daypass.network.names import address_of, answer, question_of

_PATIENCE: Final = 5.0  # seconds for one name server of the host's
_WAITING: Final = 100
_ANSWER_LIMIT: Final = 4096
_PORT: Final = 53

Peer = tuple[str, int]


class NameServer(asyncio.DatagramProtocol):
    """Answers for AWS's names; asks `others`, if there are any, for the world outside."""

    def __init__(self, others: Sequence[str] = ()) -> None:
        self._others = others
        self._transport = cast("asyncio.DatagramTransport", None)
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        question = question_of(data) if self._others else None
        if question is None or address_of(question.name) is not None:
            said = answer(data)
            if said is not None:
                self._transport.sendto(said, addr)
        elif len(self._asking) < _WAITING:
            task = asyncio.get_running_loop().create_task(self._ask(data, addr))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, query: bytes, peer: Peer) -> None:
        for server in self._others:
            try:
                async with asyncio.timeout(_PATIENCE):
                    said = await _exchange(server, query)
            except (OSError, TimeoutError):
                continue
            self._transport.sendto(said, peer)
            return


async def _exchange(server: str, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as connection:
        await loop.sock_connect(connection, (server, _PORT))
        await loop.sock_sendall(connection, query)
        while True:
            said = await loop.sock_recv(connection, _ANSWER_LIMIT)
            if said[:2] == query[:2]:
                return said
