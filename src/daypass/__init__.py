"""Temporary AWS credentials, end to end: issue them, use them, enforce them, explain them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.client import Auth, Session, SignatureRefusedError

__version__ = "0.1.0"

__all__ = ["Auth", "Session", "SignatureRefusedError", "__version__"]


def __getattr__(name: str) -> object:
    # Late: `import daypass` stays free of httpx for those who want one of its libraries.
    if name in ("Auth", "Session", "SignatureRefusedError"):
        from daypass import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
