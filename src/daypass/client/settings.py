"""What the command line, the environment and the configuration files say together.

Source: AWS SDKs and Tools reference guide, "Settings reference"; the order is that of the AWS SDK
for Python.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from daypass.client.cache.entries import Entry
from daypass.client.cache.memory import MemoryStore
from daypass.client.config import Configuration, Section, read_configuration
from daypass.client.errors import ConfigurationError, UnknownEndpointError
from daypass.client.mfa import MfaCodes
from daypass.client.partitions import sts_url
from daypass.client.regions import environment_region

# The AWS SDK for Python reads them in this order, AWS's other SDKs the second alone.
PROFILE_VARIABLES: Final = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")


class Sessions(Protocol):
    """Where sessions are kept, by what they are of."""

    def read(self, identity: str) -> Entry | None: ...

    def write(self, identity: str, entry: Entry) -> None: ...

    def forget(self, identity: str) -> None: ...

    def lock(self, identity: str, *, wait: bool) -> AbstractContextManager[bool]: ...


class Place(NamedTuple):
    """Where a service is asked. ca_bundle: a file of certificates to trust, None for the usual."""

    url: str
    region: str
    ca_bundle: str | None


class Located(Protocol):
    """Says where STS is asked, when it is."""

    def place(self) -> Place:
        """Raises `ClientError`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One reading of everything. profile, region, endpoint_url: as asked for, over all else.

    sessions: where they are kept. mfa: who is asked for codes. least_life: seconds that sessions
    are to be good for, where they are renewed.
    """

    configuration: Configuration
    environ: Mapping[str, str] = field(repr=False)
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    sessions: Sessions = field(default_factory=MemoryStore, repr=False)
    mfa: MfaCodes = field(default_factory=MfaCodes)
    least_life: float = 300.0

    @property
    def profile_name(self) -> str:
        """The profile that counts: as asked for, else as the environment says, else "default"."""
        return self.profile or self._named_profile() or "default"

    def _named_profile(self) -> str | None:
        set_names = (self.environ.get(name) for name in PROFILE_VARIABLES)
        return next((name for name in set_names if name), None)

    def section(self) -> Section:
        """The keys of the profile. Raises `ConfigurationError` if one is named that is not there;
        nobody needs a default one."""
        name = self.profile_name
        found = self.configuration.profiles.get(name)
        if found is None and (self.profile or self._named_profile()):
            raise missing_profile(name, self.configuration)
        return found or {}

    def text(self, key: str) -> str | None:
        """A key of the profile."""
        value = self.section().get(key)
        return value if isinstance(value, str) else None

    def configured_region(self) -> str | None:
        """The region, if anything says one."""
        return self.region or environment_region(self.environ) or self.text("region")

    def configured_endpoint(self, service: str) -> str | None:
        """The URL that is configured for a service ("sts", "lambda"), None for AWS's own."""
        if self.endpoint_url:
            return self.endpoint_url
        section = self.section()
        if self._flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"):
            return None
        identifier = service.replace("-", "_")
        variables = (f"AWS_ENDPOINT_URL_{identifier.upper()}", "AWS_ENDPOINT_URL")
        by_environment = next((self.environ[v] for v in variables if self.environ.get(v)), None)
        if by_environment:
            return by_environment
        block = self._services(section).get(identifier, {})
        by_service = block.get("endpoint_url") if isinstance(block, Mapping) else None
        return by_service or self.text("endpoint_url") or None

    def _services(self, section: Section) -> Section:
        name = section.get("services")
        if not isinstance(name, str):
            return {}
        found = self.configuration.services.get(name)
        if not found:
            raise ConfigurationError(
                f"The profile {self.profile_name} cannot be used.",
                f"It names [services {name}], which {self.configuration.config_path} lacks.",
                "Add the section, or take the key `services` out of the profile.",
            )
        return found

    def place(self) -> Place:
        """Where STS is asked. Raises `UnknownEndpointError` if nothing says a region."""
        region = self.configured_region()
        if not region:
            raise UnknownEndpointError(
                "Cannot tell in which region to ask STS.",
                "Neither AWS_REGION, AWS_DEFAULT_REGION nor the profile says so.",
                "Set AWS_REGION, or pass the region.",
            )
        if region == "aws-global":  # how the SDKs call the partition, whose endpoint is there
            region = "us-east-1"
        url = self.configured_endpoint("sts") or sts_url(
            region,
            fips=self._flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            dual_stack=self._flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        )
        return Place(url, region, self.ca_bundle())

    def ca_bundle(self) -> str | None:
        """A file of certificates to trust in place of the usual ones."""
        return self.environ.get("AWS_CA_BUNDLE") or self.text("ca_bundle") or None

    def _flag(self, variable: str, key: str) -> bool:
        value = self.environ.get(variable)
        return (value if value is not None else self.text(key) or "").lower() == "true"


def read_settings(
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the files, and take the environment as it is. Sessions are kept in memory; use
    `dataclasses.replace` for what is to be otherwise. Raises `ConfigurationError`."""
    return Settings(read_configuration(environ), environ, profile, region, endpoint_url)


def missing_profile(name: str, configuration: Configuration) -> ConfigurationError:
    """There is no such profile."""
    return ConfigurationError(
        f"There is no profile {name}.",
        f"Looked in {configuration.config_path} and {configuration.credentials_path}.",
        "`daypass profiles` lists those there are.",
    )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where STS is asked. Each None is taken from the environment and the profile."""

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None

    def place(self) -> Place:
        """Raises `ClientError`."""
        return read_settings(self.profile, self.region, self.endpoint_url).place()
