"""Where credentials come from: small objects with one method, which compose.

`Cached(AssumeRole(request, FirstOf(Environment(), Profile())))` reads from right to left.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from daypass.client.errors import (
    ClientError,
    CredentialsUnavailableError,
    NoCredentialsError,
)
from daypass.client.sts import AssumedRole, Endpoint, RoleRequest, assume_role, unavailable
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from botocore.credentials import Credentials as SdkCredentials
    from botocore.session import Session

# Renewal starts this many seconds before the end, while the old credentials still serve those
# who do not renew, and is waited for in the last minute. A quarter of the session at most: the
# shortest session lasts 900 s.
RENEW_AHEAD: Final = 300.0
RENEW_BEFORE: Final = 60.0
# After a failed renewal ahead of time the old credentials are used this long before another try.
_PAUSE: Final = 10.0

_SOURCE_REMEDY: Final = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or pass a profile."
)


class CredentialsProvider(Protocol):
    """Gives credentials that are good now: an immutable snapshot, to be asked for anew before
    each signature. Safe to call from several threads. Raises `ClientError`."""

    def credentials(self) -> Credentials: ...


@runtime_checkable
class KeepsCredentials(Protocol):
    """A provider that keeps what it gave, and can be told that a service finds it over."""

    def discard(self, refused: Credentials) -> None:
        """Do not give these again. Does nothing if others are kept by now."""


def discard(provider: CredentialsProvider, refused: Credentials) -> None:
    """Tell a provider, if it keeps any, that these credentials were refused."""
    if isinstance(provider, KeepsCredentials):
        provider.discard(refused)


class Static:
    """The same credentials always."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def credentials(self) -> Credentials:
        return self._credentials


class Environment:
    """The AWS_* variables, read at each call. Expired ones are refused here, as no service
    could say more clearly what is wrong."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._environ = environ
        self._clock = clock

    def credentials(self) -> Credentials:
        access_key_id = self._environ.get("AWS_ACCESS_KEY_ID")
        secret_access_key = self._environ.get("AWS_SECRET_ACCESS_KEY")
        if not access_key_id and not secret_access_key:
            raise NoCredentialsError(
                "No credentials were found.", "Looked in the environment.", _SOURCE_REMEDY
            )
        if not access_key_id or not secret_access_key:
            raise CredentialsUnavailableError(
                "The credentials in the environment are incomplete.",
                "One of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set without the other.",
                "Set both, or unset both.",
            )
        expiration = _timestamp(self._environ.get("AWS_CREDENTIAL_EXPIRATION"))
        if expiration is not None and expiration <= self._clock():
            raise CredentialsUnavailableError(
                "The credentials in the environment have expired.",
                f"AWS_CREDENTIAL_EXPIRATION is {self._environ['AWS_CREDENTIAL_EXPIRATION']}.",
                "Get new ones, or unset the AWS_* variables.",
            )
        token = self._environ.get("AWS_SESSION_TOKEN") or self._environ.get("AWS_SECURITY_TOKEN")
        return Credentials(access_key_id, secret_access_key, token or None, expiration)


def _timestamp(text: str | None) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Profile:
    """A profile of ~/.aws/config, or without a name the whole chain of the AWS SDK for Python:
    profiles with roles, web identity, SSO, credential_process, container and instance metadata.
    The SDK renews what it can renew."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._found: SdkCredentials | None = None

    def credentials(self) -> Credentials:
        from botocore import exceptions  # noqa: PLC0415 - 0.3 s, see `sts`

        label = f"the profile {self._name!r}" if self._name else "the environment and profiles"
        try:
            with self._lock:
                self._found = self._found or _sdk_session(self._name).get_credentials()
            frozen = self._found.get_frozen_credentials() if self._found else None
        except (exceptions.BotoCoreError, exceptions.ClientError, RuntimeError) as error:
            raise unavailable(f"Getting credentials from {label} failed.", error) from error
        if frozen is None or not frozen.access_key:
            raise NoCredentialsError(
                "No credentials were found.", f"Looked in {label}.", _SOURCE_REMEDY
            )
        # The SDK has no public name for it; its own `aws configure export-credentials` reads it so.
        expiry = getattr(self._found, "_expiry_time", None)
        return Credentials(
            frozen.access_key,
            frozen.secret_key,
            frozen.token or None,
            expiry.timestamp() if isinstance(expiry, datetime) else None,
        )

    def discard(self, refused: Credentials) -> None:
        """Read the profile anew the next time: other tools write there what they renew."""
        with self._lock:
            held = self._found.get_frozen_credentials() if self._found else None
            if held is not None and held.access_key == refused.access_key_id:
                self._found = None

    def region(self) -> str | None:
        """The region this profile is configured for."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        try:
            region = _sdk_session(self._name).get_config_variable("region")
        except BotoCoreError:
            return None
        return str(region) if region else None


def _sdk_session(name: str | None) -> "Session":
    from botocore.session import Session  # noqa: PLC0415

    return Session(profile=name)


class FirstOf:
    """The first provider that has any credentials. One that has some and cannot give them ends
    the search: falling through to other credentials would act as somebody else."""

    def __init__(self, *providers: CredentialsProvider) -> None:
        self._providers = providers

    def credentials(self) -> Credentials:
        for provider in self._providers[:-1]:
            try:
                return provider.credentials()
            except NoCredentialsError:
                continue
        return self._providers[-1].credentials()

    def discard(self, refused: Credentials) -> None:
        for provider in self._providers:
            discard(provider, refused)


class AssumeRole:
    """Credentials of a role, assumed anew at each call with those of `source`. Put it in
    `Cached`. ask: how STS is asked; the default is the network."""

    def __init__(
        self,
        request: RoleRequest,
        source: CredentialsProvider,
        at: Endpoint | None = None,
        ask: Callable[[RoleRequest, Credentials, Endpoint], AssumedRole] = assume_role,
    ) -> None:
        self._request = request
        self._source = source
        self._at = at or Endpoint()
        self._ask = ask

    def credentials(self) -> Credentials:
        return self.assume().credentials

    def assume(self) -> AssumedRole:
        """The whole answer: also the session's ARN."""
        return self._ask(self._request, self._source.credentials(), self._at)


class Cached:
    """Keeps credentials until shortly before they expire.

    One caller renews for all. Ahead of the end the others go on with the old ones, and so does
    everybody if the renewal fails: what is still good is never thrown away.
    """

    def __init__(self, source: CredentialsProvider, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Credentials | None = None
        self._lifetime = 0.0
        self._paused_until = 0.0

    def credentials(self) -> Credentials:
        held = self._held
        if held is not None and not self._within(held, RENEW_AHEAD):
            return held
        if held is not None and not self._within(held, RENEW_BEFORE):
            return self._renew_if_nobody_does(held)
        with self._lock:
            held = self._held
            if held is not None and not self._within(held, RENEW_BEFORE):
                return held  # another thread renewed while this one waited
            try:
                return self._renew()
            except ClientError:
                if held is None or self._within(held, 0.0):
                    raise
                return held

    def discard(self, refused: Credentials) -> None:
        with self._lock:
            if self._held == refused:
                self._held = None
                self._paused_until = 0.0
        discard(self._source, refused)

    def _within(self, held: Credentials, seconds: float) -> bool:
        if held.expiration is None:
            return False
        left: float = held.expiration - self._clock()
        return left < min(seconds, self._lifetime / 4)

    def _renew_if_nobody_does(self, held: Credentials) -> Credentials:
        if self._clock() < self._paused_until or not self._lock.acquire(blocking=False):
            return held
        try:
            return self._renew()
        except ClientError:
            self._paused_until = self._clock() + _PAUSE
            return held
        finally:
            self._lock.release()

    def _renew(self) -> Credentials:
        fresh = self._source.credentials()
        self._lifetime = (fresh.expiration or 0.0) - self._clock()
        self._held = fresh
        return fresh


def standard_chain(profile: str | None = None) -> CredentialsProvider:
    """Where an AWS tool looks: the profile if one is named, else the environment, else all
    else the SDK knows. A named profile beats the environment, as with `aws --profile`."""
    return Profile(profile) if profile else FirstOf(Environment(), Profile())
