"""Web identity tokens of our own: keys to sign them with, and what is published of the keys.

Each algorithm has its keys, and each key a state as those of `tokens.ring`: one that is prepared is
published before it signs, one that is retired until the last token it signed is over.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from daypass.tokens import KeyState

# The service model's ("SigningAlgorithm" of GetWebIdentityToken).
SIGNING_ALGORITHMS: Final = ("ES384", "RS256")
LONGEST_TOKEN_SECONDS: Final = 3600
# How long others take a token after its end, and keep the keys they fetched.
_GRACE_SECONDS: Final = 900
_REGISTRY: Final = jws.JWSRegistry(algorithms=list(SIGNING_ALGORITHMS))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs web identity tokens. id: its JWK thumbprint (RFC 7638). private: PEM.

    since: when it came into its state, Unix seconds. public: as a JWK set has it.
    """

    id: str
    algorithm: str
    private: bytes = field(repr=False)
    public: Mapping[str, str]
    state: KeyState
    since: int


def new_signing_key(algorithm: str, state: KeyState, now: float) -> SigningKey:
    """A new key. An RSA key takes about 0.1 s of CPU."""
    key = RSAKey.generate_key(2048) if algorithm == "RS256" else ECKey.generate_key("P-384")
    key_id = key.thumbprint()
    members = {name: str(value) for name, value in key.as_dict(private=False).items()}
    public = {**members, "kid": key_id, "alg": algorithm, "use": "sig"}
    return SigningKey(key_id, algorithm, key.as_pem(private=True), public, state, int(now))


def new_signing_keys(now: float) -> list[SigningKey]:
    """The first keys: for each algorithm one active and one prepared."""
    return [
        new_signing_key(algorithm, state, now)
        for algorithm in SIGNING_ALGORITHMS
        for state in (KeyState.ACTIVE, KeyState.PREPARED)
    ]


def rotate_signing_keys(
    keys: Iterable[SigningKey], prepared: Sequence[SigningKey], now: float
) -> list[SigningKey]:
    """The keys after a rotation; `prepared` are new, one for each algorithm.

    Retired keys are left out once every token they signed is over.
    """
    rotated = list(prepared)
    for key in keys:
        if key.state is KeyState.PREPARED:
            rotated.append(replace(key, state=KeyState.ACTIVE, since=int(now)))
        elif key.state is KeyState.ACTIVE:
            rotated.append(replace(key, state=KeyState.RETIRED, since=int(now)))
        elif is_needed(key, now):
            rotated.append(key)
    return rotated


def is_needed(key: SigningKey, now: float) -> bool:
    """Whether a token this key signed, or will sign, may be good."""
    return (
        key.state is not KeyState.RETIRED
        or now < key.since + LONGEST_TOKEN_SECONDS + _GRACE_SECONDS
    )


class TokenSigner:
    """Signs with one key, which is read once."""

    __slots__ = ("_header", "_key")

    def __init__(self, key: SigningKey) -> None:
        self._header = {"alg": key.algorithm, "kid": key.id, "typ": "JWT"}
        kind = RSAKey if key.algorithm == "RS256" else ECKey
        self._key: RSAKey | ECKey = kind.import_key(key.private)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The token that says these claims."""
        payload = json.dumps(claims, separators=(",", ":"))
        return jws.serialize_compact(dict(self._header), payload, self._key, registry=_REGISTRY)


def published_keys(keys: Iterable[SigningKey], now: float) -> dict[str, Any]:
    """The JWK set (RFC 7517) of all keys a good token may be signed with."""
    return {"keys": [dict(key.public) for key in keys if is_needed(key, now)]}
