"""A web page, or a proxy, reaches a credential server on this machine's loopback address."""

import pytest

from daypass.client.local.container import ContainerEndpoint
from daypass.client.local.http import LocalServer
from daypass.client.local.imds import InstanceMetadata
from tests.client.local.sources import Clock, Sessions
from tests.client.local.wire import raw, request

TTL = [("x-aws-ec2-metadata-token-ttl-seconds", "60")]
TOKEN = "the-token"


@pytest.fixture
def sessions():
    return Sessions(Clock())


@pytest.fixture
def container(sessions):
    with LocalServer(ContainerEndpoint(sessions.credentials, TOKEN)) as running:
        yield running


@pytest.fixture
def imds(sessions):
    with LocalServer(InstanceMetadata(sessions.credentials, "reader", None)) as running:
        yield running


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io"]
)
def test_a_name_that_was_pointed_here_is_refused(container, imds, sessions, host):
    for server, method, target, headers in (
        (container, "GET", "/credentials", [("authorization", TOKEN)]),
        (imds, "PUT", "/latest/api/token", TTL),
    ):
        named = host.format(port=server.port)
        assert request(server.port, method, target, headers, named)[0] == 403
    assert sessions.calls == 0


def test_the_servers_own_names_are_served(container):
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        host = f"{name}:{container.port}"
        found = request(container.port, "GET", "/credentials", [("authorization", TOKEN)], host)
        assert found[0] == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-for", "Forwarded"])
def test_what_a_proxy_forwards_is_refused(container, imds, header):
    forwarded = (header, "10.0.0.1")
    authorized = [("authorization", TOKEN), forwarded]
    assert request(container.port, "GET", "/credentials", authorized)[0] == 403
    assert request(imds.port, "PUT", "/latest/api/token", [*TTL, forwarded])[0] == 403


def test_version_1_of_instance_metadata_is_refused(imds):
    """A GET alone is what a proxy or a careless fetch of a URL can be made to send."""
    target = "/latest/meta-data/iam/security-credentials/"
    assert request(imds.port, "GET", target)[0] == 401
    assert request(imds.port, "GET", target, [("x-aws-ec2-metadata-token", "")])[0] == 401


@pytest.mark.parametrize("token", ["", "x", "the-toke", "the-token ", "Bearer the-token", "thé"])
def test_the_token_is_exact(container, token):
    encoded = token.encode().decode("latin-1")
    if encoded != encoded.strip():
        return
    found = request(container.port, "GET", "/credentials", [("authorization", encoded)])
    assert found[0] == 401


def test_two_tokens_are_none(container):
    twice = [("authorization", TOKEN), ("authorization", TOKEN)]
    assert request(container.port, "GET", "/credentials", twice)[0] == 401


def test_a_forged_metadata_token_is_refused(imds):
    _, _, token = request(imds.port, "PUT", "/latest/api/token", TTL)
    target = "/latest/meta-data/iam/security-credentials/"
    good = token.decode()
    flipped = ("A" if good[0] != "A" else "B") + good[1:]
    for forged in (flipped, good[:-4], good + "AAAA", "é" * 8, "=" * 8, good[:33]):
        encoded = forged.encode().decode("latin-1")
        found = request(imds.port, "GET", target, [("x-aws-ec2-metadata-token", encoded)])
        assert found[0] == 401, forged
    assert request(imds.port, "GET", target, [("x-aws-ec2-metadata-token", good)])[0] == 200


@pytest.mark.parametrize(
    "content",
    [
        b"GET /credentials HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nhost: evil.example\r\n\r\n",
        b"GET /credentials HTTP/1.1\r\nauthorization: the-token\r\n\r\n",
        b"GET /credentials HTTP/1.1\r\nhost : 127.0.0.1:{port}\r\n\r\n",
        b"GET /credentials HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n x: y\r\nauthorization: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_can_be_read_two_ways_is_refused(container, sessions, content):
    answer = raw(container.port, content.replace(b"{port}", str(container.port).encode()))
    status = int(answer.split()[1])
    assert status in (400, 401, 403, 431)
    assert sessions.calls == 0


def test_responses_are_kept_by_nobody(container):
    found = request(container.port, "GET", "/credentials", [("authorization", TOKEN)])
    assert found[1]["cache-control"] == "no-store"
    assert not [name for name in found[1] if name.startswith("access-control")]
