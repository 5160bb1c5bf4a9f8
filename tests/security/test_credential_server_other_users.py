"""Another user of this machine connects to a credential server."""

import os
import socket
import subprocess
import sys

import pytest

from daypass.client.local.container import ContainerEndpoint
from daypass.client.local.http import LocalServer
from daypass.client.local.peers import owner
from tests.client.local.sources import Clock, Sessions

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells users apart")
STRANGER = 65534

ASK = """
import encodings.idna, os, socket
os.setuid({user})
connection = socket.create_connection(("127.0.0.1", {port}), timeout=10)
connection.sendall(b"GET /credentials HTTP/1.1\\r\\nhost: 127.0.0.1:{port}\\r\\n"
    b"authorization: the-token\\r\\nconnection: close\\r\\n\\r\\n")
print(connection.recv(65536).split()[1].decode())
"""


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_refused_who_knows_the_token():
    sessions = Sessions(Clock())
    with LocalServer(ContainerEndpoint(sessions.credentials, "the-token")) as server:
        for user, status in ((os.geteuid(), "200"), (STRANGER, "403")):
            script = ASK.format(user=user, port=server.port)
            # Isolated: a stranger may read neither this directory nor its packages.
            ended = subprocess.run(
                ["/usr/bin/env", "-i", sys.executable, "-S", "-I", "-c", script],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
            assert ended.stdout.strip() == status, ended.stderr
    assert sessions.calls == 1


@linux
def test_the_kernel_says_whose_a_connection_is():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server, peer = listener.accept()
        with server:
            assert owner(peer, server.getsockname()) == os.geteuid()
            assert client.getsockname() == peer


@linux
def test_a_connection_that_is_not_in_the_table_is_nobodys(tmp_path):
    table = tmp_path / "tcp"
    table.write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000  0 1\n"
    )
    assert owner(("127.0.0.1", 8080), ("127.0.0.1", 50000), [table]) == 1000
    assert owner(("127.0.0.1", 50000), ("127.0.0.1", 8080), [table]) is None
    assert owner(("127.0.0.1", 8080), ("127.0.0.1", 50001), [table]) is None


@linux
def test_a_socket_for_both_versions_of_ip_is_somebodys_too():
    """As Java's are: the kernel lists them in another table, with mapped addresses."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as client,
    ):
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        client.connect((f"::ffff:{listener.getsockname()[0]}", listener.getsockname()[1]))
        server, peer = listener.accept()
        with server:
            assert owner(peer, server.getsockname()) == os.geteuid()


def test_only_the_loopback_address_is_listened_on():
    with LocalServer(lambda _request: pytest.fail("nobody asks")) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        for info in socket.getaddrinfo(socket.gethostname(), server.port, socket.AF_INET):
            address = info[4]
            if address[0].startswith("127."):
                continue
            with pytest.raises(ConnectionError), socket.create_connection(address, timeout=2):
                pass
