"""One way in which a client may have computed a signature: right, or with a known mistake."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from daypass.sigv4.keys import ALGORITHM


@dataclass(frozen=True, slots=True)
class Received:
    """A refused request as it came, with what its service knows.

    path, query: as on the wire, the query without its signature. headers: lower-case names,
    values as sent, repeated ones joined. body: None if it was not kept. secrets: of the
    presented access key and of the caller's others, by id. tokens: of the caller's other sessions.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    s3: bool
    in_query: bool
    access_key_id: str
    session_token: str | None
    secrets: Mapping[str, str] = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The inputs of a signature. lines: the canonical headers; names: the SignedHeaders text."""

    method: str
    path: str
    query: str
    lines: tuple[tuple[str, str], ...]
    names: str
    payload: str
    stamp: str
    date: str
    region: str
    service: str
    scope: str
    secret: str = field(repr=False)
    prefix: str = "AWS4"
    blank_line: bool = True

    def canonical_request(self) -> str:
        lines = "".join([f"{name}:{value}\n" for name, value in self.lines])
        gap = "\n" if self.blank_line else ""
        return f"{self.method}\n{self.path}\n{self.query}\n{lines}{gap}{self.names}\n{self.payload}"

    def signature(self) -> str:
        digest = sha256(self.canonical_request().encode("latin-1", "replace")).hexdigest()
        text = f"{ALGORITHM}\n{self.stamp}\n{self.scope}\n{digest}"
        key = _signing_key(self.prefix + self.secret, self.date, self.region, self.service)
        return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
