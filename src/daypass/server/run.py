"""Serving: listeners, worker processes, graceful shutdown."""

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import os
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import uvicorn
import uvloop
from uvicorn.server import ServerState

from daypass.gateway.respond import Gateway
from daypass.server.assemble import close_node, keep_house, open_node, services
from daypass.server.config import Config, Ready, ServerError, split_address, url_of
from daypass.server.directory import claim, note_running, prepare
from daypass.server.front import FunctionFront
from daypass.server.http import HttpProtocol
from daypass.server.supervise import supervise
from daypass.server.tls import Certificates, ca_certificate_path, ensure_authority
from daypass.workers import (
    Isolation,
    IsolationError,
    Level,
    Network,
    Reach,
    choose,
    choose_reach,
)

_BACKLOG = 2048
_DESCRIPTORS = 65536
_GRACE_SECONDS = 15
_RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Listener:
    socket: socket.socket
    host: str
    tls: bool

    @property
    def url(self) -> str:
        return url_of("https" if self.tls else "http", self.host, self.socket.getsockname()[1])


def serve(config: Config, announce: Callable[[Ready], None]) -> None:
    """Serve until SIGTERM or SIGINT; then requests under way are finished. Raises `ServerError`.

    announce is called once, when every worker process answers.
    """
    if config.workers < 1:
        raise ServerError(f"--workers {config.workers} starts no server: give 1 or more.")
    # Functions run elsewhere, and are told paths of it.
    config = replace(config, data=config.data.resolve())
    isolation, reach = _choose_confinement(config)
    _allow_descriptors()
    config = replace(config, function_network=reach)
    with claim(config.data):
        account, created = prepare(config)
        if config.tls or config.tls_listen or reach is not Reach.HOST:
            ensure_authority(config.data)
        listeners = _listen(config)
        plain = next(listener for listener in listeners if not listener.tls)
        ready = Ready(
            endpoint_url=plain.url,
            tls_endpoint_url=next((one.url for one in listeners if one.tls), None),
            region=account.region,
            account_id=account.id,
            pid=os.getpid(),
            isolation=isolation.describe(),
            function_network=reach.describe(),
            created=created,
        )

        def announce_ready() -> None:
            note_running(config.data, ready)
            announce(ready)

        try:
            if config.workers == 1:
                _work(config, ready, listeners, announce_ready, parent=None)
            else:
                supervise(
                    config.workers,
                    lambda started, parent: _work(config, ready, listeners, started, parent),
                    announce_ready,
                )
        finally:
            note_running(config.data, None)
            for listener in listeners:
                listener.socket.close()


def _allow_descriptors() -> None:
    """Have room for the sockets of functions' networks, some six each, beside those of clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _choose_confinement(config: Config) -> tuple[Isolation, Reach]:
    """How functions will be kept apart, and what they will reach.

    Raises `ServerError` if it cannot be as demanded.
    """
    try:
        isolation = choose(Level(config.isolation) if config.isolation else None)
        demanded = Reach(config.function_network) if config.function_network else None
        return isolation, choose_reach(demanded, isolation)
    except IsolationError as error:
        raise ServerError(str(error)) from error


def _listen(config: Config) -> Sequence[_Listener]:
    host, port = split_address(config.listen)
    listeners = [_Listener(_bind(host, port), host, tls=False)]
    if config.tls or config.tls_listen:
        tls_host, tls_port = split_address(
            config.tls_listen or f"{config.listen.rpartition(':')[0]}:0"
        )
        listeners.append(_Listener(_bind(tls_host, tls_port), tls_host, tls=True))
    return listeners


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "another program listens there. Stop it, or choose another address"
        elif error.errno == errno.EACCES:
            why = "this user may not use that port. Choose one from 1024 up"
        else:
            why = f"{error.strerror or error}. Choose another address"
        raise ServerError(f"Cannot listen on {host}:{port}: {why} with --listen.") from error


class _Server(uvicorn.Server):
    """uvicorn's server, told when to stop by us, so that several can share a process."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def _work(
    config: Config,
    ready: Ready,
    listeners: Sequence[_Listener],
    started: Callable[[], None],
    parent: int | None,
) -> None:
    """Serve in this process. parent: a descriptor that ends when the supervisor is gone."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    uvloop.run(_work_in_loop(config, ready, listeners, started, parent))


async def _work_in_loop(
    config: Config,
    ready: Ready,
    listeners: Sequence[_Listener],
    started: Callable[[], None],
    parent: int | None,
) -> None:
    node = open_node(config, ready)
    upkeep = asyncio.create_task(keep_house(node))
    try:
        gateway = Gateway(node, services(config.functions.url_hosts), _explains(config))
        _connect_functions(config, gateway)
        waiting = len(listeners)

        def one_started() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                started()

        servers = [
            _Server(_uvicorn_config(gateway, _tls_context(config, one)), one_started)
            for one in listeners
        ]

        def stop() -> None:
            for server in servers:
                server.should_exit = True

        # What was loaded so far lives as long as the process; the collector need not walk it again
        # and again (a fifth of the time of a small request).
        gc.collect()
        gc.freeze()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        if parent is not None:
            loop.add_reader(parent, stop)
        await asyncio.gather(
            *(
                server.serve(sockets=[listener.socket.dup()])
                for server, listener in zip(servers, listeners, strict=True)
            )
        )
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        await close_node(node)


def _connect_functions(config: Config, gateway: Gateway) -> None:
    """Give functions networks of their own, unless they are to use the machine's."""
    reach = Reach(config.function_network or Reach.HOST)
    if reach is Reach.HOST:
        return
    node = gateway.node
    node.environments.connect(
        Network(
            FunctionFront(gateway, Certificates(config.data, "127.0.0.1").default),
            node.endpoint_url,
            authority=ca_certificate_path(config.data),
            directory=config.data / "functions",
            outside=reach is Reach.OPEN,
        )
    )


def _uvicorn_config(gateway: Gateway, tls: ssl.SSLContext | None) -> uvicorn.Config:
    def protocol(server_state: ServerState, **_: object) -> HttpProtocol:
        return HttpProtocol(gateway, server_state)

    config = uvicorn.Config(
        _no_application,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    config.load()
    config.ssl = tls
    return config


async def _no_application(scope: object, receive: object, send: object) -> None:
    """uvicorn wants an ASGI application; our protocol calls the request path itself."""


def _tls_context(config: Config, listener: _Listener) -> ssl.SSLContext | None:
    return Certificates(config.data, listener.host).default if listener.tls else None


def _explains(config: Config) -> bool:
    if config.explain_to_caller is not None:
        return config.explain_to_caller
    hosts = [split_address(config.listen)[0]]
    if config.tls_listen:
        hosts.append(split_address(config.tls_listen)[0])
    return all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
