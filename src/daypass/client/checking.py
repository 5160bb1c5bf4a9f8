"""What others send, before it is used or shown: an endpoint or a process may be hostile."""

import re
from typing import Final

from daypass.client.errors import CredentialsUnavailableError
from daypass.sigv4 import Credentials

# AWS's keys and tokens are no more than this. A line break among it would write further lines
# into a credentials file, and some letters would be commands to a shell that does not quote.
_VISIBLE: Final = re.compile(r"[!-~]+")
_LONGEST: Final = 2000


def made_credentials(
    what: str, key: str, secret: str, token: str | None, expiration: float | None
) -> Credentials:
    """Credentials of these parts. what: what has failed if they are not credentials.

    Raises `CredentialsUnavailableError`, without the parts.
    """
    if all(_VISIBLE.fullmatch(part) for part in (key, secret, token or "-")):
        return Credentials(key, secret, token, expiration)
    raise CredentialsUnavailableError(
        what, "What came has letters that no credentials have.", "Is the source the right one?"
    )


def printable(text: str) -> str:
    """What somebody else says, fit for a terminal and a log."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST])
