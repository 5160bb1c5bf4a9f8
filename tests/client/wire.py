"""A server that keeps what it was sent, and botocore's opinion of the signature."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    def signature(self) -> str:
        authorization = self.header("authorization")
        assert authorization is not None
        return authorization.rpartition("Signature=")[2]

    def signed_names(self) -> list[str]:
        authorization = self.header("authorization")
        assert authorization is not None
        return authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")

    def expected_signature(self, secret: str, service: str, region: str) -> str:
        """What botocore signs for these very bytes."""
        request = AWSRequest(
            self.method,
            f"http://{self.header('host')}{self.target}",
            headers={name: self.header(name) for name in self.signed_names()},
            data=self.body,
        )
        request.context["timestamp"] = self.header("x-amz-date")
        request.context["payload_signing_enabled"] = True
        kind = S3SigV4Auth if service == "s3" else SigV4Auth
        signer = kind(Credentials("AKIDEXAMPLE", secret), service, region)
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        return signer.signature(to_sign, request)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Recorder:
    """replies: what the next requests are answered with; after that it is 200."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.received: list[Received] = []
        self.replies: list[Reply] = []

    @property
    def last(self) -> Received:
        return self.received[-1]


@contextmanager
def recording() -> Iterator[Recorder]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = self.headers.get("content-length")
            if length is not None:
                body = self.rfile.read(int(length))
            elif self.headers.get("transfer-encoding"):
                body = self.unchunk()
            else:
                body = b""
            recorder.received.append(
                Received(self.command, self.path, list(self.headers.items()), body)
            )
            reply = recorder.replies.pop(0) if recorder.replies else Reply()
            self.send_response_only(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def unchunk(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorder = Recorder(server.server_port)
    # Half a second, the default, would be waited for at each end.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
