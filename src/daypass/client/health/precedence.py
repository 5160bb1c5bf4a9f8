"""Which credentials win, and what they leave in the shade.

Sources: the order of the AWS SDK for Python, beside what AWS's other SDKs do where that differs.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from daypass.client.health.findings import Finding, note, ok, problem
from daypass.client.providers.container import FULL, RELATIVE
from daypass.client.providers.source import CONTAINER, ENVIRONMENT, INSTANCE, WEB_IDENTITY, Source
from daypass.client.settings import PROFILE_VARIABLES, Settings
from daypass.client.times import seconds_of_iso

_ABOUT: Final = "precedence"
_PAIRS: Final = (
    (
        *("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        "The AWS SDK for Python takes the second, all others the first.",
        "unset AWS_SECURITY_TOKEN",
    ),
    (
        *("AWS_DEFAULT_PROFILE", "AWS_PROFILE"),
        "The AWS SDK for Python and Daypass take the first, most other tools the second.",
        "unset AWS_DEFAULT_PROFILE",
    ),
    (
        *("AWS_REGION", "AWS_DEFAULT_REGION"),
        "The AWS SDK for Python takes the second, all others the first.",
        "Set both to the same.",
    ),
    (
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        "The first counts.",
        "unset the one that is not meant",
    ),
)


def check_precedence(settings: Settings, source: Source) -> Iterator[Finding]:
    """What wins and why, and each thing that is set and does not count."""
    environ = settings.environ
    yield ok(_ABOUT, f"Credentials come from {source.said}{_because(settings, source)}.")
    for first, second, who, remedy in _PAIRS:
        one, other = environ.get(first), environ.get(second)
        if one and other and one != other:
            yield note(_ABOUT, f"{first} and {second} differ. {who}", remedy)
    yield from _shadowed(settings, source)
    until = seconds_of_iso(environ.get("AWS_CREDENTIAL_EXPIRATION"))
    if until is not None and until <= time.time():
        yield problem(
            _ABOUT,
            f"AWS_CREDENTIAL_EXPIRATION is past ({environ['AWS_CREDENTIAL_EXPIRATION']}): the AWS "
            "SDK for Python refuses these credentials without asking anybody.",
            "Get new ones, or unset the AWS_* variables.",
        )


def _because(settings: Settings, source: Source) -> str:
    if source.method == ENVIRONMENT:
        return ", which beats every profile that is not asked for by --profile"
    if settings.profile:
        return f": --profile {settings.profile} beats the environment"
    named = next((name for name in PROFILE_VARIABLES if settings.environ.get(name)), None)
    if named:
        return f", by {named}={settings.environ[named]}"
    return ", the last resort" if source.method == INSTANCE else ""


def _shadowed(settings: Settings, source: Source) -> Iterator[Finding]:
    environ, name = settings.environ, settings.profile_name
    has = _has(environ)
    if source.method == ENVIRONMENT:
        if has("AWS_PROFILE") or has("AWS_DEFAULT_PROFILE"):
            yield note(
                _ABOUT,
                f"The profile {name} is named, but the keys in the environment win.",
                f"unset AWS_ACCESS_KEY_ID, or pass --profile {name}",
            )
        elif settings.configuration.profiles.get(name):
            yield note(
                _ABOUT, f"The profile {name} does not count: there are keys in the environment."
            )
    elif has("AWS_ACCESS_KEY_ID"):
        yield note(_ABOUT, "The keys in the environment do not count: a profile was asked for.")
    if source.method != WEB_IDENTITY and has("AWS_WEB_IDENTITY_TOKEN_FILE"):
        yield note(_ABOUT, f"AWS_WEB_IDENTITY_TOKEN_FILE does not count: {source.said} wins.")
    if source.method != CONTAINER and (has(RELATIVE) or has(FULL)):
        yield note(
            _ABOUT,
            f"The container's endpoint does not count: {source.said} wins.",
            "Point AWS_SHARED_CREDENTIALS_FILE to an empty file, as `daypass exec --server` does.",
        )


def _has(environ: Mapping[str, str]) -> Callable[[str], bool]:
    return lambda name: bool(environ.get(name))
