"""From a token to the identity it proves.

The rules are OpenID Connect Core 1.0, section 3.1.3.7, and AWS's: "AssumeRoleWithWebIdentity" of
the STS API Reference, "Available keys for AWS OIDC federation" and "Passing session tags using
AssumeRoleWithWebIdentity" of the IAM User Guide.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError

from daypass.federation.external import ExternalIdentity
from daypass.federation.oidc.errors import (
    ExpiredTokenError,
    InvalidTokenError,
    RejectedClaimError,
    not_a_jwt,
)
from daypass.federation.oidc.keys import ProviderKeys, VerificationKey
from daypass.federation.oidc.provider import OidcProvider
from daypass.federation.oidc.tokens import ALGORITHMS, UnverifiedToken
from daypass.federation.vouching import vouch

# Seconds that clocks may differ by ("OIDC federation" of the IAM User Guide).
SKEW_SECONDS: Final = 300
# A token is for exchange soon after it was issued.
OLDEST_SECONDS: Final = 86_400
_LONGEST_SUBJECT: Final = 255
_LARGEST_TIME: Final = 1 << 40
_TAGS: Final = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"
_IDENTITY: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_KEY: Final = re.compile(r"[\w\s+=.:/@-]{1,128}")
_TAG_VALUE: Final = re.compile(r"[\w\s+=.:/@-]{0,256}")
_MOST_TAGS: Final = 50
_MOST_METHODS: Final = 20


async def verify_token(
    token: UnverifiedToken, provider: OidcProvider, keys: ProviderKeys, now: float
) -> ExternalIdentity:
    """The identity that a token of this provider proves. now: Unix seconds.

    Raises `FederationError`.
    """
    if token.issuer != provider.url:
        raise not_a_jwt()
    key = await keys.find(provider, token.key_id, token.algorithm, now)
    if not _signed_with(token, key) and (
        # A key without a name may have been exchanged for another.
        token.key_id
        or not _signed_with(token, await keys.find(provider, "", token.algorithm, now, newer=True))
    ):
        raise InvalidTokenError("Token signature invalid")
    claims = token.claims
    _check_times(claims, now)
    subject = _text(claims, "sub")
    if len(subject) > _LONGEST_SUBJECT:
        raise RejectedClaimError("The sub claim is longer than 255 characters.")
    audiences, authorized_party = _audiences(claims, provider)
    tags, transitive = _session_tags(claims)
    return vouch(
        provider=provider.arn,
        subject=subject,
        audience=authorized_party or audiences[0],
        claims=_condition_keys(claims, provider, subject, audiences, authorized_party),
        tags=tags,
        transitive_tags=transitive,
        source_identity=_source_identity(claims),
        attributes={"issuer": token.issuer},
    )


_REGISTRY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
# The token was measured as a whole; a header may carry a certificate.
_REGISTRY.max_header_length = 16_384


def _signed_with(token: UnverifiedToken, key: VerificationKey) -> bool:
    try:
        # The registry knows the six algorithms that are taken; the key was found for this one.
        jws.deserialize_compact(token.text, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        return False
    return True


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if now >= expires + SKEW_SECONDS:
        raise ExpiredTokenError(
            f"Token expired: current date/time {int(now)} must be before the expiration "
            f"date/time {expires}"
        )
    if issued > now + SKEW_SECONDS or issued > expires:
        raise InvalidTokenError("Token is not valid yet: it was issued in the future")
    if now - issued > OLDEST_SECONDS + SKEW_SECONDS:
        raise ExpiredTokenError(f"Token too old: {int(now - issued)}")
    if "nbf" in claims and _time(claims, "nbf") > now + SKEW_SECONDS:
        raise InvalidTokenError("Token is not valid yet")


def _time(claims: Mapping[str, Any], name: str) -> int:
    """A time, which is an integer of seconds, as AWS demands."""
    value = _required(claims, name)
    if type(value) is not int or not 0 < value < _LARGEST_TIME:
        raise InvalidTokenError(f"Invalid value for claim: {name}")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = _required(claims, name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InvalidTokenError(f"Invalid value for claim: {name}")
    return value


def _required(claims: Mapping[str, Any], name: str) -> object:
    value = claims.get(name)
    if value is None:
        raise InvalidTokenError(f"Missing a required claim: {name}")
    return value


def _audiences(claims: Mapping[str, Any], provider: OidcProvider) -> tuple[tuple[str, ...], str]:
    """The audiences and the authorized party ("" if none), all of them client ids of ours.

    AWS takes the authorized party, where there is one, for the audience. It is not asked whether
    the token is also for strangers; here it is, because a stranger could present it.
    """
    aud = _required(claims, "aud")
    audiences = (aud,) if isinstance(aud, str) else tuple(aud) if isinstance(aud, list) else ()
    party = claims.get("azp")
    named = [*audiences, *([] if party is None else [party])]
    if not audiences or not all(isinstance(each, str) for each in named):
        raise InvalidTokenError("Incorrect token audience")
    if not set(named) <= set(provider.client_ids):
        raise InvalidTokenError("Incorrect token audience")
    return audiences, party or ""


def _condition_keys(
    claims: Mapping[str, Any],
    provider: OidcProvider,
    subject: str,
    audiences: tuple[str, ...],
    authorized_party: str,
) -> dict[str, str | tuple[str, ...]]:
    """The claims that policies may ask for, each under the provider's own name.

    INVARIANT: only these, and only under that name, so that no claim can pass for a key of AWS's.
    """
    own: dict[str, str | tuple[str, ...]] = {
        "sub": subject,
        "aud": authorized_party or (audiences[0] if len(audiences) == 1 else audiences),
    }
    if authorized_party:
        own["oaud"] = audiences[0] if len(audiences) == 1 else audiences
        own["azp"] = authorized_party
    methods = claims.get("amr")
    if isinstance(methods, str):
        own["amr"] = (methods,)
    elif isinstance(methods, list) and all(isinstance(each, str) for each in methods):
        own["amr"] = tuple(methods[:_MOST_METHODS])
    email = claims.get("email")
    if isinstance(email, str):
        own["email"] = email
    return {f"{provider.name}:{name}".lower(): value for name, value in own.items()}


def _session_tags(claims: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The session tags a token carries, and the keys of the transitive ones."""
    principal, wanted = _carried_tags(claims)
    if not isinstance(principal, dict) or not isinstance(wanted, list):
        raise _bad_tags()
    tags: dict[str, str] = {}
    for key, given in principal.items():
        # Documented as lists of one value; some providers can only send the value.
        value = given[0] if isinstance(given, list) and len(given) == 1 else given
        if not isinstance(value, str) or not _TAG_KEY.fullmatch(key):
            raise _bad_tags()
        if not _TAG_VALUE.fullmatch(value) or key.lower().startswith("aws:"):
            raise _bad_tags()
        tags[key] = value
    folded = {key.lower(): key for key in tags}
    if len(tags) > _MOST_TAGS or len(folded) != len(tags):
        raise _bad_tags()
    if not all(isinstance(key, str) and key.lower() in folded for key in wanted):
        raise _bad_tags()
    return tags, tuple(dict.fromkeys(folded[key.lower()] for key in wanted))


def _carried_tags(claims: Mapping[str, Any]) -> tuple[object, object]:
    """Tags by their keys, and a list of keys: nested in one claim, or each a claim of its own."""
    nested = claims.get(_TAGS)
    if nested is not None:
        if not isinstance(nested, dict):
            raise _bad_tags()
        return nested.get("principal_tags", {}), nested.get("transitive_tag_keys", [])
    prefix = f"{_TAGS}/principal_tags/"
    flat = {name.removeprefix(prefix): claims[name] for name in claims if name.startswith(prefix)}
    return flat, claims.get(f"{_TAGS}/transitive_tag_keys", [])


def _bad_tags() -> RejectedClaimError:
    return RejectedClaimError(f"The claim {_TAGS} does not hold valid session tags.")


def _source_identity(claims: Mapping[str, Any]) -> str:
    value = claims.get(_SOURCE_IDENTITY)
    if value is None:
        return ""
    if not isinstance(value, str) or not _IDENTITY.fullmatch(value):
        raise RejectedClaimError(f"The claim {_SOURCE_IDENTITY} is no valid source identity.")
    return value
