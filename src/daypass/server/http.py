"""The seam between the wire and the request path: HTTP/1.1 in, `Request` and `Response` beyond.

httptools (llhttp) parses, strictly; uvicorn holds the listeners. Nothing of a request is decoded or
normalised here, because signatures are over what was sent. One request of a connection is answered
at a time; what is pipelined behind it waits.
"""

import asyncio
import logging
import re
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.server import ServerState

from daypass.gateway.respond import Gateway, respond
from daypass.protocol.message import Body, Request, Response, combine_headers

# S3 allows 8 KB of headers with 2 KB of metadata; a session token may add 4 KB.
_HEAD_BYTES: Final = 32 * 1024
# Of a body: what is held for a reader that has not come for it yet.
_HELD_BYTES: Final = 256 * 1024
# Of a body nobody wants: read, so that the client gets to its answer; beyond it, the connection
# is closed.
_DRAINED_BYTES: Final = 8 * 1024 * 1024
# Longer than the idle time of load balancers (60 s), so that they close first, never mid-request.
_QUIET_SECONDS: Final = 75.0
_PIPELINED: Final = 16

_AUTHORITY: Final = re.compile(rb"[^/?]+").match
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})

_log = logging.getLogger("daypass")


class ClientGoneError(ConnectionError):
    """The client closed the connection before its request was whole, or its answer was sent."""


@dataclass(slots=True, eq=False)
class _Incoming:
    """A request on its way in: its head, and the pieces of its body as they arrive.

    held: bytes in `pieces`. asked: its reader has come for the body. wanted: it still may.
    """

    request: Request | None = None
    pieces: deque[bytes] = field(default_factory=deque)
    held: int = 0
    expects: bool = False
    asked: bool = False
    wanted: bool = True
    ended: bool = False
    gone: bool = False
    waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class HttpProtocol(asyncio.Protocol):
    """One connection. client: the address its client counts as; "" is the peer's."""

    def __init__(self, gateway: Gateway, state: ServerState, client: str = "") -> None:
        self._gateway = gateway
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._client = client
        self._scheme = "http"
        self._tls: tuple[str, str] | None = None
        # The head being parsed.
        self._target = b""
        self._fields: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._chunk_bytes = 0
        self._in_head = False
        # The request whose body is being received, and those that are answered in their order.
        self._incoming: _Incoming | None = None
        self._waiting: deque[_Incoming] = deque()
        self._answering: _Incoming | None = None
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        self._keep_alive = True
        self._refused = False
        self._drained = 0
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._heard = self._head_begun = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # -- the connection ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if not self._client:
            self._client = peer[0] if isinstance(peer, tuple) else ""
        if transport.get_extra_info("sslcontext"):
            self._scheme = "https"
            name, version, _ = transport.get_extra_info("cipher") or ("", "", 0)
            self._tls = (version, name)
        self._state.connections.add(cast("Any", self))
        self._timer = self._loop.call_later(_QUIET_SECONDS, self._check_quiet)

    def connection_lost(self, _error: Exception | None) -> None:
        self._state.connections.discard(cast("Any", self))
        if self._timer is not None:
            self._timer.cancel()
        self._keep_alive = False
        self._waiting.clear()
        self._can_write.set()
        for incoming in (self._incoming, self._answering):
            if incoming is not None:
                incoming.gone = True
                incoming.wake()

    def shutdown(self) -> None:
        """uvicorn: finish the request under way, then close."""
        self._keep_alive = False
        if self._answering is None:
            # Not `close`: an idle TLS client owes a goodbye, and sends none.
            self._transport.abort()

    def _check_quiet(self) -> None:
        """Close what has said nothing for long while we wait for it to speak."""
        # A head that trickles in has as long for all of it as a silent client.
        since = self._head_begun if self._in_head else self._heard
        left = since + _QUIET_SECONDS - self._loop.time()
        answering = self._answering
        if answering is not None and answering.waiter is None:
            left = _QUIET_SECONDS  # it is our turn, not the client's
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_quiet)
        else:
            self._transport.abort()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    # -- parsing -----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        size = self._chunk_bytes = len(data)
        if self._refused:
            self._drain(size)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here; what comes behind the request is not HTTP.
            self._keep_alive = False
            self._pause()
        except httptools.HttpParserCallbackError:
            _log.exception("a request could not be taken in")
            self._transport.abort()
        except httptools.HttpParserError:
            self._refuse(400, b"Invalid HTTP request received.")
        else:
            if self._in_head:
                self._head_bytes += size
                if self._head_bytes > 2 * _HEAD_BYTES:
                    self._refuse(400, _header_section_too_large())

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_begun = self._heard
        self._head_bytes = 0
        self._target = b""
        self._fields = []

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._refused:
            return
        incoming = _Incoming()
        self._incoming = incoming
        path, query = _split_target(self._target)
        headers, repeated = combine_headers(self._fields)
        if not path or self._head_too_large(headers):
            body = _header_section_too_large() if path else b"Invalid HTTP request received."
            incoming.wanted = False
            self._refuse(400, body)
            return
        if not self._parser.should_keep_alive() or self._parser.get_http_version() == "1.0":
            self._keep_alive = False
        incoming.expects = headers.get("expect", "").lower() == "100-continue"
        incoming.request = Request(
            self._parser.get_method().decode("ascii"),
            path,
            query,
            headers,
            repeated,
            self._body(incoming, headers),
            self._client,
            self._scheme,
            tls=self._tls,
        )
        if self._answering is None:
            self._answer(incoming)
        elif len(self._waiting) < _PIPELINED:
            self._waiting.append(incoming)
            self._pause()
        else:
            self._refuse(400, b"Too many requests were sent without waiting for their answers.")

    def _head_too_large(self, headers: dict[str, str]) -> bool:
        # What came in so few pieces needs no count.
        if self._head_bytes + self._chunk_bytes <= _HEAD_BYTES:
            return False
        size = len(self._target) + sum(map(len, headers)) + sum(map(len, headers.values()))
        return size > _HEAD_BYTES

    def on_body(self, piece: bytes) -> None:
        incoming = self._incoming
        if incoming is None:
            return
        if not incoming.wanted:
            self._drain(len(piece))
            return
        incoming.pieces.append(piece)
        incoming.held += len(piece)
        if incoming.held > _HELD_BYTES:
            self._pause()
        incoming.wake()

    def on_message_complete(self) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.ended = True
            incoming.wake()
        if not self._keep_alive and self._answering is None:
            self._transport.close()  # it was read only so that the client gets to its answer

    def _drain(self, size: int) -> None:
        """Read what nobody wants, so that the client gets to its answer; not for ever."""
        self._drained += size
        if self._drained > _DRAINED_BYTES:
            self._transport.abort()

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _body(self, incoming: _Incoming, headers: dict[str, str]) -> Body:
        length = headers.get("content-length")
        if length == "0" or (length is None and "transfer-encoding" not in headers):
            return Body(length=0)

        async def next_piece() -> bytes:
            if incoming.expects and not incoming.asked and not incoming.pieces:
                await self._write(_CONTINUE)
            incoming.asked = True
            while not incoming.pieces:
                if incoming.ended:
                    return b""
                if incoming.gone:
                    raise ClientGoneError
                incoming.waiter = self._loop.create_future()
                try:
                    await incoming.waiter
                finally:
                    incoming.waiter = None
            piece = incoming.pieces.popleft()
            incoming.held -= len(piece)
            if incoming.held <= _HELD_BYTES and incoming is self._incoming:
                self._resume()
            return piece

        # llhttp has refused a Content-Length that is no number, or that is given twice.
        return Body(next_piece, None if length is None else int(length))

    # -- answering ---------------------------------------------------------------------------

    def _answer(self, incoming: _Incoming) -> None:
        self._answering = incoming
        self._task = self._loop.create_task(self._respond(incoming))
        self._state.tasks.add(self._task)

    async def _respond(self, incoming: _Incoming) -> None:
        request = incoming.request
        assert request is not None
        if incoming.ended and not incoming.expects and len(incoming.pieces) == 1:
            incoming.held = 0
            request.body.arrived(incoming.pieces.popleft())
        try:
            response = await respond(self._gateway, request)
            if incoming.expects and not incoming.asked:
                # The client waits for leave to send its body, which never comes now: what it
                # sends next on this connection would be read as that body (RFC 9110, 10.1.1).
                self._keep_alive = False
            await self._send(request, response)
        except ConnectionError:
            _log.debug("the client went away: %s %s", request.method, request.path)
            self._transport.abort()
        except Exception:
            # The answer was begun and cannot be ended rightly: the client must see that.
            _log.exception("the answer to %s %s broke off", request.method, request.path)
            self._transport.abort()
        finally:
            # Not by a callback of the task, which would be one more turn of the loop.
            self._state.tasks.discard(cast("Any", self._task))
        self._end(incoming)

    def _end(self, incoming: _Incoming) -> None:
        """Go on to the next request of the connection."""
        self._answering = None
        incoming.wanted = False
        incoming.pieces.clear()
        self._drained = incoming.held
        if self._transport.is_closing():
            return
        sends_no_more = incoming.ended or (incoming.expects and not incoming.asked)
        if not self._keep_alive and (sends_no_more or self._refused):
            self._transport.close()
            return
        if self._keep_alive and self._waiting:
            self._answer(self._waiting.popleft())
        self._resume()

    async def _send(self, request: Request, response: Response) -> None:
        body = response.body
        bodiless = request.method == "HEAD" or response.status in _BODILESS
        length = _content_length(response)
        head = _head(response, keep_alive=self._keep_alive)
        if isinstance(body, bytes):
            if length is None and response.status != 204:
                head += b"content-length: %d\r\n" % len(body)
            await self._write(head + b"\r\n" if bodiless else head + b"\r\n" + body)
            return
        try:
            if bodiless:
                await self._write(head + b"\r\n")
            elif length is None:
                await self._write(head + b"transfer-encoding: chunked\r\n\r\n")
                async for piece in body:
                    await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await self._write(b"0\r\n\r\n")
            else:
                await self._write(head + b"\r\n")
                async for piece in body:
                    length -= len(piece)
                    await self._write(piece)
                if length:
                    raise ValueError("The body is not as long as its head said.")
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    async def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise ClientGoneError
        self._transport.write(data)
        if not self._can_write.is_set():
            await self._can_write.wait()

    def _refuse(self, status: int, body: bytes) -> None:
        """Answer what is not to be understood, once what came before it is answered, and close."""
        self._keep_alive = False
        self._refused = True
        if self._answering is not None or self._transport.is_closing():
            return
        response = Response(status, [("content-type", "text/plain; charset=utf-8")])
        length = b"content-length: %d\r\n\r\n" % len(body)
        self._transport.write(_head(response, keep_alive=False) + length + body)
        # With the client still sending, closing both ways would reset the connection under the
        # answer.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _split_target(target: bytes) -> tuple[str, str]:
    """The path and query of a request target, "" for a path that is none."""
    if not target.isascii() or b"#" in target:
        return "", ""
    if not target.startswith(b"/"):
        # The absolute form, as proxies are asked (RFC 9112, 3.2.2): its path is signed alone.
        if not target.startswith((b"http://", b"https://")):
            return "", ""
        target = target.partition(b"://")[2]
        authority = _AUTHORITY(target)
        target = target[authority.end() :] if authority else b""
        if not target.startswith(b"/"):
            target = b"/" + target
    path, _, query = target.decode("ascii").partition("?")
    return path, query


def _content_length(response: Response) -> int | None:
    for name, value in response.headers:
        if name.lower() == "content-length":
            return int(value)
    return None


def _head(response: Response, *, keep_alive: bool) -> bytes:
    """The status line and the fields, but for the last blank line."""
    fields = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    # INVARIANT: no value ends its line early and begins another.
    if fields.count("\n") != len(response.headers) or fields.count("\r") != len(response.headers):
        raise ValueError("A response header holds a line end.")
    line = _status_line(response.status)
    closing = "" if keep_alive else "connection: close\r\n"
    return f"{line}date: {_date()}\r\n{fields}{closing}".encode("latin-1")


@lru_cache(maxsize=128)
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


def _date() -> str:
    return _formatted_date(int(time.time()))


@lru_cache(maxsize=2)
def _formatted_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _header_section_too_large() -> bytes:
    return (
        b"<Error><Code>RequestHeaderSectionTooLarge</Code><Message>Your request header section "
        b"exceeds the maximum allowed request header section size</Message>"
        b"<MaxSizeAllowed>%d</MaxSizeAllowed></Error>" % _HEAD_BYTES
    )
