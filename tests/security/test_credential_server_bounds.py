"""Many, slow, and endless clients of a server on loopback."""

import socket
import threading
from contextlib import suppress

import pytest

from daypass.client.local.http import LocalServer, plain
from tests.client.local.wire import raw, request


def ok(_request):
    return plain(200, "here")


def test_there_are_so_many_connections_and_then_one_is_closed_at_once():
    with LocalServer(ok, connections=3) as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for connection in held:  # served by a thread, so counted
            connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % server.port)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=10) as refused,
            suppress(ConnectionError),
        ):
            refused.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert refused.recv(100) == b""
        for connection in held:
            connection.close()
        until_served(server.port)


def until_served(port):
    for _ in range(200):
        try:
            if request(port, "GET", "/")[0] == 200:
                return
        except (OSError, IndexError, ValueError):
            threading.Event().wait(0.02)
    pytest.fail("connections are never given back")


def test_a_silent_client_is_hung_up_on():
    with (
        LocalServer(ok, silence=0.1) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection,
    ):
        connection.sendall(b"GET / HT")
        assert connection.recv(100) == b""


def test_headers_without_end_are_refused():
    with LocalServer(ok) as server:
        answer = raw(server.port, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000)
        assert int(answer.split()[1]) == 431


def test_a_body_nobody_asked_for_is_not_read_for_ever():
    with LocalServer(ok) as server:
        head = b"POST / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: 99999999\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(head % server.port)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            with pytest.raises(ConnectionError):
                send_for_ever(connection)


def send_for_ever(connection):
    for _ in range(1500):
        connection.sendall(b"a" * 65536)


def test_the_end_of_the_server_ends_its_connections():
    with LocalServer(ok) as server:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % server.port)
        while not connection.recv(65536).endswith(b"here\n"):
            pass
    with connection, suppress(ConnectionError):
        assert connection.recv(100) == b""
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", server.port), timeout=2)


def test_a_handlers_fault_is_a_500_without_its_text(caplog):
    def broken(_request):
        raise RuntimeError("wJalrXUtnFEMI")

    with LocalServer(broken) as server:
        status, _, body = request(server.port, "GET", "/?secret=1")
    assert status == 500
    assert b"wJalrXUtnFEMI" not in body
    assert "secret=1" not in caplog.text
