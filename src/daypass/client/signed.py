"""A request about to be sent, and one that is signed: what the HTTP libraries have in common."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from daypass.client.endpoints import Scope
from daypass.sigv4 import Credentials, HttpRequest

# What signing sets itself, and what an earlier signature may have left.
SET_BY_SIGNING: Final = frozenset(
    {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request of an HTTP library. url: as it will be on the wire. headers: all of them.

    payload: the body's bytes or hex SHA-256, called once, in a thread of its own where the
    library is asynchronous. rewind: called before the body is sent again; None if it cannot be.
    """

    method: str
    url: str
    headers: list[tuple[str, str]] = field(repr=False)
    payload: Callable[[], bytes | str]
    rewind: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed request. corrected: it is the second try."""

    outgoing: Outgoing
    request: HttpRequest = field(repr=False)
    scope: Scope
    credentials: Credentials
    timestamp: float
    corrected: bool


def set_headers(headers: MutableMapping[str, str], signed: Signed) -> None:
    """Put a signature's headers in the place of any earlier signature's."""
    for name in SET_BY_SIGNING:
        headers.pop(name, None)
    ours = SET_BY_SIGNING | {"host"}
    headers.update((name, value) for name, value in signed.request.headers if name.lower() in ours)
