"""Time-based one-time passwords (RFC 6238): SHA-1, six digits, a new one each thirty seconds."""

import base64
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

PERIOD: Final = 30
_DIGITS: Final = 6
# As many bytes as AWS's virtual devices have: 64 characters of base32.
_SEED_LENGTH: Final = 40


def new_seed() -> bytes:
    """A new secret for one device."""
    return secrets.token_bytes(_SEED_LENGTH)


def base32_seed(seed: bytes) -> str:
    """The seed as authenticator apps read it."""
    return base64.b32encode(seed).decode()


def step_at(now: float) -> int:
    """The number of the thirty seconds that hold this moment. now: Unix seconds."""
    return int(now // PERIOD)


def code_at(seed: bytes, step: int) -> str:
    """The code of one step: RFC 4226's HOTP with the step as its counter."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step_of_code(seed: bytes, code: str, steps: Iterable[int]) -> int | None:
    """The first of these steps whose code this is, None if it is of none of them."""
    found = None
    for step in steps:
        # Every step is looked at: the time taken says nothing of the one that matched.
        if hmac.compare_digest(code_at(seed, step).encode(), code.encode()) and found is None:
            found = step
    return found
