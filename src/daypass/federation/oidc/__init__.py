"""OpenID Connect: tokens of identity providers, verified with keys fetched from them."""

from daypass.federation.oidc.errors import (
    ExpiredTokenError,
    FederationError,
    InvalidTokenError,
    RejectedClaimError,
    UnreachableProviderError,
)
from daypass.federation.oidc.fetching import Fetch, HttpFetcher
from daypass.federation.oidc.keys import ProviderKeys
from daypass.federation.oidc.provider import OidcProvider
from daypass.federation.oidc.signing import (
    LONGEST_TOKEN_SECONDS,
    SIGNING_ALGORITHMS,
    SigningKey,
    TokenSigner,
    new_signing_key,
    new_signing_keys,
    published_keys,
    rotate_signing_keys,
)
from daypass.federation.oidc.tokens import ALGORITHMS, UnverifiedToken, parse_token
from daypass.federation.oidc.verifying import verify_token

__all__ = [
    "ALGORITHMS",
    "LONGEST_TOKEN_SECONDS",
    "SIGNING_ALGORITHMS",
    "ExpiredTokenError",
    "FederationError",
    "Fetch",
    "HttpFetcher",
    "InvalidTokenError",
    "OidcProvider",
    "ProviderKeys",
    "RejectedClaimError",
    "SigningKey",
    "TokenSigner",
    "UnreachableProviderError",
    "UnverifiedToken",
    "new_signing_key",
    "new_signing_keys",
    "parse_token",
    "published_keys",
    "rotate_signing_keys",
    "verify_token",
]
