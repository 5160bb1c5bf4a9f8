"""Temporary AWS credentials, end to end: issue them, use them, enforce them, explain them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.client import Auth

__version__ = "0.1.0"

__all__ = ["Auth", "__version__"]


def __getattr__(name: str) -> object:
    # Late: `import daypass` stays free of httpx for those who want one of its libraries.
    if name == "Auth":
        from daypass.client import Auth  # noqa: PLC0415

        return Auth
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
