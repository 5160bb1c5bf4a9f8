"""Which hosts a proxy signs for: those that were named, and no other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(
    r"(?P<host>[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*)"
    r"(?::(?P<port>[0-9]{1,5}))?"
).fullmatch


@dataclass(frozen=True, slots=True)
class Upstream:
    """A host that is asked over http or https."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As the Host header names it."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def on_this_machine(self) -> bool:
        return self.host in ("127.0.0.1", "localhost") or self.host.endswith(".localhost")


class BadPatternError(ValueError):
    """What names no host to allow."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    scheme: str
    host: str
    port: int
    below: bool

    def allows(self, host: str, port: int | None) -> bool:
        if (port if port is not None else _PORTS[self.scheme]) != self.port:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host


class AllowList:
    """Hosts by name, or all below a domain (`*.on.aws`); https unless they say http, and their
    scheme's port unless they name one. Raises `BadPatternError`."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_parse(pattern) for pattern in patterns]

    def find(self, authority: str) -> Upstream | None:
        """What a Host header or an absolute URL's authority leads to."""
        found = _HOST(authority.lower())
        if found is None:
            return None
        host = found["host"]
        port = int(found["port"]) if found["port"] else None
        for pattern in self._patterns:
            if pattern.allows(host, port):
                return Upstream(pattern.scheme, host, pattern.port)
        return None

    def only(self) -> Upstream | None:
        """The one host there is, if there is just one."""
        if len(self._patterns) != 1 or self._patterns[0].below:
            return None
        pattern = self._patterns[0]
        return Upstream(pattern.scheme, pattern.host, pattern.port)


def _parse(text: str) -> _Pattern:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    name = parts.netloc.lower()
    below = name.startswith("*.")
    found = _HOST(name.removeprefix("*."))
    if found is None or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query:
        raise BadPatternError(f"{text!r} names no host. Give one like sts.eu-west-1.amazonaws.com.")
    if below and "." not in found["host"]:
        raise BadPatternError(f"{text!r} allows too much. Name a domain, like *.on.aws.")
    port = int(found["port"]) if found["port"] else _PORTS[parts.scheme]
    if port > 65535:
        raise BadPatternError(f"{text!r} has no port of a host.")
    return _Pattern(parts.scheme, found["host"], port, below)
