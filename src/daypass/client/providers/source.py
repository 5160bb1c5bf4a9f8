"""Credentials as the settings lead to them: a provider, and what it gives."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from daypass.client.cache.entries import Label
from daypass.client.cache.kept import Kept
from daypass.client.providers.base import CredentialsProvider, Static
from daypass.client.settings import Settings
from daypass.sigv4 import Credentials

# What botocore calls them, as far as it has them, too.
ENVIRONMENT: Final = "env"
ROLE: Final = "assume-role"
WEB_IDENTITY: Final = "assume-role-with-web-identity"
SAML: Final = "assume-role-with-saml"
SSO: Final = "sso"
CREDENTIALS_FILE: Final = "shared-credentials-file"
LOGIN: Final = "login"
PROCESS: Final = "custom-process"
CONFIG_FILE: Final = "config-file"
CONTAINER: Final = "container-role"
INSTANCE: Final = "iam-role"


@dataclass(frozen=True, slots=True)
class Source:
    """method: one of the names above. said: for people. identity: whose these are and all they
    depend on, without a secret; the cache knows them by it. long_term: keys of a user, which
    alone can be turned into a session by MFA."""

    provider: CredentialsProvider
    method: str
    said: str
    identity: Callable[[], str]
    long_term: bool = False


def identity_of(*parts: object) -> str:
    """One text for all of it; different parts never make the same."""
    return json.dumps(parts, sort_keys=True, separators=(",", ":"))


def static_source(credentials: Credentials, method: str, said: str) -> Source:
    """Keys that are written somewhere."""
    return Source(
        Static(credentials),
        method,
        said,
        lambda: identity_of("key", credentials.access_key_id),
        long_term=not credentials.session_token,
    )


def keep(
    settings: Settings,
    provider: CredentialsProvider,
    identity: Callable[[], str],
    label: Callable[[], Label],
    *,
    prompts: bool = False,
) -> Kept:
    """The provider, its sessions kept where the settings say."""
    return Kept(
        provider, identity, label, settings.sessions, least=settings.least_life, prompts=prompts
    )
