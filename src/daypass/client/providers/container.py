"""Credentials of a container, from an endpoint on its host.

Source: AWS SDKs and Tools reference guide, "Container credential provider".
"""

import json
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from daypass.client.checking import made_credentials, printable
from daypass.client.errors import CredentialsUnavailableError, NoCredentialsError
from daypass.client.providers.roles import token_in
from daypass.client.times import seconds_of_iso
from daypass.sigv4 import Credentials

RELATIVE: Final = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
FULL: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
TOKEN_FILE: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

_WHAT: Final = "Getting the container's credentials failed."
_TIMEOUT: Final = 2.0  # seconds
_TRIES: Final = 3
_PAUSE: Final = 1.0  # seconds
# Hosts, beside those of this machine, that are asked without TLS.
_HOSTS: Final = ("localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")


class Container:
    """Asks the endpoint that the environment names, at each call; put it in `Cached`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def credentials(self) -> Credentials:
        url = self._url()
        headers = {"Accept": "application/json", **self._authorization()}
        for _ in range(_TRIES - 1):
            try:
                return _credentials(_ask(url, headers))
            except CredentialsUnavailableError:
                time.sleep(_PAUSE)
        return _credentials(_ask(url, headers))

    def _url(self) -> str:
        # Where both are set, the relative one counts.
        if RELATIVE in self._environ:
            return f"http://{_HOSTS[1]}{self._environ[RELATIVE]}"
        url = self._environ.get(FULL)
        if not url:
            raise NoCredentialsError("No credentials were found.", f"{FULL} is not set.")
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_near(parts.hostname)):
            raise CredentialsUnavailableError(
                _WHAT,
                f"{FULL} is {parts.scheme}://{parts.hostname}: without TLS only this machine "
                "and the addresses of ECS and EKS are asked.",
                "Use https, or a loopback address.",
            )
        return url

    def _authorization(self) -> Mapping[str, str]:
        path = self._environ.get(TOKEN_FILE)
        if path is not None:
            token: str | None = token_in(path, "The container's authorization token")
        else:
            token = self._environ.get(TOKEN)
        if token is None:
            return {}
        if "\r" in token or "\n" in token:  # it would end the header, and start another
            raise CredentialsUnavailableError(
                _WHAT, "The authorization token has a line break.", "Write it without."
            )
        return {"Authorization": token}


def _is_near(host: str | None) -> bool:
    if host in _HOSTS:
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _ask(url: str, headers: Mapping[str, str]) -> Mapping[str, object]:
    from daypass.client.http import exchange  # noqa: PLC0415 - seldom needed, and slow

    try:
        # A proxy would see the credentials, and its loopback is another.
        answered = exchange("GET", url, headers, timeout=_TIMEOUT, proxies=False)
    except OSError as error:
        raise CredentialsUnavailableError(_WHAT, f"{error}.") from error
    try:
        body = json.loads(answered.content)
    except ValueError:
        body = None
    members = body if isinstance(body, dict) else {}
    if answered.status != 200:
        said = printable(str(members.get("Message") or members.get("message") or ""))
        raise CredentialsUnavailableError(_WHAT, f"It answered {answered.status}. {said}".strip())
    return members


def _credentials(members: Mapping[str, object]) -> Credentials:
    names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    key, secret, token, until = (str(members.get(name) or "") for name in names)
    expiration = seconds_of_iso(until)
    if not key or not secret or not token or expiration is None:
        raise CredentialsUnavailableError(
            _WHAT, "It answered without AccessKeyId, SecretAccessKey, Token or Expiration."
        )
    return made_credentials(_WHAT, key, secret, token, expiration)
