"""The seam between the HTTP server and the request path: ASGI in, `Request` and `Response` beyond.

Nothing of a request is decoded or normalised here, because signatures are over what was sent.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import chain
from typing import Any

from daypass.gateway.respond import Gateway, respond
from daypass.protocol.message import Body, Request, Response, combine_headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# S3 allows 8 KB of headers with 2 KB of metadata; a session token may add 4 KB. The HTTP server
# itself lets 64 KB pass.
_HEADER_BYTES = 32 * 1024

_log = logging.getLogger("daypass")


class ClientGoneError(ConnectionError):
    """The client closed the connection before its request was whole."""


class Application:
    """The ASGI application of one process."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if len(b"".join(chain.from_iterable(scope["headers"]))) > _HEADER_BYTES:
            await _send(_header_section_too_large(), send)
            return
        asked = False

        async def ask() -> Message:
            nonlocal asked
            asked = True
            return await receive()

        request = _request(scope, ask)
        try:
            response = await respond(self._gateway, request)
            if not asked and "expect" in request.headers:
                # The client waits for leave to send its body, which never comes now: what it
                # sends next on this connection would be read as that body (RFC 9110, 10.1.1).
                response.headers.append(("connection", "close"))
            await _send(response, send)
        except ClientGoneError:
            _log.debug("the client went away: %s %s", request.method, request.path)


def _request(scope: Scope, receive: Receive) -> Request:
    headers, repeated = combine_headers(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    )
    client = scope["client"]
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        repeated=repeated,
        body=_body(headers, receive),
        client=client[0] if client else "",
        scheme=scope["scheme"],
    )


def _body(headers: dict[str, str], receive: Receive) -> Body:
    length = headers.get("content-length")
    if length == "0" or (length is None and "transfer-encoding" not in headers):
        return Body(length=0)
    ended = False

    async def next_piece() -> bytes:
        nonlocal ended
        while not ended:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            ended = not message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            if piece:
                return piece
        return b""

    # The HTTP server has refused a Content-Length that is no number.
    return Body(next_piece, None if length is None else int(length))


async def _send(response: Response, send: Send) -> None:
    body = response.body
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    ]
    if isinstance(body, bytes):
        if response.status != 204 and not _has_length(response):
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        async for piece in body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()


def _has_length(response: Response) -> bool:
    return any(name.lower() == "content-length" for name, _ in response.headers)


def _header_section_too_large() -> Response:
    return Response(
        400,
        [("content-type", "application/xml"), ("connection", "close")],
        b"<Error><Code>RequestHeaderSectionTooLarge</Code><Message>Your request header section "
        b"exceeds the maximum allowed request header section size</Message>"
        b"<MaxSizeAllowed>%d</MaxSizeAllowed></Error>" % _HEADER_BYTES,
    )
