"""HTTP/1.1 on the wire: what a strict server does, and what it refuses."""

import socket
import time
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials

from daypass.protocol.message import Response
from daypass.server.http import _head, _split_target
from tests.conftest import Server
from tests.signing import signed

HEALTH = "GET /_daypass/health HTTP/1.1\r\nHost: localhost\r\n"


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.endpoint)
    connection = socket.create_connection((parts.hostname or "", parts.port or 80), 10)
    connection.settimeout(10)
    return connection


def exchange(server: Server, wire: str | bytes) -> bytes:
    """Send, and read until the server closes."""
    with connect(server) as connection:
        connection.sendall(wire.encode("latin-1") if isinstance(wire, str) else wire)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


def read_one(connection: socket.socket) -> bytes:
    """One answer with a Content-Length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection)
    assert len(body) == length
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    assert piece, "the server closed the connection"
    return piece


def test_a_connection_serves_one_request_after_another(server: Server) -> None:
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(f"{HEALTH}\r\n".encode())
            assert read_one(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    paths = ["/_daypass/health", "/_daypass/nothing", "/_daypass/ready", "/_daypass/health"]
    wire = "".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths)
    with connect(server) as connection:
        connection.sendall(wire.encode())
        statuses = []
        rest = b""
        while len(statuses) < len(paths):
            rest += _more(connection)
            while b"\r\n\r\n" in rest:
                head, _, behind = rest.partition(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                if len(behind) < size:
                    break
                statuses.append(int(head.split()[1]))
                rest = behind[size:]
    assert statuses[0] == statuses[2] == statuses[3] == 200
    assert statuses[1] >= 400


def test_more_requests_than_anyone_pipelines_end_the_connection(server: Server) -> None:
    answer = exchange(server, f"{HEALTH}\r\n" * 500)
    assert 1 <= answer.count(b"HTTP/1.1 200 OK") <= 500


@pytest.mark.parametrize(
    "asked", ["Connection: close\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n"]
)
def test_the_server_closes_when_it_should(server: Server, asked: str) -> None:
    answer = exchange(server, f"{HEALTH}{asked}\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    answer = exchange(server, "GET /_daypass/health HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_head_has_the_length_and_no_body(server: Server) -> None:
    answer = exchange(server, HEALTH.replace("GET", "HEAD") + "Connection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: 16" in head.lower()
    assert body == b""


@pytest.mark.parametrize(
    "wire",
    [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        f"{HEALTH}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        f"{HEALTH}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{HEALTH}Content-Length: +1\r\n\r\na",
        f"{HEALTH}Content-Length: -1\r\n\r\n",
        f"{HEALTH}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        f"{HEALTH}Folded: a\r\n b\r\n\r\n",
        f"{HEALTH}Blank before : colon\r\n\r\n",
        f"{HEALTH}Nul: \x00\r\n\r\n",
        "GET /caf\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /#fragment HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(server: Server, wire: str) -> None:
    answer = exchange(server, wire)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_breaks_off_in_nonsense_ends_the_connection(server: Server) -> None:
    answer = exchange(server, f"{HEALTH}Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_smuggled_request_is_not_answered(server: Server) -> None:
    smuggled = (
        f"{HEALTH}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "GET /_daypass/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert exchange(server, smuggled).count(b"HTTP/1.1 200") == 0


@pytest.mark.parametrize("size", [33 * 1024, 200 * 1024])
def test_a_head_that_is_too_large_is_refused(server: Server, size: int) -> None:
    answer = exchange(server, f"{HEALTH}Large: {'a' * size}\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"RequestHeaderSectionTooLarge" in answer


def test_a_head_that_never_ends_is_refused(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(f"{HEALTH}Endless: ".encode() + b"a" * 128 * 1024)
        assert read_one(connection).startswith(b"HTTP/1.1 400 ")


def _upload(server: Server, size: int, **headers: str) -> bytes:
    """The head of a PUT that will be refused: its signature is of another region."""
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    request = signed(credentials, "s3", "nowhere-1", "PUT", f"{server.endpoint}/bucket/key")
    fields = [*request.headers, ("Content-Length", str(size)), *headers.items()]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"PUT /bucket/key HTTP/1.1\r\n{head}\r\n".encode()


def test_a_refusal_comes_before_the_body_is_sent(server: Server) -> None:
    head = _upload(server, 100_000_000, Expect="100-continue")
    with connect(server) as connection:
        connection.sendall(head)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"100 Continue" not in answer


def test_leave_to_send_is_given_when_the_body_is_wanted(server: Server) -> None:
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = signed(credentials, "sts", server.region, "POST", server.endpoint, body, form)
    fields = [*request.headers, ("Content-Length", str(len(body))), ("Expect", "100-continue")]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    with connect(server) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\n{head}\r\n".encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_one(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        # The connection goes on.
        connection.sendall(f"{HEALTH}\r\n".encode())
        assert read_one(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_refused_upload_is_read_so_that_its_client_sees_the_answer(server: Server) -> None:
    head = _upload(server, 4 * 1024 * 1024)
    with connect(server) as connection:
        connection.sendall(head)
        time.sleep(0.2)
        connection.sendall(b"x" * 4 * 1024 * 1024)
        assert read_one(connection).startswith(b"HTTP/1.1 400 ")
        connection.sendall(f"{HEALTH}\r\n".encode())
        assert read_one(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_nobody_wants_is_not_read_for_ever(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(_upload(server, 10_000_000_000))
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 256 * 1024 * 1024)


def test_a_client_that_goes_away_in_its_body_leaves_the_server_well(server: Server) -> None:
    head = _upload(server, 1000)
    for sent in (head[:20], head, head + b"x" * 10):
        with connect(server) as connection:
            connection.sendall(sent)
    with connect(server) as connection:
        connection.sendall(f"{HEALTH}\r\n".encode())
        assert read_one(connection).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/a%2Fb/../c//d%20e?x=%zz&y", ("/a%2Fb/../c//d%20e", "x=%zz&y")),
        (b"/?", ("/", "")),
        (b"//a", ("//a", "")),
        (b"http://elsewhere.example/a/b?c", ("/a/b", "c")),
        (b"http://elsewhere.example", ("/", "")),
        (b"http://elsewhere.example?c=/d", ("/", "c=/d")),
        (b"*", ("", "")),
        (b"localhost:80", ("", "")),
        (b"/\xc3\xa9", ("", "")),
        (b"/a#b", ("", "")),
    ],
)
def test_a_target_is_taken_apart_and_not_changed(target: bytes, expected: tuple[str, str]) -> None:
    assert _split_target(target) == expected


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_header_value_cannot_begin_another_header(value: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        _head(Response(200, [("x-amz-meta-a", value)]), keep_alive=True)
