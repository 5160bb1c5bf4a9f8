"""The public keys of identity providers: fetched, kept for a while, and forgotten.

One fetch at a time a provider, and a pause between two, whatever tokens are sent: made-up key ids
cost the provider and this server nothing. A key that a provider takes back is gone within
`KEPT_SECONDS`; what cannot be fetched again is not used any longer.
"""

import asyncio
import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from daypass.federation.oidc.errors import FederationError, no_verification_key
from daypass.federation.oidc.fetching import Fetch
from daypass.federation.oidc.provider import OidcProvider
from daypass.federation.oidc.tokens import ALGORITHMS

VerificationKey = RSAKey | ECKey

KEPT_SECONDS: Final = 300
# Seconds between two fetches because of a key id that is not known, or after one that failed.
COOLDOWN_SECONDS: Final = 10
_UNKNOWN_KEPT: Final = 256
_PROVIDERS_KEPT: Final = 1000
_MOST_KEYS: Final = 100
_SMALLEST_MODULUS: Final = 2048
_LARGEST_MODULUS: Final = 8192
_RSA: Final = ("RS256", "RS384", "RS512")
_OF_CURVE: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

_log = logging.getLogger("daypass.federation")


@dataclass(frozen=True, slots=True)
class _PublishedKey:
    id: str
    algorithms: frozenset[str]
    key: VerificationKey


@dataclass(slots=True)
class _Kept:
    """What was fetched of one provider, or why it was not. fetched: Unix seconds.

    unknown: key ids that were asked for and not there when it was fetched again for them.
    """

    fetched: float
    keys: Sequence[_PublishedKey] = ()
    failure: FederationError | None = None
    unknown: set[str] = field(default_factory=set)

    def fresh(self, now: float, seconds: float) -> bool:
        # A clock that was set back makes everything old, not everything new.
        return 0 <= now - self.fetched < seconds

    def find(self, key_id: str, algorithm: str) -> VerificationKey | None:
        """The key a token names; of a token that names none, the only one that fits."""
        fitting = [each for each in self.keys if algorithm in each.algorithms]
        if key_id:
            return next((each.key for each in fitting if each.id == key_id), None)
        return fitting[0].key if len(fitting) == 1 else None


class ProviderKeys:
    """The keys of the registered providers, a few KB each."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._kept: dict[tuple[str, Sequence[str]], _Kept] = {}
        self._under_way: dict[tuple[str, Sequence[str]], asyncio.Task[_Kept]] = {}

    async def find(
        self,
        provider: OidcProvider,
        key_id: str,
        algorithm: str,
        now: float,
        *,
        newer: bool = False,
    ) -> VerificationKey:
        """The key that verifies a provider's token. Raises `FederationError`.

        newer: whether to look for a newer key than the one found before, because that one did not
        verify a token that names none.
        """
        # Other thumbprints are another way to trust: what was fetched under the old ones is void.
        name = (provider.url, provider.thumbprints)
        kept = self._kept.get(name)
        if kept is None or not kept.fresh(
            now, COOLDOWN_SECONDS if kept.failure is not None else KEPT_SECONDS
        ):
            kept = await self._refresh(name, now)
        if kept.failure is not None:
            raise type(kept.failure)(*kept.failure.args) from kept.failure
        key = kept.find(key_id, algorithm)
        sought = newer or (key is None and key_id not in kept.unknown)
        if sought and not kept.fresh(now, COOLDOWN_SECONDS):
            # It may be a new key of the provider's.
            unknown = kept.unknown
            kept = await self._refresh(name, now)
            kept.unknown |= unknown
            key = kept.find(key_id, algorithm)
            if key is None and kept.failure is None and len(kept.unknown) < _UNKNOWN_KEPT:
                kept.unknown.add(key_id)
        if key is None:
            raise no_verification_key()
        return key

    async def _refresh(self, name: tuple[str, Sequence[str]], now: float) -> _Kept:
        """Fetch, or wait for the fetch that is under way. A caller that goes away stops nothing."""
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.create_task(self._load(name, now))
            self._under_way[name] = task
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        return await asyncio.shield(task)

    async def _load(self, name: tuple[str, Sequence[str]], now: float) -> _Kept:
        url, thumbprints = name
        try:
            kept = _Kept(now, await self._published(url, thumbprints))
        except FederationError as error:
            kept = _Kept(now, failure=error)
        if len(self._kept) >= _PROVIDERS_KEPT:
            # Of deleted providers, or under thumbprints of before.
            self._kept.clear()
        self._kept[name] = kept
        return kept

    async def _published(self, issuer: str, thumbprints: Sequence[str]) -> list[_PublishedKey]:
        """OpenID Connect Discovery 1.0, section 4, then RFC 7517."""
        location = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        configuration = await self._fetch(location, thumbprints)
        jwks_uri = configuration.get("jwks_uri")
        if configuration.get("issuer") != issuer or not isinstance(jwks_uri, str):
            _log.warning("identity provider: %s: the document is another issuer's", ascii(issuer))
            raise no_verification_key()
        if issuer.startswith("https:") and not jwks_uri.startswith("https:"):
            _log.warning("identity provider: %s: jwks_uri is not https", ascii(issuer))
            raise no_verification_key()
        document = await self._fetch(jwks_uri, thumbprints)
        entries = document.get("keys")
        if not isinstance(entries, list):
            raise no_verification_key()
        signed_with = _signed_with(configuration)
        return [
            key
            for entry in entries[:_MOST_KEYS]
            if isinstance(entry, Mapping) and (key := _published_key(entry, signed_with))
        ]


def _signed_with(configuration: Mapping[str, Any]) -> frozenset[str]:
    """The algorithms a provider signs with: those it announces, of those that are taken."""
    announced = configuration.get("id_token_signing_alg_values_supported")
    if not isinstance(announced, list):
        return frozenset(ALGORITHMS)
    return frozenset(ALGORITHMS).intersection(each for each in announced if isinstance(each, str))


def _published_key(entry: Mapping[str, Any], signed_with: frozenset[str]) -> _PublishedKey | None:
    """One key of a set, with the algorithms that its type allows; None if it verifies nothing."""
    key_id = entry.get("kid", "")
    operations = entry.get("key_ops")
    if not isinstance(key_id, str) or entry.get("use", "sig") != "sig":
        return None
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    try:
        key, algorithms = _key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    stated = entry.get("alg")
    if stated is not None:
        algorithms &= {stated} if isinstance(stated, str) else set()
    algorithms &= signed_with
    return _PublishedKey(key_id, algorithms, key) if algorithms else None


def _key(entry: Mapping[str, Any]) -> tuple[VerificationKey, frozenset[str]]:
    # INVARIANT: the type of the key, not the token, says which algorithms it may verify.
    if entry.get("kty") == "RSA":
        # Looked at before anything is computed with it.
        if not _SMALLEST_MODULUS <= _bits(entry["n"]) <= _LARGEST_MODULUS:
            raise ValueError("a modulus of this size is not taken")
        rsa = RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")})
        return rsa, frozenset(_RSA)
    if entry.get("kty") == "EC":
        curve = ECKey.import_key({name: entry[name] for name in ("kty", "crv", "x", "y")})
        point = curve.public_key
        if not isinstance(point, EllipticCurvePublicKey):
            raise ValueError("not a point")
        return curve, frozenset([_OF_CURVE[point.curve.name]])
    raise ValueError("a key of this type is not taken")


def _bits(number: str) -> int:
    """The length of a number in base64url."""
    raw = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(raw, "big").bit_length()
