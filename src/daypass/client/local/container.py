"""The container credentials endpoint, for the SDKs of every language.

AWS SDKs and Tools Reference Guide, "Container credential provider".
"""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from daypass.client.errors import ClientError
from daypass.client.local.http import LocalRequest, LocalResponse
from daypass.client.times import iso_of_seconds
from daypass.sigv4 import Credentials

# With a path: AWS's SDK for Ruby does not take an address without one.
PATH: Final = "/credentials"


def new_token() -> str:
    """What clients send in their Authorization header. No line break is in it: SDKs send what a
    token file holds as it is."""
    return secrets.token_urlsafe(32)


class ContainerEndpoint:
    """Answers whoever knows the token."""

    def __init__(self, credentials: Callable[[], Credentials], token: str) -> None:
        self._credentials = credentials
        self._token = token.encode()

    def __call__(self, request: LocalRequest) -> LocalResponse:
        token = request.one("authorization") or ""
        if request.path != PATH:
            return _error(404, "NotFound", f"The credentials are at {PATH}.")
        if request.method not in ("GET", "HEAD"):
            return _error(405, "MethodNotAllowed", "Credentials are asked for with GET.")
        if request.has("x-forwarded-for") or request.has("forwarded"):
            return _error(403, "Forbidden", "Forwarded requests get no credentials.")
        if not hmac.compare_digest(token.encode("latin-1"), self._token):
            return _error(401, "Unauthorized", "The Authorization header is not the token.")
        try:
            made = self._credentials()
        except ClientError as error:
            return _error(502, "CredentialsUnavailable", str(error))
        return as_json(
            200,
            {
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": made.secret_access_key,
                "Token": made.session_token or "",
                "Expiration": iso_of_seconds(made.expiration or 0.0),
            },
        )


def as_json(status: int, members: Mapping[str, str]) -> LocalResponse:
    content = json.dumps(members).encode()
    headers = [
        ("content-type", "application/json"),
        ("content-length", str(len(content))),
        ("cache-control", "no-store"),
    ]
    return LocalResponse(status, headers, (content,))


def _error(status: int, code: str, message: str) -> LocalResponse:
    # SDKs read one spelling or the other.
    return as_json(status, {"code": code, "message": message, "Message": message})
