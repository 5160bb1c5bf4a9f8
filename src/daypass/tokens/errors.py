"""What can go wrong with tokens and keys.

TokensError
├── TokenError          not a token of ours
├── TokenTooLargeError  a session with too much in it
└── DecryptionError     not encrypted by us
"""


class TokensError(Exception):
    """The root of this package's errors."""


class TokenError(TokensError):
    """A session token that this ring did not seal, or whose key is gone."""


class TokenTooLargeError(TokensError):
    """A session that makes a larger token than clients are ready for. size: in characters."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The token would have {size} characters.")
        self.size = size


class DecryptionError(TokensError):
    """Bytes that were not encrypted under this master key for this purpose and context."""
