"""Roles that are assumed with other credentials, and sessions made with MFA for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from daypass.client.cache.entries import Label
from daypass.client.config import Section
from daypass.client.errors import ConfigurationError
from daypass.client.providers.profile_source import profile_source
from daypass.client.providers.roles import AssumeRole, SessionToken
from daypass.client.providers.source import ROLE, Source, identity_of, keep
from daypass.client.providers.surroundings import (
    container_source,
    environment_source,
    instance_source,
)
from daypass.client.role_keys import role_request
from daypass.client.role_requests import MfaCode, RoleRequest
from daypass.client.settings import Settings

_BY_NAME: Final[dict[str, Callable[[Settings], Source | None]]] = {
    "Environment": environment_source,
    "EcsContainer": container_source,
    "Ec2InstanceMetadata": instance_source,
}


@dataclass(frozen=True, slots=True)
class MfaDevice:
    """The device whose codes a role asks for. process: a command that prints them. once: a code
    makes a session of the user, which serves for all roles; otherwise each role takes its own."""

    serial: str
    process: str | None = None
    once: bool = True


def names_role(section: Section) -> bool:
    """Whether the profile's role is assumed with other credentials."""
    federated = "web_identity_token_file" in section or "saml_provider_arn" in section
    return "role_arn" in section and not federated


def assumed_with(
    settings: Settings,
    source: Source,
    request: RoleRequest,
    device: MfaDevice | None = None,
    profile: str = "",
) -> Source:
    """The role, assumed with the credentials of `source`. profile: whose keys asked for it."""
    if device and device.once and source.long_term:
        source, device = _with_mfa(settings, source, device), None
    code = partial(_code, settings, device) if device else None
    provider = AssumeRole(request, source.provider, settings, mfa=code)

    def identity() -> str:
        serial = device.serial if device else ""
        return identity_of(
            ROLE, settings.place().url, source.identity(), request.parameters(), serial
        )

    def label() -> Label:
        return Label("role", request.role_arn, profile, settings.place().url)

    return Source(
        keep(settings, provider, identity, label, prompts=device is not None),
        ROLE,
        f"{request.role_arn}, assumed with {source.said}",
        identity,
    )


def _with_mfa(settings: Settings, source: Source, device: MfaDevice) -> Source:
    provider = SessionToken(source.provider, settings, partial(_code, settings, device))

    def identity() -> str:
        return identity_of("mfa", settings.place().url, source.identity(), device.serial)

    def label() -> Label:
        return Label("mfa", device.serial, "", settings.place().url)

    return Source(
        keep(settings, provider, identity, label, prompts=True),
        "session-token",
        f"{source.said}, by MFA",
        identity,
    )


def _code(settings: Settings, device: MfaDevice) -> MfaCode:
    return MfaCode(device.serial, settings.mfa.code(device.serial, device.process))


# -- profiles -------------------------------------------------------------------------------------


def role_source(settings: Settings, name: str, visited: tuple[str, ...] = ()) -> Source:
    """The role of a profile, assumed with the credentials of the one it names, and so on.
    Raises `ConfigurationError`."""
    visited = visited or (name,)
    section = settings.configuration.profiles[name]
    by_profile, by_name = section.get("source_profile"), section.get("credential_source")
    if isinstance(by_profile, str) and isinstance(by_name, str):
        raise _unusable(name, "It has both source_profile and credential_source.", "Leave one.")
    if isinstance(by_profile, str):
        source = _of_profile(settings, name, by_profile, visited)
    elif isinstance(by_name, str):
        source = _of_surroundings(settings, name, by_name)
    else:
        process = " Its credential_process does not count." * ("credential_process" in section)
        raise _unusable(
            name,
            f"It has role_arn without source_profile or credential_source.{process}",
            "Say whose credentials assume the role.",
        )
    request = role_request(section, name)
    return assumed_with(settings, source, request, device_of(section), name)


def device_of(section: Section) -> MfaDevice | None:
    """The MFA device that a profile names."""
    serial, process = section.get("mfa_serial"), section.get("mfa_process")
    if not isinstance(serial, str):
        return None
    once = str(section.get("mfa_session", "true")).lower() != "false"
    return MfaDevice(serial, process if isinstance(process, str) else None, once)


def _of_profile(settings: Settings, name: str, source: str, visited: tuple[str, ...]) -> Source:
    section = settings.configuration.profiles.get(source)
    if section is None:
        raise _unusable(name, f"Its source_profile {source} does not exist.", "Correct the name.")
    static = "aws_access_key_id" in section or "aws_secret_access_key" in section
    # A profile may name itself, for the keys it has beside its role.
    if source in visited and not (source == name and static):
        chain = " → ".join((*visited, source))
        raise _unusable(name, f"Its chain of source_profile is a circle: {chain}.", "Break it.")
    if names_role(section) and not static:
        return role_source(settings, source, (*visited, source))
    found = profile_source(settings, source, with_environment=False)
    if found is None:
        raise _unusable(
            name, f"Its source_profile {source} has no credentials.", f"Give {source} some."
        )
    return found


def _of_surroundings(settings: Settings, name: str, source: str) -> Source:
    find = _BY_NAME.get(source)
    if find is None:
        raise _unusable(
            name, f"Its credential_source {source} is none of {', '.join(_BY_NAME)}.", "Correct it."
        )
    found = find(settings)
    if found is None:
        raise _unusable(
            name, f"Its credential_source {source} has no credentials here.", "Set its variables."
        )
    return found


def _unusable(name: str, why: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"The profile {name} cannot be used.", why, remedy)
