"""Sealed session tokens and the keys that seal them: who holds a token learns nothing from it."""

from daypass.tokens.ids import (
    account_of,
    new_access_key_id,
    new_accessor,
    new_secret_access_key,
    new_unique_id,
)
from daypass.tokens.ring import (
    LONGEST_SESSION,
    DecryptionError,
    KeyRing,
    KeyState,
    RingKey,
    TokenError,
    TokensError,
    new_ring,
    rotate,
)
from daypass.tokens.session import Session, SessionKind, SessionPolicies

__all__ = [
    "LONGEST_SESSION",
    "DecryptionError",
    "KeyRing",
    "KeyState",
    "RingKey",
    "Session",
    "SessionKind",
    "SessionPolicies",
    "TokenError",
    "TokensError",
    "account_of",
    "new_access_key_id",
    "new_accessor",
    "new_ring",
    "new_secret_access_key",
    "new_unique_id",
    "rotate",
]
