"""What an operator decides about functions."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# What an account has at AWS unless it asks for more.
_USUAL_CONCURRENCY: Final = 1000
_LEAST_CONCURRENCY: Final = 100
# What an environment of a small Python or Node.js function takes of a machine, with some room.
_ENVIRONMENT_BYTES: Final = 32 * 1024 * 1024
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*", re.ASCII)
_URL_ID: Final = re.compile(r"[a-z0-9]{32}", re.ASCII)


def usual_concurrency() -> int:
    """As many environments as this machine has 32 MiB for, from 100 to AWS's 1,000."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(_LEAST_CONCURRENCY, min(_USUAL_CONCURRENCY, memory // _ENVIRONMENT_BYTES))


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """concurrency: what the account may run at once, over all processes.

    url_needs_both: a Function URL asks for lambda:InvokeFunctionUrl and lambda:InvokeFunction, as
    Lambda does since October 2025; else for the first alone. url_hosts: host names of URLs, each
    with the URL's id.
    """

    concurrency: int = field(default_factory=usual_concurrency)
    url_needs_both: bool = True
    url_hosts: Mapping[str, str] = field(default_factory=dict)

    @property
    def least_unreserved(self) -> int:
        """What must stay for the functions that have reserved nothing: 100, as at AWS, and a tenth
        of less."""
        return min(100, max(10, self.concurrency // 10))


def read_url_host(given: str) -> tuple[str, str]:
    """The host and the URL's id of "HOST=ID". Raises `ValueError`."""
    host, _, url_id = given.lower().partition("=")
    if _HOST.fullmatch(host) is None or _URL_ID.fullmatch(url_id) is None:
        raise ValueError(
            f"{given!r} is not HOST=ID, a host name with a dot in it and the 32 characters of a "
            "URL's id."
        )
    return host, url_id
