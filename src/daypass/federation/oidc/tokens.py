"""A JSON Web Token as it was sent: taken apart, with nothing believed."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any, Final

from daypass.federation.oidc.errors import not_a_jwt

# What AWS takes ("WebIdentityToken" of AssumeRoleWithWebIdentity). No "none", and no HMAC, whose
# key a provider would have to share.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_LARGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token whose signature nobody has checked: good to find its provider with, no more.

    key_id: "" if its header names none.
    """

    text: str = field(repr=False)
    algorithm: str
    key_id: str
    issuer: str
    claims: dict[str, Any] = field(repr=False)


def parse_token(text: str) -> UnverifiedToken:
    """The parts of a token. Raises `InvalidTokenError`."""
    parts = text.split(".")
    if len(parts) != 3 or not all(parts) or len(text) > _LARGEST:
        raise not_a_jwt()
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    issuer = claims.get("iss")
    if algorithm not in ALGORITHMS or not isinstance(key_id, str) or not isinstance(issuer, str):
        raise not_a_jwt()
    # An extension that must be understood is not; a detached or unencoded payload is one.
    if "crit" in header or "b64" in header:
        raise not_a_jwt()
    return UnverifiedToken(text, algorithm, key_id, issuer, claims)


def _object(part: str) -> dict[str, Any]:
    """The JSON object in one part. Raises `InvalidTokenError`."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        decoded = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise not_a_jwt() from error
    if not isinstance(decoded, dict):
        raise not_a_jwt()
    return decoded


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of a token must not see two values of one claim.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members
