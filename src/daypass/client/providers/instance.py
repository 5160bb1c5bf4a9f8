"""Credentials of an EC2 instance, by version 2 of its metadata service.

Source: Amazon EC2 user guide, "Use the Instance Metadata Service".
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from daypass.client.checking import made_credentials, printable
from daypass.client.errors import CredentialsUnavailableError, NoCredentialsError
from daypass.client.times import seconds_of_iso
from daypass.sigv4 import Credentials

DISABLED: Final = "AWS_EC2_METADATA_DISABLED"
_ENDPOINT: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_MODE: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
_ROLES: Final = "/latest/meta-data/iam/security-credentials/"
_WHAT: Final = "Getting the instance's credentials failed."


class Instance:
    """Asks the metadata service at each call; put it in `Cached`. Version 1, which gives
    credentials to whoever makes a program send a plain GET, is not used.

    configured: gives a key of the profile.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        configured: Callable[[str], str | None] = lambda _key: None,
    ) -> None:
        self._environ = environ
        self._configured = configured

    def credentials(self) -> Credentials:
        if self._environ.get(DISABLED, "").lower() == "true":
            raise NoCredentialsError("No credentials were found.", f"{DISABLED} is true.")
        base = self.endpoint()
        headers = {"x-aws-ec2-metadata-token": self._token(base)}
        role = self._ask("GET", f"{base}{_ROLES}", headers).decode("ascii", "replace").strip()
        if not role or not role.isprintable() or set(role) & set("/?# \n"):
            raise CredentialsUnavailableError(_WHAT, "The instance has no role.")
        return _credentials(self._ask("GET", f"{base}{_ROLES}{role}", headers))

    def endpoint(self) -> str:
        """The service's address."""
        address = self._setting(_ENDPOINT, "ec2_metadata_service_endpoint")
        if address:
            return address.rstrip("/")
        mode = self._setting(_MODE, "ec2_metadata_service_endpoint_mode").lower()
        return "http://[fd00:ec2::254]" if mode == "ipv6" else "http://169.254.169.254"

    def _setting(self, variable: str, key: str) -> str:
        return self._environ.get(variable) or self._configured(key) or ""

    def _token(self, base: str) -> str:
        ttl = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
        token = self._ask("PUT", f"{base}/latest/api/token", ttl).decode("ascii", "replace")
        if not token or not token.isprintable():
            raise CredentialsUnavailableError(_WHAT, "The metadata service gave no token.")
        return token

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        from daypass.client.http import exchange  # noqa: PLC0415 - seldom needed, and slow

        variable, key = "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout"
        try:
            timeout = float(self._setting(variable, key) or 1)
        except ValueError:
            timeout = 1.0
        try:
            answered = exchange(method, url, headers, timeout=timeout, proxies=False)
        except OSError as error:
            # Outside EC2 there is nothing: this is where the search for credentials ends.
            raise NoCredentialsError(
                "No credentials were found.", "There is no instance metadata service here."
            ) from error
        if answered.status != 200:
            raise CredentialsUnavailableError(
                _WHAT, f"The metadata service answered {answered.status} to {method} {url}."
            )
        return answered.content


def _credentials(content: bytes) -> Credentials:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    members = answer if isinstance(answer, dict) else {}
    names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    key, secret, token, until = (str(members.get(name) or "") for name in names)
    expiration = seconds_of_iso(until)
    if not key or not secret or not token or expiration is None:
        said = members.get("Message") or members.get("Code") or "its answer is incomplete"
        raise CredentialsUnavailableError(
            _WHAT, f"The metadata service says: {printable(str(said))}."
        )
    return made_credentials(_WHAT, key, secret, token, expiration)
