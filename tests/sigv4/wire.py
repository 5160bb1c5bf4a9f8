"""A plain TCP server that keeps requests byte for byte, and what a strict service makes of them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from daypass.protocol.message import combine_headers
from daypass.sigv4 import Dialect, Verified, body_verifier, parse, verify


@dataclass
class Received:
    """One request as it was on the wire. body: with any Transfer-Encoding taken off."""

    method: str
    path: str
    query: str
    fields: list[tuple[str, str]]
    body: bytes

    def verify(self, secret: str, *, service: str, region: str, now: float) -> Verified:
        dialect = Dialect.S3 if service == "s3" else Dialect.QUERY
        headers, repeated = combine_headers(self.fields)
        presented = parse(self.method, self.path, self.query, headers, repeated, dialect=dialect)
        assert presented is not None, "the request carries no authentication"
        digest = None if dialect is Dialect.S3 else sha256(self.body).hexdigest()
        return verify(
            presented,
            lambda _: secret,
            service=service,
            region=region,
            now=now,
            body_sha256=digest,
        )

    def decode(self, verified: Verified) -> tuple[bytes, dict[str, str]]:
        verifier = body_verifier(verified, combine_headers(self.fields)[0])
        body = b"".join(verifier.feed(self.body))
        return body, dict(verifier.finish())


@dataclass
class Listener:
    port: int
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Answer = Callable[[Received], bytes]


def nothing(_request: Received) -> bytes:
    return b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


@contextmanager
def listening(answer: Answer = nothing) -> Iterator[Listener]:
    """A listener on a free port of 127.0.0.1, one request a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, listener, answer), daemon=True)
        thread.start()
        yield listener
        server.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def _serve(server: socket.socket, listener: Listener, answer: Answer) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            request = _read(stream)
            if request is not None:
                listener.received.append(request)
                stream.write(answer(request))
                stream.flush()


def _read(stream) -> Received | None:
    line = stream.readline().decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    method, target, _version = line.split(" ")
    fields: list[tuple[str, str]] = []
    while (line := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        fields.append((name, value.strip(" \t")))
    headers = {name.lower(): value for name, value in fields}
    if headers.get("expect", "").lower() == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.flush()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Received(method, path, query, fields, body)
