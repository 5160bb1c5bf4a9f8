"""What an operator decides about one server, and what the server says of itself."""

from dataclasses import dataclass, field
from pathlib import Path

from daypass.gateway.function_settings import FunctionSettings
from daypass.gateway.limit_settings import LimitSettings

DEFAULT_LISTEN = "127.0.0.1:9311"
DEFAULT_REGION = "us-east-1"
# The names of `daypass.workers.Level`, for the command line, which does not load that.
ISOLATION_LEVELS = ("namespaces", "landlock", "process")
# The same of `daypass.workers.Reach`.
FUNCTION_NETWORKS = ("aws", "open", "host")


class ServerError(Exception):
    """The server cannot do what its operator asked. The text says what, why and what to do."""


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """The account, and the access key of its root user."""

    account_id: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """How to serve.

    data: the directory of all state, made at need. listen, tls_listen: HOST:PORT, port 0 for a
    free one. region, account_id: of a new data directory; of an existing one they must agree.
    tls: also listen with TLS, at `tls_listen` or a free port beside `listen`. workers: processes.
    explain_to_caller: refusals say why to the refused; None is only on loopback addresses.
    oidc_allow_private: identity providers may be at private addresses, and there speak plain HTTP.
    issuer_url: where others reach this server, as the issuer of web identity tokens; None is where
    it listens, with TLS if it does.
    isolation: the level functions must be kept apart at, None for the strongest of this machine.
    limits: what one principal and one address may have.
    function_session: seconds the credentials of functions live. functions: how many run, and their
    URLs. function_network: what they reach; None is the narrowest that this machine allows.
    clock_offset: seconds added to the clock, to try what happens later.
    """

    data: Path
    listen: str = DEFAULT_LISTEN
    region: str | None = None
    account_id: str | None = None
    workers: int = 1
    tls: bool = False
    tls_listen: str | None = None
    explain_to_caller: bool | None = None
    oidc_allow_private: bool = False
    issuer_url: str | None = None
    isolation: str | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    function_session: int = 3600
    functions: FunctionSettings = field(default_factory=FunctionSettings)
    function_network: str | None = None
    clock_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that answers.

    isolation: how functions are kept apart, in one line. function_network: what they reach, too.
    created: the root credentials, at the
    first start alone.
    """

    endpoint_url: str
    tls_endpoint_url: str | None
    region: str
    account_id: str
    pid: int
    isolation: str = ""
    function_network: str = ""
    created: RootCredentials | None = None


def split_address(address: str) -> tuple[str, int]:
    """The host and port of "HOST:PORT" or "[IPV6]:PORT". Raises `ServerError`."""
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ServerError(
            f"{address!r} is no address to listen on: give HOST:PORT, like {DEFAULT_LISTEN}."
        )
    return host, int(port)


def url_of(scheme: str, host: str, port: int) -> str:
    """The URL at which this machine reaches a listener on host and port."""
    if host in {"0.0.0.0", ""}:
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
