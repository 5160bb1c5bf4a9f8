"""The client: where credentials come from, what a URL is signed for, and signing it."""

from daypass.client.auth import Auth
from daypass.client.endpoints import Inference, Scope, infer, resolve
from daypass.client.errors import (
    ClientError,
    CredentialsRefusedError,
    CredentialsUnavailableError,
    NoCredentialsError,
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
from daypass.client.sts import AssumedRole, Identity, RoleRequest

__all__ = [
    "AssumeRole",
    "AssumedRole",
    "Auth",
    "Cached",
    "ClientError",
    "CredentialsProvider",
    "CredentialsRefusedError",
    "CredentialsUnavailableError",
    "Environment",
    "FirstOf",
    "Identity",
    "Inference",
    "NoCredentialsError",
    "Profile",
    "RoleRequest",
    "Scope",
    "Static",
    "UnknownEndpointError",
    "UnsignableBodyError",
    "infer",
    "resolve",
    "standard_chain",
]
