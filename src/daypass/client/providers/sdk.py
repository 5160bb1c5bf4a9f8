"""Profiles that only the AWS SDK for Python can serve: those of IAM Identity Center (`aws sso
login`) and of `aws login`, whose token caches are its own."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from daypass.client.errors import CredentialsUnavailableError
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from botocore.credentials import Credentials as SdkCredentials

_REMEDIES: Final = {
    "LoginRefreshRequired": "Run `aws login`.",
    "LoginTokenLoadError": "Run `aws login`.",
    "SSOTokenLoadError": "Run `aws sso login`.",
    "TokenRetrievalError": "Run `aws sso login`.",
    "UnauthorizedSSOTokenError": "Run `aws sso login`.",
}


class SdkProfile:
    """What the SDK gets of a profile. It reads the files the environment names, and renews."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self._name = name
        self._environ = environ
        self._lock = threading.Lock()
        self._found: SdkCredentials | None = None

    def credentials(self) -> Credentials:
        from botocore import exceptions  # noqa: PLC0415 - it takes 0.3 s to import

        what = f"Getting credentials from the profile {self._name} failed."
        try:
            with self._lock:
                self._found = self._found or self._load()
            frozen = self._found.get_frozen_credentials() if self._found else None
        except (exceptions.BotoCoreError, exceptions.ClientError, RuntimeError) as error:
            remedy = _REMEDIES.get(type(error).__name__, "")
            raise CredentialsUnavailableError(what, f"{str(error).rstrip('.')}.", remedy) from error
        if frozen is None or not frozen.access_key:
            raise CredentialsUnavailableError(what, "The AWS SDK found none.")
        # The SDK has no public name for it; its own `aws configure export-credentials` reads it so.
        expiry = getattr(self._found, "_expiry_time", None)
        return Credentials(
            frozen.access_key,
            frozen.secret_key,
            frozen.token or None,
            expiry.timestamp() if isinstance(expiry, datetime) else None,
        )

    def _load(self) -> "SdkCredentials | None":
        from botocore.session import Session  # noqa: PLC0415 - see above

        session = Session(profile=self._name)
        for name, variable in (
            ("config_file", "AWS_CONFIG_FILE"),
            ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE"),
        ):
            if variable in self._environ:
                session.set_config_variable(name, self._environ[variable])
        return session.get_credentials()

    def discard(self, refused: Credentials) -> None:
        """Read the token cache anew the next time."""
        with self._lock:
            held = self._found.get_frozen_credentials() if self._found else None
            if held is not None and held.access_key == refused.access_key_id:
                self._found = None
