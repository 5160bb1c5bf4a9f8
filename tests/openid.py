"""An OpenID provider in the test's own process: its keys, what it publishes, and tokens signed as
the test wants them, with nothing but `cryptography`, so that the judge is not what is judged."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from daypass.federation.oidc import ProviderKeys, UnreachableProviderError
from daypass.gateway.respond import Gateway
from tests.local_node import ACCOUNT, LocalNode

ISSUER = "https://accounts.example.com/tenant"
NAME = "accounts.example.com/tenant"
CLIENT_ID = "client-of-the-tests"
SUBJECT = "user-4711"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{NAME}"
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_key(algorithm: str) -> PrivateKey:
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    return rsa.generate_private_key(65537, 2048)


def jwk(key: PrivateKey, key_id: str, **further: Any) -> dict[str, Any]:
    """The public half, as RFC 7518 writes it."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        members = {"kty": "RSA", "n": encoded(numbers.n.to_bytes(size)), "e": "AQAB"}
    else:
        point = public.public_numbers()
        size = (public.key_size + 7) // 8
        members = {
            "kty": "EC",
            "crv": _CURVE_NAMES[public.curve.name],
            "x": encoded(point.x.to_bytes(size)),
            "y": encoded(point.y.to_bytes(size)),
        }
    return {**members, "kid": key_id, "use": "sig", **further}


def signature(key: PrivateKey, algorithm: str, message: bytes) -> bytes:
    hashed = _HASHES[algorithm[2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashed)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashed)))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size) + s.to_bytes(size)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified_claims(token: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The claims of a token that one of these JWKs signed. Raises if none did."""
    header, payload, signed = token.split(".")
    head = json.loads(decoded(header))
    key = next(each for each in keys if each["kid"] == head["kid"])
    assert key["alg"] == head["alg"]
    hashed, message = _HASHES[head["alg"][2:]], f"{header}.{payload}".encode()
    number = {
        name: int.from_bytes(decoded(key[name])) for name in ("n", "e", "x", "y") if name in key
    }
    raw = decoded(signed)
    if key["kty"] == "RSA":
        rsa_key = rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()
        rsa_key.verify(raw, message, padding.PKCS1v15(), hashed)
    else:
        curve = _CURVES[head["alg"]]
        half = len(raw) // 2
        r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
        point = ec.EllipticCurvePublicNumbers(number["x"], number["y"], curve).public_key()
        point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashed))
    return json.loads(decoded(payload))


def joined(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes) -> str:
    """The signed part of a token."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return f"{encoded(json.dumps(header).encode())}.{encoded(payload)}"


@dataclass
class Provider:
    """A provider with keys by their ids. fetched: the URLs that were asked for, in order.

    It is a `Fetch`: give it to `ProviderKeys`. down: it does not answer.
    """

    url: str = ISSUER
    keys: dict[str, tuple[str, PrivateKey]] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    down: bool = False

    def add_key(self, key_id: str = "first", algorithm: str = "RS256") -> PrivateKey:
        key = new_key(algorithm)
        self.keys[key_id] = (algorithm, key)
        return key

    async def __call__(self, url: str, thumbprints: Sequence[str]) -> dict[str, Any]:
        self.fetched.append(url)
        if self.down:
            raise UnreachableProviderError("Error communicating with the identity provider.")
        if url == f"{self.url}/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **self.configuration}
        assert url == f"{self.url}/jwks", url
        own = [jwk(key, key_id) for key_id, (_, key) in self.keys.items()]
        return {"keys": [*self.published, *own]}

    def claims(self, now: float, **changed: Any) -> dict[str, Any]:
        """Good claims; None leaves one out."""
        good = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "iat": int(now),
            "exp": int(now) + 600,
            **changed,
        }
        return {name: value for name, value in good.items() if value is not None}

    def token(self, now: float, key_id: str = "first", /, **changed: Any) -> str:
        """A token signed with one of the keys."""
        algorithm, key = self.keys[key_id]
        header = {"alg": algorithm, "kid": key_id, "typ": "JWT"}
        return self.sign(header, self.claims(now, **changed), key)

    @staticmethod
    def sign(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes, key: PrivateKey) -> str:
        """A token with exactly this header, signed as the header says."""
        message = joined(header, claims)
        return f"{message}.{encoded(signature(key, header['alg'], message.encode()))}"


def trusting(node: LocalNode, provider: Provider, *client_ids: str) -> str:
    """Register the provider with a node, and let the node fetch from it; the ARN."""
    listen_to(node, provider)
    made = node.client("iam").create_open_id_connect_provider(
        Url=provider.url, ClientIDList=list(client_ids or [CLIENT_ID])
    )
    return str(made["OpenIDConnectProviderArn"])


def listen_to(node: LocalNode, provider: Provider) -> None:
    """Let the node fetch from this provider alone."""
    node.node = replace(node.node, provider_keys=ProviderKeys(provider))
    node.gateway = Gateway(node.node, node.gateway.services, explain=True)


def federated_trust(provider: str, conditions: Any = None, actions: Any = None) -> str:
    """A trust policy for a provider's users."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": actions or "sts:AssumeRoleWithWebIdentity",
    }
    if conditions is not None:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
