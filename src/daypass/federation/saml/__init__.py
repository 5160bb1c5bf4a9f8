"""SAML 2.0: metadata of identity providers, and their responses verified with the keys in it."""

from daypass.federation.saml.errors import (
    ExpiredResponseError,
    InvalidResponseError,
    MetadataError,
    MetadataQuotaError,
    RejectedResponseError,
    SamlError,
    UnauthorizedResponseError,
)
from daypass.federation.saml.metadata import Metadata, parse_metadata
from daypass.federation.saml.provider import Issuers, SamlProvider, provider_arn
from daypass.federation.saml.responses import UnverifiedResponse, parse_response
from daypass.federation.saml.verifying import verify_response

__all__ = [
    "ExpiredResponseError",
    "InvalidResponseError",
    "Issuers",
    "Metadata",
    "MetadataError",
    "MetadataQuotaError",
    "RejectedResponseError",
    "SamlError",
    "SamlProvider",
    "UnauthorizedResponseError",
    "UnverifiedResponse",
    "parse_metadata",
    "parse_response",
    "provider_arn",
    "verify_response",
]
