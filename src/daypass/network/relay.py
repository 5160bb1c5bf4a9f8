"""What comes to the sockets of a view, carried to where it belongs, byte for byte."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daypass.network.name_server import NameServer

_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where connections are carried. tls: how its certificate is checked, None without TLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A listening socket of a view, what ends TLS on it (None without TLS), and where it leads."""

    listener: socket.socket
    tls: ssl.SSLContext | None
    upstream: Upstream


async def relay(
    routes: Sequence[Route], names: socket.socket, others: Sequence[str], until: int
) -> None:
    """Serve a view until the descriptor `until` is readable.

    names: where its name server is asked. others: the name servers to ask for all but AWS's names.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(until, ended.set)
    await loop.create_datagram_endpoint(lambda: NameServer(others), sock=names)
    for route in routes:
        await _listen(route)
    await ended.wait()


async def _listen(route: Route) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await _carry(route.upstream, reader, writer)
        writer.close()

    await asyncio.start_server(connected, sock=route.listener, ssl=route.tls, limit=_PIECE)


async def _carry(
    upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        there, there_writer = await asyncio.open_connection(
            upstream.host, upstream.port, ssl=upstream.tls, limit=_PIECE
        )
    except OSError as error:
        await reader.read(_PIECE)  # a client reads no answer to what it has not sent yet
        writer.write(_unreachable(upstream, error))
        await writer.drain()
        return
    asked = asyncio.create_task(_copy(reader, there_writer))
    try:
        await _copy(there, writer)
    finally:
        asked.cancel()
        there_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError:
        writer.close()
        return
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


def _unreachable(upstream: Upstream, error: OSError) -> bytes:
    why = error.strerror or type(error).__name__
    text = f"The Daypass server at {upstream.host}:{upstream.port} does not answer: {why}\n"
    head = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    return f"{head}content-length: {len(text)}\r\n\r\n{text}".encode()
