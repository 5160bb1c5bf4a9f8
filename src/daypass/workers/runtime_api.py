"""The HTTP Runtime API (version 2018-06-01), one listener an environment.

Official clients speak plain HTTP to a host and a port. In a network of its own the environment
alone reaches it. Otherwise the listener is on loopback, where any process of this machine can
connect; who connects is therefore looked up in the kernel's socket table: only sockets of the
environment's own session are served, others are closed unread.
"""

import asyncio
import base64
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import httptools

from daypass.workers.channel import Listener, error_type_of
from daypass.workers.extensions import PREFIX as EXTENSIONS
from daypass.workers.extensions import Extensions
from daypass.workers.function import RESPONSE_LIMIT, Event
from daypass.workers.stream import Flow

_PREFIX: Final = "/2018-06-01/"
_REASONS: Final = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden"} | {
    404: "Not Found",
    413: "Request Entity Too Large",
}
_ACCEPTED: Final = (202, {"status": "OK"})
_HEADERS: Final = {
    b"content-type": "content_type",
    b"lambda-extension-accept-feature": "accept_feature",
    b"lambda-extension-function-error-type": "extension_error",
    b"lambda-extension-identifier": "extension_id",
    b"lambda-extension-name": "extension_name",
    b"lambda-runtime-function-error-body": "error_body",
    b"lambda-runtime-function-error-type": "error_type",
    b"lambda-runtime-function-response-mode": "response_mode",
}
# Bytes of a request target or of all header fields.
_HEAD_LIMIT: Final = 1024 * 1024

Answer = tuple[int, Mapping[str, str]]
Address = tuple[str, int]


class RuntimeApi:
    """The `Channel` of an environment whose runtime speaks HTTP.

    owner: the process id of the environment, once it is known; its session is served. None: whoever
    connects is of the environment. extensions: those beside the runtime. for_runtime: whether the
    runtime speaks it, or extensions alone.
    """

    def __init__(
        self,
        listener: Listener,
        owner: Callable[[], int | None] | None,
        extensions: Extensions,
        *,
        for_runtime: bool,
    ) -> None:
        self._listener = listener
        self._owner = owner
        self._extensions = extensions
        self._for_runtime = for_runtime
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._waiting: _Connection | None = None
        self._next: bytes | None = None
        self._current = ""
        self.address = ""

    @classmethod
    async def open(
        cls,
        listener: Listener,
        owner: Callable[[], int | None],
        extensions: Extensions,
        *,
        for_runtime: bool = True,
    ) -> "RuntimeApi":
        api = cls(listener, owner, extensions, for_runtime=for_runtime)
        loop = asyncio.get_running_loop()
        api._server = await loop.create_server(lambda: _Connection(api), "127.0.0.1", 0)
        host, port = api._server.sockets[0].getsockname()
        api.address = f"{host}:{port}"
        return api

    @classmethod
    async def open_inside(
        cls, listener: Listener, own: socket.socket, extensions: Extensions, *, for_runtime: bool
    ) -> "RuntimeApi":
        """On a listening socket of the environment's own network."""
        api = cls(listener, None, extensions, for_runtime=for_runtime)
        api._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(api), sock=own
        )
        return api

    def invoke(self, event: Event, function_arn: str, deadline: float) -> None:
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
            "Lambda-Runtime-Client-Context": event.client_context or "",
        }
        self._current = event.request_id
        self._next = _format(200, headers, event.payload)
        self._hand_over()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()

    def _hand_over(self) -> None:
        if self._waiting is not None and self._next is not None:
            self._waiting.write(self._next)
            self._waiting = self._next = None

    # -- what its connections ask ------------------------------------------------------------

    async def admits(self, peer: Address, own: Address) -> bool:
        """Whether the other end of the connection between these belongs to the environment."""
        if self._owner is None:
            return True
        owner = self._owner()
        return owner is not None and await asyncio.to_thread(owns, owner, peer, own)

    def connected(self, connection: "_Connection") -> None:
        self._connections.add(connection)

    def disconnected(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        self._extensions.left(connection)
        if self._waiting is connection:
            self._waiting = None

    def answer(self, connection: "_Connection", request: "_Request") -> None:
        """Answer a request now, or, for the next invocation, when there is one."""
        if request.path.startswith(EXTENSIONS):
            self._extensions.answer(connection, request.path.removeprefix(EXTENSIONS), request)
            return
        path = request.path.removeprefix(_PREFIX)
        if not self._for_runtime:
            connection.answer(404, _error("NotFound", "This runtime does not speak it"))
            return
        if request.method == "GET" and path == "runtime/invocation/next":
            self._waiting = connection
            self._listener.is_ready()
            self._hand_over()
            return
        if request.streams:
            status, body = self._end_stream(request)
        else:
            status, body = self._perform(request.method, path, request)
        connection.answer(status, body)

    def begin_stream(self, connection: "_Connection", request: "_Request") -> None:
        """Take a request that begins, if it is a response that comes in pieces."""
        path = request.path.removeprefix(_PREFIX)
        request_id = path.removeprefix("runtime/invocation/").removesuffix("/response")
        if (
            request.response_mode != "streaming"
            or request.method != "POST"
            or path != f"runtime/invocation/{request_id}/response"
            or not self._current
            or request_id != self._current
        ):
            return
        self._current = ""
        request.streams = request_id
        self._listener.began_streaming(request_id, request.content_type, connection.flow)

    def streamed(self, request: "_Request", piece: bytes) -> None:
        self._listener.streamed(request.streams, piece)

    def broke_off(self, request: "_Request") -> None:
        """The connection that a response came over was closed before its end."""
        body = _error("Runtime.TruncatedResponse", "The response was not sent to its end.")
        text = json.dumps(body, separators=(",", ":")).encode()
        self._listener.ended_streaming(request.streams, text, body["errorType"])

    def _end_stream(self, request: "_Request") -> Answer:
        if not request.error_type:
            self._listener.ended_streaming(request.streams, b"", None)
            return _ACCEPTED
        try:
            payload = base64.b64decode(request.error_body, validate=True)
        except ValueError:
            payload = b""
        if not payload:
            text = _error(request.error_type, "The response broke off.")
            payload = json.dumps(text, separators=(",", ":")).encode()
        self._listener.ended_streaming(request.streams, payload, request.error_type)
        return _ACCEPTED

    def _perform(self, method: str, path: str, request: "_Request") -> Answer:
        if method == "GET" and path == "ping":
            return 200, {"status": "OK"}
        if method != "POST" or not path.startswith("runtime/"):
            return 404, _error("NotFound", "Unknown path")
        if path == "runtime/init/error":
            self._listener.init_failed(request.body, _declared_error(request))
            return _ACCEPTED
        request_id, _, what = path.removeprefix("runtime/invocation/").partition("/")
        if what not in {"response", "error"}:
            return 404, _error("NotFound", "Unknown path")
        if not self._current or request_id != self._current:
            return 400, _error("InvalidRequestID", "Invalid request ID")
        self._current = ""
        if what == "response" and request.response_mode not in {"", "buffered"}:
            # One that streams has been taken by `begin_stream`.
            mode = _error("InvalidFunctionResponseMode", "Invalid function response mode")
            unknown = _error("Runtime.InvalidResponseModeHeader", mode["errorMessage"])
            text = json.dumps(unknown, separators=(",", ":")).encode()
            self._listener.failed(request_id, text, unknown["errorType"])
            return 400, mode
        if request.size > RESPONSE_LIMIT:
            self._listener.oversized(request_id, request.size)
            return 413, _error(
                "RequestEntityTooLarge",
                f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
            )
        if what == "response":
            self._listener.responded(request_id, request.body)
        else:
            self._listener.failed(request_id, request.body, _declared_error(request))
        return _ACCEPTED


class _Request:
    """A request as it comes in. size: bytes of the whole body, also of what was not kept.

    streams: the id of the invocation whose response comes in it, piece by piece, "" for none.
    """

    __slots__ = (
        *("accept_feature", "body", "content_type", "error_body", "error_type"),
        *("extension_error", "extension_id", "extension_name", "method", "path"),
        *("response_mode", "size", "streams"),
    )

    def __init__(self) -> None:
        self.accept_feature = ""
        self.content_type = ""
        self.error_body = ""
        self.extension_error = ""
        self.extension_id = ""
        self.extension_name = ""
        self.response_mode = ""
        self.streams = ""
        self.method = ""
        self.path = ""
        self.error_type = ""
        self.body = b""
        self.size = 0


class _Connection(asyncio.Protocol):
    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._pieces: list[bytes] = []
        self._head = 0
        self._admission: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.pause_reading()
        self._api.connected(self)
        self._admission = asyncio.get_running_loop().create_task(self._admit())

    async def _admit(self) -> None:
        assert self._transport is not None
        peer = self._transport.get_extra_info("peername")
        own = self._transport.get_extra_info("sockname")
        if await self._api.admits(peer, own):
            self._transport.resume_reading()
        else:
            self._transport.abort()

    @property
    def flow(self) -> Flow:
        assert self._transport is not None
        return self._transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - of the interface
        self._api.disconnected(self)
        if self._request.streams:
            self._api.broke_off(self._request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def answer(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        text = json.dumps(body, separators=(",", ":")).encode() + b"\n"
        self.write(_format(status, {"Content-Type": "application/json", **(headers or {})}, text))

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # -- the parser's callbacks --------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._request = _Request()
        self._pieces.clear()
        self._head = 0

    def on_url(self, url: bytes) -> None:
        self._count_head(url)
        self._request.path += url.decode("latin-1").partition("?")[0]

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(name + value)
        lowered = name.lower()
        member = _HEADERS.get(lowered)
        if member is not None:
            # Of a response in pieces two of them come as trailers, after it.
            setattr(self._request, member, value.decode("latin-1"))
        elif lowered == b"expect" and value.lower() == b"100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        self._request.method = self._parser.get_method().decode("latin-1")
        self._api.begin_stream(self, self._request)

    def _count_head(self, piece: bytes) -> None:
        self._head += len(piece)
        if self._head > _HEAD_LIMIT:
            self.close()

    def on_body(self, body: bytes) -> None:
        if self._request.streams:
            self._api.streamed(self._request, body)
            return
        self._request.size += len(body)
        if self._request.size <= RESPONSE_LIMIT:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._request.body = b"".join(self._pieces)
        request, self._request = self._request, _Request()
        self._api.answer(self, request)


def _format(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace") + body


def _error(error_type: str, message: str) -> Mapping[str, str]:
    return {"errorMessage": message, "errorType": error_type}


def _declared_error(request: _Request) -> str:
    return request.error_type or error_type_of(request.body)


# -- whose socket it is ----------------------------------------------------------------------


def owns(owner: int, peer: Address, own: Address) -> bool:
    """Whether a process in the session `owner` holds the socket at `peer` connected to `own`."""
    inode = _find_inode(peer, own)
    return inode is not None and any(
        _holds(pid, f"socket:[{inode}]") for pid in _processes_of(owner)
    )


def _find_inode(local: Address, remote: Address) -> str | None:
    """The inode of the socket between these IPv4 addresses, as its holder sees them."""
    wanted = [_hexadecimal(local), _hexadecimal(remote)]
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        columns = line.split()
        if columns[1:3] == wanted:
            return columns[9]
    return None


def _hexadecimal(address: Address) -> str:
    """An address as the kernel's table writes it."""
    host, port = address
    return f"{int.from_bytes(bytes(map(int, host.split('.'))), sys.byteorder):08X}:{port:04X}"


def _processes_of(session: int) -> list[int]:
    pids = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.getsid(int(name)) == session:
                    pids.append(int(name))
            except ProcessLookupError:
                continue
    return pids


def _holds(pid: int, target: str) -> bool:
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:  # it has ended
        return False
    for name in names:
        try:
            if os.readlink(f"{directory}/{name}") == target:
                return True
        except OSError:  # closed meanwhile
            continue
    return False
