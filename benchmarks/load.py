"""A load of identical requests from one process: a few connections, each with one in flight."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools
import uvloop
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True)
class Prepared:
    """A signed request, byte for byte."""

    host: str
    port: int
    wire: bytes


def prepare(
    credentials: Credentials,
    service: str,
    region: str,
    method: str,
    url: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Prepared:
    """Sign with botocore, as an SDK would, and lay the request out once."""
    request = AWSRequest(method, url, headers or {}, body)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(credentials, service, region).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, **prepared.headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {_text(value)}\r\n" for name, value in fields.items())
    wire = f"{method} {target or '/'} HTTP/1.1\r\n{head}\r\n".encode() + body
    return Prepared(parts.hostname or "", parts.port or 80, wire)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@dataclass(frozen=True)
class Result:
    requests: int
    seconds: float
    failures: int


def run(request: Prepared, seconds: float, connections: int = 16) -> Result:
    """Send the request again and again for so long. failures: answers that are not 2xx."""
    return uvloop.run(_run(request, seconds, connections))


async def _run(request: Prepared, seconds: float, connections: int) -> Result:
    started = time.perf_counter()
    until = started + seconds
    counts = await asyncio.gather(*(_one(request, until) for _ in range(connections)))
    elapsed = time.perf_counter() - started
    return Result(sum(n for n, _ in counts), elapsed, sum(failed for _, failed in counts))


async def _one(request: Prepared, until: float) -> tuple[int, int]:
    count = failed = 0
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while time.perf_counter() < until:
        if writer is None:
            reader, writer = await asyncio.open_connection(request.host, request.port)
        assert reader is not None
        writer.write(request.wire)
        status, keeps = await _answer(reader)
        count += 1
        failed += not 200 <= status < 300
        if not keeps:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return count, failed


class _Answer:
    def __init__(self) -> None:
        self.complete = False
        self.closes = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"connection" and value.lower() == b"close":
            self.closes = True

    def on_message_complete(self) -> None:
        self.complete = True


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.complete:
        data = await reader.read(65536)
        if not data:
            # An answer without a length ends with its connection.
            return parser.get_status_code(), False
        parser.feed_data(data)
    return parser.get_status_code(), not (answer.closes or parser.get_http_version() == "1.0")
