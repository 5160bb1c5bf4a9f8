"""`daypass call` over HTTP/2, to a server that offers it: signed as botocore signs the same."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from tests.cli.running import CLEAN, daypass
from tests.cli.test_call import KEYS, SECRET, certified
from tests.client.wire import Received

BODY = '{"id": 1}'


class Http2Server:
    """Answers each connection's one request, and keeps it as HTTP/1.1 would have had it."""

    def __init__(self, directory: Path) -> None:
        self.authority, key = certified(directory)
        self.received: list[Received] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.authority, key)
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with self._context.wrap_socket(plain, server_side=True) as connection:
                assert connection.selected_alpn_protocol() == "h2"
                self._answer(connection)

    def _answer(self, connection: ssl.SSLSocket) -> None:
        http = H2Connection(H2Configuration(client_side=False, header_encoding="ascii"))
        http.initiate_connection()
        connection.sendall(http.data_to_send())
        fields: list[tuple[str, str]] = []
        body = b""
        while data := connection.recv(65536):
            for event in http.receive_data(data):
                if isinstance(event, RequestReceived):
                    fields = list(event.headers)
                elif isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded):
                    self._keep(fields, body)
                    http.send_headers(event.stream_id, [(":status", "200"), ("x-of", "h2")])
                    http.send_data(event.stream_id, b"over HTTP/2", end_stream=True)
            connection.sendall(http.data_to_send())

    def _keep(self, fields: list[tuple[str, str]], body: bytes) -> None:
        pseudo = {name: value for name, value in fields if name.startswith(":")}
        headers = [(name, value) for name, value in fields if not name.startswith(":")]
        headers.append(("host", pseudo[":authority"]))
        self.received.append(Received(pseudo[":method"], pseudo[":path"], headers, body))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Http2Server]:
    made = Http2Server(tmp_path)
    yield made
    made.close()


def test_what_is_sent_is_what_was_signed(server: Http2Server) -> None:
    url = f"https://localhost:{server.port}/_urls/abcdefghijklmnopqrstuvwxyz012345/a%20b?c=d%2Fe"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ended = daypass(
        *("call", "-i", url, "--json", BODY, "--cacert", str(server.authority)),
        env=kept | CLEAN | KEYS,
    )
    assert ended.code == 0, ended
    assert ended.out.startswith("HTTP/2 200")
    assert "x-of: h2" in ended.out
    assert ended.out.endswith("over HTTP/2")
    (request,) = server.received
    assert (request.method, request.body) == ("POST", BODY.encode())
    assert request.target == "/_urls/abcdefghijklmnopqrstuvwxyz012345/a%20b?c=d%2Fe"
    assert request.signature() == request.expected_signature(SECRET, "lambda", "eu-west-1")
