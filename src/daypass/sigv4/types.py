"""The values that signing and verifying share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Dialect(StrEnum):
    """How a service words its refusals, and whether S3's rules for paths and payloads hold."""

    QUERY = "query"
    JSON = "json"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller signs with. expiration: Unix seconds, None if they do not expire."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: float | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request about to be sent.

    url: as it will be sent, percent-encoding included. headers: in the order they will be sent.
    body: its bytes; or, as text, what stands for it in the canonical request: the hex SHA-256
    of a body that is sent as a stream, "UNSIGNED-PAYLOAD", or a STREAMING-* payload mode.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | str | None = None


class SigningError(ValueError):
    """A request that cannot be signed as it stands."""
