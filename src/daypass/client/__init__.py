"""The client: where credentials come from, what a URL is signed for, and signing it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.client.auth import Auth
    from daypass.client.endpoints import Inference, Scope, infer, resolve
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
    from daypass.client.regions import environment_region
    from daypass.client.role_requests import AssumedRole, RoleRequest
    from daypass.client.session import Session
    from daypass.client.settings import Endpoint, Settings, read_settings
    from daypass.client.sts import Identity

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

# Imported when first asked for: a command that only prints cached credentials starts at once.
_MODULES = {
    "AssumeRole": "providers.roles",
    "AssumeRoleWithSaml": "providers.roles",
    "AssumeRoleWithWebIdentity": "providers.roles",
    "AssumedRole": "role_requests",
    "Auth": "auth",
    "Cached": "providers.renewing",
    "ClientError": "errors",
    "ConfigurationError": "errors",
    "Container": "providers.container",
    "CredentialsProvider": "providers.base",
    "CredentialsRefusedError": "errors",
    "CredentialsUnavailableError": "errors",
    "Endpoint": "settings",
    "Environment": "providers.environment",
    "FirstOf": "providers.base",
    "Identity": "sts",
    "Inference": "endpoints",
    "Instance": "providers.instance",
    "MfaCodeNeededError": "errors",
    "NoCredentialsError": "errors",
    "Process": "providers.process",
    "Profile": "providers.chain",
    "RoleRequest": "role_requests",
    "Scope": "endpoints",
    "Session": "session",
    "SessionToken": "providers.roles",
    "Settings": "settings",
    "SignatureRefusedError": "errors",
    "Source": "providers.source",
    "Static": "providers.base",
    "UnknownEndpointError": "errors",
    "UnsignableBodyError": "errors",
    "environment_region": "regions",
    "find_source": "providers.chain",
    "infer": "endpoints",
    "read_settings": "settings",
    "resolve": "endpoints",
    "standard_chain": "providers.chain",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
