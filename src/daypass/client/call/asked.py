"""A request before and after it is signed; needs no HTTP library."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from daypass.client.call.body import Body
from daypass.client.signed import SET_BY_SIGNING, Outgoing, Signed

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to be signed and sent. url: as it goes out. headers: the caller's, Content-Type
    among them."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)
    body: Body | None = field(default=None, repr=False)

    def outgoing(self) -> Outgoing:
        body = self.body
        return Outgoing(
            self.method,
            self.url,
            list(self.headers),
            lambda: body.sha256() if body else b"",
            lambda: None,  # A body's iteration begins at its start.
        )


def headers_of(signed: Signed) -> list[tuple[str, str]]:
    """All headers of a signed request: the caller's, and those that signing sets."""
    ours = SET_BY_SIGNING | {"host"}
    kept = [(name, value) for name, value in signed.outgoing.headers if name.lower() not in ours]
    return kept + [(name, value) for name, value in signed.request.headers if name.lower() in ours]
