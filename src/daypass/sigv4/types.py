"""The values that signing and verifying share.

None is a dataclass: importing `dataclasses` costs more than importing all of this package.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Never, final


class Dialect(StrEnum):
    """How a service words its refusals, and whether S3's rules for paths and payloads hold."""

    QUERY = "query"
    JSON = "json"
    S3 = "s3"


@final
class Credentials:
    """What a caller signs with; immutable. expiration: Unix seconds, None if they do not expire.

    Not a tuple: nothing can print, format or serialise the secrets by accident.
    """

    __slots__ = ("access_key_id", "expiration", "secret_access_key", "session_token")

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    expiration: float | None

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        expiration: float | None = None,
    ) -> None:
        assign = object.__setattr__
        assign(self, "access_key_id", access_key_id)
        assign(self, "secret_access_key", secret_access_key)
        assign(self, "session_token", session_token)
        assign(self, "expiration", expiration)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError("Credentials cannot be changed; make new ones.")

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, expiration={self.expiration!r})"

    def _values(self) -> tuple[str, str, str | None, float | None]:
        return (self.access_key_id, self.secret_access_key, self.session_token, self.expiration)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())


class HttpRequest(NamedTuple):
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
