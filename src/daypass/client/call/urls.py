"""URLs as they go out."""

from typing import Final
from urllib.parse import quote

# Also "%": what is encoded stays as it is.
_IN_URLS: Final = "!$%&'()*+,/:;=?@[]~-._"


def wire_url(url: str) -> str:
    """The URL as it goes out: what no URL may hold is percent-encoded, nothing else is changed."""
    return quote(url.partition("#")[0].encode("utf-8", "surrogateescape"), _IN_URLS)
