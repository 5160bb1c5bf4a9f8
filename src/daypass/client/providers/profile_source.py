"""Credentials that a profile has by itself, without those of another."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from daypass.client.cache.entries import Label
from daypass.client.config import Section
from daypass.client.errors import ConfigurationError
from daypass.client.processes import run
from daypass.client.providers.process import Process
from daypass.client.providers.renewing import Cached
from daypass.client.providers.roles import (
    AssumeRoleWithSaml,
    AssumeRoleWithWebIdentity,
    token_in,
)
from daypass.client.providers.sdk import SdkProfile
from daypass.client.providers.source import (
    CONFIG_FILE,
    CREDENTIALS_FILE,
    LOGIN,
    PROCESS,
    SAML,
    SSO,
    WEB_IDENTITY,
    Source,
    identity_of,
    keep,
    static_source,
)
from daypass.client.role_keys import role_request
from daypass.client.settings import Settings
from daypass.sigv4 import Credentials

_WEB_IDENTITY_VARIABLES: Final = {
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "role_arn": "AWS_ROLE_ARN",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
}


def profile_source(settings: Settings, name: str, *, with_environment: bool) -> Source | None:
    """In the SDK's order. with_environment: variables count where they stand for keys of the
    profile. Raises `ConfigurationError`."""
    configuration = settings.configuration
    section = configuration.profiles.get(name, {})
    written = partial(_written, name=name)
    return (
        _web_identity(settings, name, section, with_environment=with_environment)
        or _saml(settings, name, section)
        or _sso(settings, name, section)
        or written(configuration.credentials.get(name, {}), CREDENTIALS_FILE)
        or _login(settings, name, section)
        or _process(section, name)
        or written(configuration.config.get(name, {}), CONFIG_FILE)
    )


def _written(section: Section, method: str, *, name: str) -> Source | None:
    key, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    token = section.get("aws_session_token") or section.get("aws_security_token")
    if key is None:
        return None
    if not isinstance(key, str) or not isinstance(secret, str) or not key or not secret:
        raise ConfigurationError(
            f"The profile {name} cannot be used.",
            "It has aws_access_key_id without aws_secret_access_key.",
            "Write both, or neither.",
        )
    credentials = Credentials(key, secret, token if isinstance(token, str) else None)
    return static_source(credentials, method, f"the keys of the profile {name}")


def _process(section: Section, name: str) -> Source | None:
    command = section.get("credential_process")
    if not isinstance(command, str) or not command:
        return None
    return Source(
        Cached(Process(command, name)),
        PROCESS,
        f"the credential_process of the profile {name}",
        lambda: identity_of("process", command),
    )


# -- federation -----------------------------------------------------------------------------------


def _web_identity(
    settings: Settings, name: str, section: Section, *, with_environment: bool
) -> Source | None:
    merged = dict(section)
    if with_environment:
        for key, variable in _WEB_IDENTITY_VARIABLES.items():
            if variable in settings.environ:
                merged[key] = settings.environ[variable]
    path = merged.get("web_identity_token_file")
    if not isinstance(path, str) or not path:
        return None
    if not merged.get("role_arn"):
        raise ConfigurationError(
            "There is a web identity, but no role to assume with it.",
            f"web_identity_token_file is {path}, and neither role_arn nor AWS_ROLE_ARN is set.",
            "Set the role's ARN.",
        )
    # As in AWS's tools: the duration is the role's own, and the token says the rest.
    request = replace(
        role_request(merged, name),
        external_id=None,
        duration_seconds=None,
        tags=(),
        transitive_tags=(),
        source_identity=None,
    )
    token = partial(token_in, path, "The web identity token")
    provider = AssumeRoleWithWebIdentity(request, token, settings)

    def identity() -> str:
        place = settings.place()
        return identity_of("web-identity", place.url, request.parameters(), _subject(token()))

    def label() -> Label:
        return Label("web-identity", request.role_arn, name, settings.place().url)

    return Source(
        keep(settings, provider, identity, label),
        WEB_IDENTITY,
        f"{request.role_arn}, assumed with the web identity in {path}",
        identity,
    )


def _subject(token: str) -> object:
    """Whose token it is: a new one of the same subject is as good. Nothing is verified here, as
    it only tells sessions apart."""
    try:
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        return [claims["iss"], claims["sub"], claims.get("aud")]
    except (IndexError, ValueError, KeyError, TypeError):
        return hashlib.sha256(token.encode()).hexdigest()


def _saml(settings: Settings, name: str, section: Section) -> Source | None:
    provider_arn = section.get("saml_provider_arn")
    if not isinstance(provider_arn, str):
        return None
    path, process = section.get("saml_assertion_file"), section.get("saml_process")
    what = f"The SAML assertion of the profile {name}"
    assertion: Callable[[], str]
    if isinstance(path, str):
        assertion = partial(token_in, os.path.expanduser(path), what)
    elif isinstance(process, str):
        assertion = partial(_printed, process, what)
    else:
        raise ConfigurationError(
            f"The profile {name} cannot be used.",
            "It has saml_provider_arn without saml_assertion_file or saml_process.",
            "Say where the assertion comes from.",
        )
    request = replace(
        role_request(section, name),
        external_id=None,
        tags=(),
        transitive_tags=(),
        source_identity=None,
    )
    provider = AssumeRoleWithSaml(request, provider_arn, assertion, settings)

    def identity() -> str:
        where = [provider_arn, path, process]
        return identity_of("saml", settings.place().url, request.parameters(), where)

    def label() -> Label:
        return Label("saml", request.role_arn, name, settings.place().url)

    return Source(
        keep(settings, provider, identity, label),
        SAML,
        f"{request.role_arn}, assumed with a SAML assertion",
        identity,
    )


def _printed(command: str, what: str) -> str:
    return run(command, f"{what} was not got.").strip()


# -- what only the SDK can do ---------------------------------------------------------------------


def _sso(settings: Settings, name: str, section: Section) -> Source | None:
    if "sso_role_name" not in section and "sso_account_id" not in section:
        return None
    session = section.get("sso_session")
    merged: Mapping[str, object] = section
    if isinstance(session, str):
        found = settings.configuration.sso_sessions.get(session)
        if found is None:
            raise _unusable_sso(name, f"There is no [sso-session {session}].")
        for key, value in found.items():
            if section.get(key, value) != value:
                raise _unusable_sso(name, f"{key} differs between it and [sso-session {session}].")
        merged = {**section, **found}
    needed = ("sso_start_url", "sso_region", "sso_role_name", "sso_account_id")
    missing = ", ".join(key for key in needed if key not in merged)
    if missing:
        raise _unusable_sso(name, f"It lacks {missing}.")
    whose = [session or merged["sso_start_url"], merged["sso_account_id"], merged["sso_role_name"]]
    said = f"{whose[2]} in {whose[1]}, by IAM Identity Center"
    return _by_sdk(settings, name, SSO, said, whose)


def _unusable_sso(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The profile {name} cannot be used.", why, "Run `aws configure sso`, or correct the file."
    )


def _login(settings: Settings, name: str, section: Section) -> Source | None:
    session = section.get("login_session")
    if not isinstance(session, str):
        return None
    return _by_sdk(settings, name, LOGIN, f"{session}, by `aws login`", session)


def _by_sdk(settings: Settings, name: str, kind: str, said: str, whose: object) -> Source:
    def identity() -> str:
        return identity_of(kind, whose, settings.configured_endpoint(kind))

    def label() -> Label:
        return Label(kind, said, name)

    provider = SdkProfile(name, settings.environ)
    return Source(keep(settings, provider, identity, label), kind, said, identity)
