"""The server: one or more processes that answer AWS's wire protocols from a data directory."""

from pathlib import Path
from typing import TYPE_CHECKING

from daypass.gateway.function_settings import FunctionSettings, read_url_host, usual_concurrency
from daypass.gateway.limit_settings import LimitSettings
from daypass.server.config import (
    FUNCTION_NETWORKS,
    ISOLATION_LEVELS,
    Config,
    Ready,
    RootCredentials,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.tokens import RingKey

__all__ = [
    "FUNCTION_NETWORKS",
    "ISOLATION_LEVELS",
    "Config",
    "FunctionSettings",
    "LimitSettings",
    "Ready",
    "RootCredentials",
    "ServerError",
    "ca_path",
    "initialize",
    "key_ring",
    "read_url_host",
    "root_credentials",
    "rotate_keys",
    "running",
    "serve",
    "usual_concurrency",
]


def serve(config: Config, announce: "Callable[[Ready], None]") -> None:
    """See `daypass.server.run.serve`; loaded when called, as everything heavy here."""
    from daypass.server.run import serve as run  # noqa: PLC0415

    run(config, announce)


def initialize(data: Path, account_id: str | None, region: str | None) -> RootCredentials:
    """See `daypass.server.directory.initialize`."""
    from daypass.server import directory  # noqa: PLC0415

    return directory.initialize(data, account_id, region)


def root_credentials(data: Path) -> RootCredentials:
    """See `daypass.server.directory.root_credentials`."""
    from daypass.server import directory  # noqa: PLC0415

    return directory.root_credentials(data)


def key_ring(data: Path) -> "Sequence[RingKey]":
    """See `daypass.server.directory.key_ring`."""
    from daypass.server import directory  # noqa: PLC0415

    return directory.key_ring(data)


def rotate_keys(data: Path) -> "Sequence[RingKey]":
    """See `daypass.server.directory.rotate_keys`."""
    from daypass.server import directory  # noqa: PLC0415

    return directory.rotate_keys(data)


def running(data: Path) -> Ready | None:
    """See `daypass.server.presence.running`."""
    from daypass.server.presence import running as find  # noqa: PLC0415

    return find(data)


def ca_path(data: Path) -> Path:
    """The authority's certificate of a server with TLS. Raises `ServerError` if there is none."""
    from daypass.server.tls import ca_certificate_path  # noqa: PLC0415

    path = ca_certificate_path(data)
    if not path.exists():
        raise ServerError(
            f"{data} has no certificate authority yet. "
            f"`daypass serve --data {data} --tls` makes it."
        )
    return path
