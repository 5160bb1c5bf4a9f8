"""Requests signed by botocore and sent byte for byte, for what no SDK would send."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Headers = list[tuple[str, str]]


@dataclass
class Raw:
    """A request to be sent as it stands. Change any part of it between signing and sending."""

    method: str
    url: str
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        return next(value for given, value in self.headers if given.lower() == name.lower())

    def replace(self, name: str, value: str) -> None:
        self.headers = [
            (given, value if given.lower() == name.lower() else old) for given, old in self.headers
        ]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def signed(
    credentials: Credentials,
    service: str,
    region: str,
    method: str,
    url: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Raw:
    """Signed in its headers, by botocore."""
    request = AWSRequest(method, url, headers or {}, body)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(credentials, service, region).add_auth(request)
    return _raw(request, url)


def presigned(
    credentials: Credentials, service: str, region: str, method: str, url: str, expires: int = 3600
) -> Raw:
    """Signed in its query, by botocore."""
    request = AWSRequest(method, url)
    auth = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    auth(credentials, service, region, expires).add_auth(request)
    return _raw(request, request.url)


def _raw(request: AWSRequest, url: str) -> Raw:
    prepared = request.prepare()
    fields = [(name, _text(value)) for name, value in prepared.headers.items()]
    if not any(name.lower() == "host" for name, _ in fields):
        fields.insert(0, ("Host", urlsplit(url).netloc))
    fields = [(name, value) for name, value in fields if name.lower() != "content-length"]
    return Raw(request.method, url, fields, prepared.body or b"")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def send(request: Raw) -> Answer:
    """Send it over a socket of its own, and read the answer to the end of the connection."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = [*request.headers, ("Connection", "close")]
    if request.body or request.method in {"POST", "PUT"}:
        fields.append(("Content-Length", str(len(request.body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    wire = f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + request.body
    with socket.create_connection((parts.hostname or "", parts.port or 80), 10) as connection:
        connection.sendall(wire)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head_bytes, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head_bytes.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return Answer(
        int(status_line.split()[1]),
        {name.lower(): value for name, _, value in pairs},
        body.decode("utf-8", "replace"),
    )
