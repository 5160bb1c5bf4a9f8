"""A small HTTP/1.1 server for this machine alone: one thread a connection, everything bounded.

Bytes are read by h11, which refuses what proxies and servers read differently (two lengths,
stray whitespace, folded headers), so that no request can hide in another.
"""

import logging
import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import h11

from daypass.client.local.peers import Address, may_connect

_logger = logging.getLogger("daypass.local")

LOOPBACK: Final = "127.0.0.1"
_PIECE: Final = 64 * 1024
# Bytes of a request's line and headers.
_LARGEST_HEAD: Final = 64 * 1024
# Seconds a connection may be silent.
_SILENCE: Final = 60.0
_CONNECTIONS: Final = 64
# Bytes of an unread body that are thrown away so that the answer arrives.
_DRAINED: Final = 1024 * 1024
_LINGER: Final = 1.0


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """A request as it came. target: as on the wire. headers: lower-case names. body: its pieces,
    to be read once; raises `BrokenRequestError` where it ends before its time."""

    method: str
    target: str
    headers: list[tuple[str, str]] = field(repr=False)
    body: Iterator[bytes] = field(repr=False)

    def one(self, name: str) -> str | None:
        """The header's value if it came exactly once."""
        values = [value for key, value in self.headers if key == name]
        return values[0] if len(values) == 1 else None

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.headers)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """An answer. body: sent piece by piece; its `close`, if it has one, is called at the end."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes] = ()


class BrokenRequestError(Exception):
    """The client sent less than it announced, or what is no HTTP."""


Handler = Callable[[LocalRequest], LocalResponse]
# Method, path without query, status.
Log = Callable[[str, str, int], None]


class LocalServer:
    """Answers on a loopback port, in threads of its own, from `with` until its end.

    handler: called in the connection's thread. host_names: what a Host header may name beside
    the loopback address; any other is refused, or a web page could reach this server under a name
    that its author points here (DNS rebinding). any_user: also other users of this machine.
    Raises `OSError` where the port cannot be had.
    """

    def __init__(
        self,
        handler: Handler,
        port: int = 0,
        *,
        any_user: bool = False,
        check_host: bool = True,
        log: Log = lambda _method, _path, _status: None,
        connections: int = _CONNECTIONS,
        silence: float = _SILENCE,
    ) -> None:
        self._handler = handler
        self._any_user = any_user
        self._log = log
        self._silence = silence
        self._free = threading.BoundedSemaphore(connections)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((LOOPBACK, port), backlog=connections)
        self._waker, self._wake = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]
        self._hosts = (
            frozenset({f"{LOOPBACK}:{self.port}", f"localhost:{self.port}"}) if check_host else None
        )
        self._thread = threading.Thread(target=self._accept, name="local-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._wake.close()
        self._thread.join()
        self._waker.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as ready, self._listener:
            ready.register(self._listener, selectors.EVENT_READ)
            ready.register(self._waker, selectors.EVENT_READ)
            while not any(key.fileobj is self._waker for key, _ in ready.select()):
                try:
                    connection, peer = self._listener.accept()
                except OSError:
                    continue  # It left before it was greeted.
                if not self._free.acquire(blocking=False):
                    connection.close()
                    continue
                threading.Thread(
                    target=self._converse, args=(connection, peer), daemon=True
                ).start()

    def _converse(self, connection: socket.socket, peer: Address) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            connection.settimeout(self._silence)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = _Conversation(connection)
            if not self._any_user and not may_connect(peer, connection.getsockname()):
                conversation.refuse(403, "This port serves another user of this machine.")
                return
            while (request := conversation.next_request()) is not None:
                answer = self._answer(request)
                self._log(request.method, request.path, answer.status)
                if not conversation.send(answer):
                    return
        except (OSError, BrokenRequestError, h11.ProtocolError):
            pass  # The client is gone, silent or speaks no HTTP; there is nobody to tell.
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            self._free.release()

    def _answer(self, request: LocalRequest) -> LocalResponse:
        host = request.one("host")
        if self._hosts is not None and (host is None or host.lower() not in self._hosts):
            return plain(403, "The Host header names another server.")
        try:
            return self._handler(request)
        except BrokenRequestError:
            raise
        except Exception:
            # The traceback names code, never a value of the request.
            _logger.exception("%s %s failed", request.method, request.path)
            return plain(500, "An internal error occurred.")


class _Conversation:
    """The requests and answers of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        self._method = ""

    def next_request(self) -> LocalRequest | None:
        """None at the end of the connection."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        try:
            event = self._next_event()
        except h11.RemoteProtocolError as error:
            self.refuse(error.error_status_hint, "This is no HTTP/1.1 request.")
            return None
        if not isinstance(event, h11.Request):
            return None
        self._method = event.method.decode("ascii")
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers]
        return LocalRequest(self._method, event.target.decode("latin-1"), headers, self._body())

    def send(self, answer: LocalResponse) -> bool:
        """Whether the connection can be used again."""
        try:
            self._send(h11.Response(status_code=answer.status, headers=_ascii(answer.headers)))
            for piece in answer.body:
                if piece and self._method != "HEAD":
                    self._send(h11.Data(data=piece))
            self._send(h11.EndOfMessage())
        finally:
            close = getattr(answer.body, "close", None)
            if close is not None:
                close()
        return self._finish()

    def refuse(self, status: int, why: str) -> None:
        answer = plain(status, why)
        headers = [*answer.headers, ("connection", "close")]
        self._send(h11.Response(status_code=status, headers=_ascii(headers)))
        for piece in answer.body:
            self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())
        self._hang_up()

    def _body(self) -> Iterator[bytes]:
        if self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while True:
            try:
                event = self._next_event()
            except h11.RemoteProtocolError as error:
                raise BrokenRequestError(str(error)) from error
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(self._socket.recv(_PIECE))

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._socket.sendall(data)

    def _finish(self) -> bool:
        """Read what was left of the body, if that is little: then the connection can go on."""
        left = _DRAINED
        while self._http.their_state is h11.SEND_BODY and left > 0:
            if self._http.they_are_waiting_for_100_continue:
                break
            event = self._next_event()
            left -= len(event.data) if isinstance(event, h11.Data) else 0
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            return True
        self._hang_up()
        return False

    def _hang_up(self) -> None:
        """Close so that the answer arrives although not all of the request was read."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(_LINGER)
            left = _DRAINED
            while left > 0 and (piece := self._socket.recv(_PIECE)):
                left -= len(piece)


def plain(status: int, text: str) -> LocalResponse:
    """An answer of one sentence."""
    content = f"{text}\n".encode()
    headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(content))),
        ("cache-control", "no-store"),
    ]
    return LocalResponse(status, headers, (content,))


def _ascii(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
