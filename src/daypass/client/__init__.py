"""The client: where credentials come from, what a URL is signed for, and signing it."""

from typing import TYPE_CHECKING

from daypass.client.endpoints import Inference, Scope, environment_region, infer, resolve
from daypass.client.errors import (
    ClientError,
    CredentialsRefusedError,
    CredentialsUnavailableError,
    NoCredentialsError,
    SignatureRefusedError,
    UnknownEndpointError,
    UnsignableBodyError,
)
from daypass.client.providers import (
    AssumeRole,
    Cached,
    CredentialsProvider,
    Environment,
    FirstOf,
    Profile,
    Static,
    standard_chain,
)
from daypass.client.sts import AssumedRole, Endpoint, Identity, RoleRequest

if TYPE_CHECKING:
    from daypass.client.auth import Auth

__all__ = [
    "AssumeRole",
    "AssumedRole",
    "Auth",
    "Cached",
    "ClientError",
    "CredentialsProvider",
    "CredentialsRefusedError",
    "CredentialsUnavailableError",
    "Endpoint",
    "Environment",
    "FirstOf",
    "Identity",
    "Inference",
    "NoCredentialsError",
    "Profile",
    "RoleRequest",
    "Scope",
    "SignatureRefusedError",
    "Static",
    "UnknownEndpointError",
    "UnsignableBodyError",
    "environment_region",
    "infer",
    "resolve",
    "standard_chain",
]


def __getattr__(name: str) -> object:
    # Late: whoever only gets credentials does not pay for importing httpx.
    if name == "Auth":
        from daypass.client.auth import Auth  # noqa: PLC0415

        return Auth
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
