"""Which network functions get, of those that are demanded and those that can be had."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daypass.workers import IsolationError, Level, Network, Reach, choose_reach
from daypass.workers.isolation import Isolation
from daypass.workers.network import RUNTIME_API

APART = Isolation(Level.NAMESPACES, 7, network_refusal="")
TOGETHER = Isolation(Level.LANDLOCK, 7)


def test_the_narrowest_is_the_default() -> None:
    assert choose_reach(None, APART) is Reach.AWS
    assert choose_reach(None, TOGETHER) is Reach.HOST


def test_the_machine_s_can_always_be_had() -> None:
    assert choose_reach(Reach.HOST, APART) is Reach.HOST
    assert choose_reach(Reach.HOST, TOGETHER) is Reach.HOST


@pytest.mark.parametrize("demanded", [Reach.AWS, Reach.OPEN])
def test_what_cannot_be_had_is_refused_and_never_replaced(demanded: Reach) -> None:
    refused = Isolation(Level.NAMESPACES, 7, network_refusal="no room for more")
    with pytest.raises(IsolationError, match="no room for more"):
        choose_reach(demanded, refused)
    with pytest.raises(IsolationError, match="--function-network host"):
        choose_reach(demanded, TOGETHER)


def test_open_needs_what_carries_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IsolationError, match="Neither slirp4netns nor pasta is installed"):
        choose_reach(Reach.OPEN, APART)
    carrier = tmp_path / "slirp4netns"
    carrier.touch(mode=0o755)
    assert choose_reach(Reach.OPEN, APART) is Reach.OPEN


@pytest.mark.parametrize(
    ("endpoint", "inside"),
    [
        ("http://127.0.0.1:9311", "http://127.0.0.1:9311"),
        ("http://[::1]:9311", "http://[::1]:9311"),
        ("http://10.1.2.3:80", "http://10.1.2.3:80"),
        # Addresses a network of one's own cannot have: AWS's names lead there all the same.
        ("http://[2001:db8::1]:9311", "http://198.51.100.1"),
        ("http://daypass.example:9311", "http://198.51.100.1"),
    ],
)
def test_the_server_s_own_address_is_inside_where_it_can_be(
    tmp_path: Path, endpoint: str, inside: str
) -> None:
    network = Network(NoFront(), endpoint, tmp_path / "ca.pem", tmp_path)
    assert network.variables()["AWS_ENDPOINT_URL"] == inside
    hosts = [host for host, *_ in network.describe([RUNTIME_API])["sockets"]]
    assert urlsplit(inside).hostname in hosts
    assert hosts[-1] == "169.254.100.1"


class NoFront:
    """Nobody asks it anything here."""

    async def answer(self, listener: object, *, tls: bool) -> object:
        raise AssertionError
