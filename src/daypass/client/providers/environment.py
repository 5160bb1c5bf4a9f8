"""The AWS_* variables."""

import os
import time
from collections.abc import Callable, Mapping

from daypass.client.errors import CredentialsUnavailableError, NoCredentialsError
from daypass.client.times import seconds_of_iso
from daypass.sigv4 import Credentials

SOURCE_REMEDY = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or pass a profile."
)


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
                "No credentials were found.", "Looked in the environment.", SOURCE_REMEDY
            )
        if not access_key_id or not secret_access_key:
            raise CredentialsUnavailableError(
                "The credentials in the environment are incomplete.",
                "One of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set without the other.",
                "Set both, or unset both.",
            )
        expiration = seconds_of_iso(self._environ.get("AWS_CREDENTIAL_EXPIRATION"))
        if expiration is not None and expiration <= self._clock():
            raise CredentialsUnavailableError(
                "The credentials in the environment have expired.",
                f"AWS_CREDENTIAL_EXPIRATION is {self._environ['AWS_CREDENTIAL_EXPIRATION']}.",
                "Get new ones, or unset the AWS_* variables.",
            )
        # The AWS SDK for Python has it the other way round, so that a stale AWS_SECURITY_TOKEN
        # breaks good credentials; its other SDKs read the new name alone.
        token = self._environ.get("AWS_SESSION_TOKEN") or self._environ.get("AWS_SECURITY_TOKEN")
        return Credentials(access_key_id, secret_access_key, token or None, expiration)
