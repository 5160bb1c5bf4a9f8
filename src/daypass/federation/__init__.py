"""Identities of others: what an identity provider vouches for, and nothing it did not sign."""

from daypass.federation.external import ExternalIdentity

__all__ = ["ExternalIdentity"]
