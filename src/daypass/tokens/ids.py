"""Identifiers in AWS's forms: access key ids, unique ids, secret access keys, session accessors.

Since 2019 an access key id carries its account: the sixteen characters after the prefix are
base32 of eighty bits, of which the first is set and the next forty are the account number.
"""

import base64
import binascii
import hashlib
import os
import secrets
from functools import lru_cache
from typing import Final

_KEY_LENGTH: Final = 20
_ACCOUNT_SHIFT: Final = 39
_ACCOUNT_MASK: Final = (1 << 40) - 1
_CARRIES_ACCOUNT: Final = 1 << 79
_ACCOUNTS: Final = 10**12
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# The letter of a random byte. Each has eight bytes, so that none is likelier than another.
_LETTER_OF: Final = _LETTERS * 8
# The last eight characters of an access key id hold all of its random bits.
ACCESSOR_PREFIX: Final = 8


def new_access_key_id(prefix: str, account: str) -> str:
    """A new access key id: prefix "AKIA" (long-term) or "ASIA" (temporary), 20 characters."""
    head, ninth = _account_letters(account)
    chance = os.urandom(8)
    letters = chance[:1].translate(ninth) + chance[1:].translate(_LETTER_OF)
    return f"{prefix}{head}{letters.decode()}"


@lru_cache(maxsize=64)
def _account_letters(account: str) -> tuple[str, bytes]:
    """The first eight letters after the prefix, and the ninth of a random byte: half of the
    letters, for the account's last bit is in it."""
    number = _CARRIES_ACCOUNT | int(account) << _ACCOUNT_SHIFT
    letters = base64.b32encode(number.to_bytes(10, "big"))
    half = _LETTERS.index(letters[8])
    return letters[:8].decode(), _LETTERS[half : half + 16] * 16


def account_of(access_key_id: str) -> str | None:
    """The account an access key id carries; None if it carries none (made before 2019, or not
    an access key id)."""
    if len(access_key_id) != _KEY_LENGTH:
        return None
    try:
        number = int.from_bytes(base64.b32decode(access_key_id[4:]), "big")
    except (binascii.Error, ValueError):
        return None
    account = number >> _ACCOUNT_SHIFT & _ACCOUNT_MASK
    if not number & _CARRIES_ACCOUNT or account >= _ACCOUNTS:
        return None
    return f"{account:012}"


def new_unique_id(prefix: str) -> str:
    """A new unique id: AIDA (user), AROA (role), ANPA (managed policy), AGPA (group); 21
    characters."""
    return prefix + "A" + _random(16)


def new_secret_access_key() -> str:
    """A new secret access key: 240 random bits in 40 characters of base64."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


def new_accessor(access_key_id: str) -> str:
    """A new accessor: names a session without giving any use of it.

    It begins with the random part of the session's access key id, so that a session known only
    by that id can be revoked, with all sessions that descend from it.
    """
    return (access_key_id[-ACCESSOR_PREFIX:] + _random(8)).lower()


def accessor_prefix(access_key_id: str) -> str:
    """What the accessor of the session with this access key id begins with."""
    return access_key_id[-ACCESSOR_PREFIX:].lower()


def provider_subject(provider: str) -> str:
    """The subject id under which sessions descend from an identity provider: to revoke it is to
    revoke them. Of one length, whatever the provider's ARN is."""
    return f"provider/{hashlib.sha256(provider.encode()).hexdigest()[:32]}"


def _random(length: int) -> str:
    """So many characters of base32, each five random bits."""
    return os.urandom(length).translate(_LETTER_OF).decode()
