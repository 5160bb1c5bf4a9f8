"""Credentials that the surroundings of a process have for it, whatever the profile."""

from collections.abc import Callable

from daypass.client.providers.base import CredentialsProvider
from daypass.client.providers.container import FULL, RELATIVE, Container
from daypass.client.providers.environment import Environment
from daypass.client.providers.instance import Instance
from daypass.client.providers.renewing import Cached
from daypass.client.providers.source import (
    CONTAINER,
    ENVIRONMENT,
    INSTANCE,
    Source,
    identity_of,
)
from daypass.client.settings import Settings


def environment_source(settings: Settings) -> Source | None:
    """The AWS_* variables, if there are keys in them."""
    environ = settings.environ
    if not environ.get("AWS_ACCESS_KEY_ID") and not environ.get("AWS_SECRET_ACCESS_KEY"):
        return None
    provider = Environment(environ)
    return Source(
        provider,
        ENVIRONMENT,
        "the environment",
        _key_of(provider),
        long_term=not (environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN")),
    )


def container_source(settings: Settings) -> Source | None:
    """The container endpoint, if the environment names one."""
    environ = settings.environ
    if RELATIVE not in environ and FULL not in environ:
        return None
    provider = Cached(Container(environ))
    return Source(provider, CONTAINER, "the container's endpoint", _key_of(provider))


def instance_source(settings: Settings) -> Source:
    """The metadata service of the instance, if this is one."""
    provider = Cached(Instance(settings.environ, settings.text))
    return Source(provider, INSTANCE, "the instance's metadata service", _key_of(provider))


def _key_of(provider: CredentialsProvider) -> Callable[[], str]:
    # The same address may give those of another role tomorrow: what they are is told by the key.
    return lambda: identity_of("key", provider.credentials().access_key_id)
