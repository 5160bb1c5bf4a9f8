"""Where an AWS tool looks for credentials, in the order of the AWS SDK for Python.

Sources: AWS SDKs and Tools reference guide, "Standardized credential providers"; AWS CLI user
guide, "Using an IAM role in the AWS CLI".
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from daypass.client.cache.memory import MemoryStore
from daypass.client.errors import CredentialsUnavailableError, NoCredentialsError
from daypass.client.providers.base import CredentialsProvider, FirstOf, discard
from daypass.client.providers.environment import SOURCE_REMEDY, Environment
from daypass.client.providers.profile_source import profile_source
from daypass.client.providers.role_source import names_role, role_source
from daypass.client.providers.source import INSTANCE, Source
from daypass.client.providers.surroundings import (
    container_source,
    environment_source,
    instance_source,
)
from daypass.client.settings import Settings, read_settings
from daypass.sigv4 import Credentials


def find_source(settings: Settings) -> Source:
    """The credentials that count; none are asked for yet. The last resort, the metadata service
    of an instance, is named without a look whether there is one. Raises `ConfigurationError`."""
    name, section = settings.profile_name, settings.section()
    if settings.profile is None and (found := environment_source(settings)):
        return found
    if names_role(section):
        return role_source(settings, name)
    return (
        profile_source(settings, name, with_environment=settings.profile is None)
        or container_source(settings)
        or instance_source(settings)
    )


class Profile:
    """A profile of ~/.aws/config, or without a name the one that counts, and what comes after
    it: container and instance metadata. Files are read once, and again after `discard`."""

    def __init__(self, name: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._name = name
        self._environ = environ
        self._lock = threading.Lock()
        self._found: Source | None = None
        self._sessions = MemoryStore()

    def credentials(self) -> Credentials:
        return credentials_of(self._source(), self._settings)

    def _source(self) -> Source:
        with self._lock:
            self._found = self._found or find_source(self._settings())
            return self._found

    def _settings(self) -> Settings:
        return replace(read_settings(self._name, environ=self._environ), sessions=self._sessions)

    def discard(self, refused: Credentials) -> None:
        """Read the profile anew the next time: other tools write there what they renew."""
        with self._lock:
            found, self._found = self._found, None
        if found is not None:
            discard(found.provider, refused)

    def region(self) -> str | None:
        """The region this profile is configured for."""
        try:
            return self._settings().text("region")
        except CredentialsUnavailableError:
            return None


def credentials_of(source: Source, settings: Callable[[], Settings]) -> Credentials:
    """What the source gives; where there is none, the error says where it was looked for."""
    try:
        return source.provider.credentials()
    except NoCredentialsError as error:
        if source.method != INSTANCE:
            raise
        files = settings().configuration
        raise NoCredentialsError(
            error.what,
            f"Looked in the environment, {files.credentials_path} and {files.config_path}, and for "
            "the metadata of a container and an instance.",
            SOURCE_REMEDY,
        ) from error


def standard_chain(profile: str | None = None) -> CredentialsProvider:
    """Where an AWS tool looks: the profile if one is named, else the environment, else all
    else the SDK knows. A named profile beats the environment, as with `aws --profile`."""
    return Profile(profile) if profile else FirstOf(Environment(), Profile())
