"""What functions reach over the network, and who answers them there.

In a network of its own an environment finds AWS's names, the server's own address and its Runtime
API on sockets made inside, which the server answers: it knows by the socket whose request it is.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from daypass.network.files import (
    RESOLV_CONF,
    SYSTEM_BUNDLES,
    name_servers,
    nsswitch,
    system_bundle,
    trust_variables,
)
from daypass.network.name_server import NameServer
from daypass.network.names import ADDRESS, LOOPBACK
from daypass.network.outside import Carried, Carrier, connect, find_carrier
from daypass.network.view import STANDARD, Listening, NamespaceError, listening_at
from daypass.workers.function import IsolationError
from daypass.workers.isolation import Isolation

# As on AWS.
RUNTIME_API: Final = Listening("169.254.100.1", 9001)
# Of loopback, because every SDK takes credentials from there.
CREDENTIALS: Final = Listening(LOOPBACK, 9002)
# Where every function finds whom to trust, whatever system the server runs on.
_BUNDLE: Final = SYSTEM_BUNDLES[0]
_TAKE_SECONDS: Final = 10.0


class Reach(StrEnum):
    """What functions reach: this server alone, the outside too, or all that the machine does."""

    AWS = "aws"
    OPEN = "open"
    HOST = "host"

    def describe(self) -> str:
        """One line for the operator."""
        return {
            Reach.AWS: "aws (this server alone, by AWS's names)",
            Reach.OPEN: "open (this server by AWS's names, and the outside; not this machine's "
            "loopback)",
            Reach.HOST: "host (all that this machine reaches, its loopback too, and the server's "
            "administration, which refuses a function's own session)",
        }[self]


def choose_reach(demanded: Reach | None, isolation: Isolation) -> Reach:
    """The demanded network, or the narrowest that this machine allows.

    Raises `IsolationError` if it does not allow what is demanded.
    """
    if demanded is Reach.HOST:
        return Reach.HOST
    if isolation.network_refusal:
        if demanded is None:
            return Reach.HOST
        raise IsolationError(
            f"Functions can have no network of their own here: {isolation.network_refusal}. "
            "Allow it, or start with --function-network host to let them use the machine's."
        )
    if demanded is Reach.OPEN:
        _find_carrier()
    return demanded or Reach.AWS


def _find_carrier() -> Carrier:
    try:
        found = find_carrier()
    except NamespaceError as error:
        raise IsolationError(f"--function-network open: {error}") from error
    if found.needs_user and os.geteuid() == 0:
        raise IsolationError(
            f"--function-network open: {found.name} does not connect what root has separated. "
            "Install slirp4netns, or run the server as an ordinary user."
        )
    return found


class Front(Protocol):
    """Who answers what functions send to the server."""

    async def answer(self, listener: socket.socket, *, tls: bool) -> asyncio.AbstractServer:
        """Answer on this socket until the server given back is closed."""


@dataclass(frozen=True, slots=True)
class Network:
    """The networks of functions, each environment's its own.

    front: who answers for AWS. endpoint_url: the server's own address. authority: a file with the
    certificate of the server's authority. directory: where files for functions may be kept.
    """

    front: Front
    endpoint_url: str
    authority: Path
    directory: Path
    outside: bool = False
    carrier: Carrier | None = field(init=False)
    own: Listening | None = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint_url)
        own = listening_at(parts.hostname or "", parts.port or 80)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "carrier", _find_carrier() if self.outside else None)

    def prepare(self) -> None:
        """Write the files that functions see."""
        trusted = self.authority.read_bytes()
        if self.outside:
            trusted += system_bundle()
        # Beside, and then in its place: functions of another process have it open.
        aside = self.bundle.with_name(f".{self.bundle.name}.{os.getpid()}")
        aside.write_bytes(trusted)
        aside.chmod(0o644)
        aside.rename(self.bundle)

    @property
    def bundle(self) -> Path:
        """The file of all authorities functions trust, where the server has it."""
        return self.directory / "authorities.pem"

    def sockets(self) -> Sequence[Listening]:
        """What every environment has: `STANDARD`, and the server's own address."""
        return STANDARD if self.own is None else (*STANDARD, self.own)

    def describe(self, services: Sequence[Listening]) -> dict[str, Any]:
        """What `runtime.network.enter` wants. services: sockets of this environment beside."""
        sockets = (*self.sockets(), *services)
        return {
            "sockets": [[one.host, one.port, one.datagram] for one in sockets],
            "outside": self.outside,
        }

    def variables(self) -> Mapping[str, str]:
        """The environment variables by which a function finds the server, and trusts it."""
        url = f"http://{ADDRESS}" if self.own is None else self.endpoint_url
        return {"AWS_ENDPOINT_URL": url, **trust_variables(_BUNDLE, _BUNDLE)}

    def files(self) -> Mapping[str, str]:
        """The texts of files that a function has of its own."""
        return {"/etc/resolv.conf": RESOLV_CONF, "/etc/nsswitch.conf": nsswitch()}

    def binds(self) -> Sequence[tuple[Path, str]]:
        """Files of the server's that a function sees, and where."""
        return [(self.bundle, _BUNDLE)]


class Wires:
    """The server's ends of one environment's network. Make them with `take`.

    services: the sockets of its own services, for whoever answers there.
    """

    def __init__(self) -> None:
        self.services: dict[Listening, socket.socket] = {}
        self._servers: list[asyncio.AbstractServer] = []
        self._names: asyncio.DatagramTransport | None = None
        self._carried: Carried | None = None

    @classmethod
    async def take(
        cls, network: Network, channel: socket.socket, services: Sequence[Listening]
    ) -> "Wires":
        """Take over what the environment hands out over this channel, and answer on it.

        services: as it was described to it. Where nothing comes, because it has ended, there is
        nothing to answer on.
        """
        wires = cls()
        listenings = (*network.sockets(), *services)
        wanted = len(listenings) + 2 * network.outside
        descriptors = await _receive(channel, wanted)
        try:
            if len(descriptors) == wanted:
                if network.carrier is not None:
                    wires._connect(network.carrier, descriptors[len(listenings) :])
                made = [socket.socket(fileno=descriptors.pop(0)) for _ in listenings]
                wires.services = dict(zip(listenings, made, strict=True))
                await wires._answer(network)
        except BaseException:
            wires.close()
            raise
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return wires

    def _connect(self, carrier: Carrier, namespaces: Sequence[int]) -> None:
        networks, users = (f"/proc/self/fd/{descriptor}" for descriptor in namespaces)
        self._carried = connect(carrier, networks, users, namespaces)

    async def _answer(self, network: Network) -> None:
        secure, plain, names, *own = (self.services.pop(one) for one in network.sockets())
        others = name_servers() if network.outside else ()
        self._names, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: NameServer(others), sock=names
        )
        self._servers.append(await network.front.answer(secure, tls=True))
        for listener in (plain, *own):
            self._servers.append(await network.front.answer(listener, tls=False))

    def close(self) -> None:
        """Answer no more."""
        for server in self._servers:
            server.close()
        if self._names is not None:
            self._names.close()
        if self._carried is not None:
            self._carried.end()
            self._carried = None


async def _receive(channel: socket.socket, count: int) -> list[int]:
    """The descriptors that come with the first byte; none if that does not come."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(channel, readable.set)
    try:
        async with asyncio.timeout(_TAKE_SECONDS):
            await readable.wait()
    except TimeoutError:
        return []
    finally:
        loop.remove_reader(channel)
    with contextlib.suppress(OSError):
        return socket.recv_fds(channel, 1, count, socket.MSG_CMSG_CLOEXEC)[1]
    return []
