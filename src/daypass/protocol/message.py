"""One HTTP message in and one out, as the wire had them: the seam under every protocol and service.

The HTTP server is on the other side of these two types and can be exchanged.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from daypass.sigv4 import combine_headers

__all__ = ["EMPTY_BODY", "Body", "BodyTooLargeError", "Request", "Response", "combine_headers"]

EMPTY_BODY: Final = b""
_NO_TRAILERS: Final[Mapping[str, str]] = MappingProxyType({})


class BodyTooLargeError(Exception):
    """A body went beyond the limit its reader set; the rest was not read."""


async def _no_body() -> bytes:
    return EMPTY_BODY


class Body:
    """The bytes that follow the head of a request, read once.

    `receive` gives the next piece, and b"" at the end, and again after it. Nothing is read from
    the client before the first call, so a refusal can come before an upload. length: bytes that
    will come, None if the client did not say. trailers: the fields after the body (lower-case
    names), known once it was read to its end. content: what `read` gave, None before.
    """

    __slots__ = ("_receive", "_whole", "content", "length", "trailers")

    def __init__(
        self,
        receive: Callable[[], Awaitable[bytes]] = _no_body,
        length: int | None = None,
    ) -> None:
        self._receive = receive
        self._whole: bytes | None = None
        self.length = length
        self.trailers: Mapping[str, str] = _NO_TRAILERS
        self.content: bytes | None = None

    def arrived(self, whole: bytes) -> None:
        """All of it is here before it was read: `receive` need not be asked."""
        self._whole = whole

    async def next_piece(self) -> bytes:
        """The next bytes, b"" at the end."""
        if self._whole is None:
            return await self._receive()
        piece, self._whole = self._whole, EMPTY_BODY
        return piece

    async def read(self, limit: int) -> bytes:
        """All of the rest, at most `limit` bytes. Raises `BodyTooLargeError`."""
        if self.length is not None and self.length > limit:
            raise BodyTooLargeError(limit)
        if self._whole is not None and len(self._whole) <= limit:
            self.content, self._whole = self._whole, EMPTY_BODY
            return self.content
        pieces: list[bytes] = []
        size = 0
        while piece := await self.next_piece():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise BodyTooLargeError(limit)
        self.content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self.content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.next_piece():
            yield piece


@dataclass(slots=True)
class Request:
    """A request as received.

    method: as sent. path: from the first "/" to before "?", percent-encoding untouched, latin-1.
    query: after "?", untouched, "" if none. headers, repeated: see `combine_headers`.
    client: the peer's IP address. scheme: "http" or "https". parameters: what the query protocol
    read of it, so that it is read once. tls: the protocol's version and the cipher suite.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    repeated: frozenset[str] = frozenset()
    body: Body = field(default_factory=Body)
    client: str = ""
    scheme: str = "http"
    parameters: dict[str, str] | None = None
    tls: tuple[str, str] | None = None


@dataclass(slots=True)
class Response:
    """An answer. body: bytes, or pieces for what is too large to hold; close is then called."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = EMPTY_BODY
