"""The client: where credentials come from, what a URL is signed for, and signing it."""

from typing import TYPE_CHECKING

from daypass.client.endpoints import Inference, Scope, environment_region, infer, resolve
from daypass.client.errors import (
    ClientError,
    ConfigurationError,
    CredentialsRefusedError,
    CredentialsUnavailableError,
    MfaCodeNeededError,
    NoCredentialsError,
    SignatureRefusedError,
    UnknownEndpointError,
    UnsignableBodyError,
)
from daypass.client.providers.base import CredentialsProvider, FirstOf, Static
from daypass.client.providers.chain import Profile, find_source, standard_chain
from daypass.client.providers.container import Container
from daypass.client.providers.environment import Environment
from daypass.client.providers.instance import Instance
from daypass.client.providers.process import Process
from daypass.client.providers.renewing import Cached
from daypass.client.providers.roles import (
    AssumeRole,
    AssumeRoleWithSaml,
    AssumeRoleWithWebIdentity,
    SessionToken,
)
from daypass.client.providers.source import Source
from daypass.client.session import Session
from daypass.client.settings import Settings, read_settings
from daypass.client.sts import AssumedRole, Endpoint, Identity, RoleRequest

if TYPE_CHECKING:
    from daypass.client.auth import Auth

__all__ = [
    "AssumeRole",
    "AssumeRoleWithSaml",
    "AssumeRoleWithWebIdentity",
    "AssumedRole",
    "Auth",
    "Cached",
    "ClientError",
    "ConfigurationError",
    "Container",
    "CredentialsProvider",
    "CredentialsRefusedError",
    "CredentialsUnavailableError",
    "Endpoint",
    "Environment",
    "FirstOf",
    "Identity",
    "Inference",
    "Instance",
    "MfaCodeNeededError",
    "NoCredentialsError",
    "Process",
    "Profile",
    "RoleRequest",
    "Scope",
    "Session",
    "SessionToken",
    "Settings",
    "SignatureRefusedError",
    "Source",
    "Static",
    "UnknownEndpointError",
    "UnsignableBodyError",
    "environment_region",
    "find_source",
    "infer",
    "read_settings",
    "resolve",
    "standard_chain",
]


def __getattr__(name: str) -> object:
    # Late: whoever only gets credentials does not pay for importing httpx.
    if name == "Auth":
        from daypass.client.auth import Auth  # noqa: PLC0415

        return Auth
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
