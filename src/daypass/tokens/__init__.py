"""Sealed session tokens and the keys that seal them: who holds a token learns nothing from it."""

from daypass.tokens.errors import DecryptionError, TokenError, TokensError, TokenTooLargeError
from daypass.tokens.ids import (
    ACCESSOR_PREFIX,
    accessor_prefix,
    account_of,
    new_access_key_id,
    new_accessor,
    new_secret_access_key,
    new_unique_id,
    provider_subject,
)
from daypass.tokens.master import MasterKey
from daypass.tokens.ring import (
    LARGEST_TOKEN,
    LONGEST_SESSION,
    KeyRing,
    KeyState,
    RingKey,
    new_ring,
    rotate,
)
from daypass.tokens.session import (
    Ancestor,
    Session,
    SessionKind,
    SessionPolicies,
    of_a_function,
)

__all__ = [
    "ACCESSOR_PREFIX",
    "LARGEST_TOKEN",
    "LONGEST_SESSION",
    "Ancestor",
    "DecryptionError",
    "KeyRing",
    "KeyState",
    "MasterKey",
    "RingKey",
    "Session",
    "SessionKind",
    "SessionPolicies",
    "TokenError",
    "TokenTooLargeError",
    "TokensError",
    "accessor_prefix",
    "account_of",
    "new_access_key_id",
    "new_accessor",
    "new_ring",
    "new_secret_access_key",
    "new_unique_id",
    "of_a_function",
    "provider_subject",
    "rotate",
]
