"""Signing in to the AWS console with temporary credentials.

IAM User Guide, "Enable custom identity broker access to the AWS console". The secret travels in a
query, as the endpoint wants it: no URL of a request is in any error here.
"""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from daypass.client.errors import ClientError, CredentialsUnavailableError
from daypass.client.http import exchange
from daypass.sigv4 import Credentials

_TIMEOUT: Final = 20.0  # seconds
# What a region begins with, the sign-in's host and the console's; {} is the region.
_PARTITIONS: Final = (
    ("us-gov-", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ("cn-", "signin.amazonaws.cn", "console.amazonaws.cn"),
    ("eusc-", "{}.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
)
# Of us-east-1 the host has no region in front, of others it has.
_HOME: Final = "us-east-1"


class SignInRefusedError(ClientError):
    """The federation endpoint gave no sign-in token. status: HTTP's."""

    def __init__(self, what: str, why: str, remedy: str, status: int) -> None:
        super().__init__(what, why, remedy)
        self.status = status


@dataclass(frozen=True, slots=True)
class ConsoleHosts:
    """Where one signs in, and where the console is."""

    federation: str
    console: str


def console_hosts(region: str) -> ConsoleHosts:
    """Of the region's partition."""
    for start, sign_in, console in _PARTITIONS:
        if region.startswith(start):
            return ConsoleHosts(
                f"https://{sign_in.format(region)}/federation", f"https://{console}"
            )
    prefix = "" if region == _HOME else f"{region}."
    return ConsoleHosts(
        f"https://{prefix}signin.aws.amazon.com/federation", "https://console.aws.amazon.com"
    )


def destination(hosts: ConsoleHosts, region: str, page: str) -> str:
    """A page of the console: "" for its first, a service's name ("s3"), or a URL."""
    if page.startswith("https://"):
        return page
    service = page.strip("/") or "console"
    return f"{hosts.console}/{service}/home?{urlencode({'region': region})}"


def get_signin_token(
    endpoint: str, credentials: Credentials, duration: int | None, ca_bundle: str | None = None
) -> str:
    """Action=getSigninToken. duration: seconds, 900 to 43200, of the console's session; None for
    what is left of the credentials'. Raises `ClientError`."""
    session = {
        "sessionId": credentials.access_key_id,
        "sessionKey": credentials.secret_access_key,
        "sessionToken": credentials.session_token,
    }
    query = {"Action": "getSigninToken"}
    if duration is not None:
        query["SessionDuration"] = str(duration)
    query["Session"] = json.dumps(session, separators=(",", ":"))
    what = "The console gives no sign-in token."
    try:
        answered = exchange(
            "GET",
            f"{endpoint}?{urlencode(query)}",
            {"accept": "application/json"},
            timeout=_TIMEOUT,
            ca_bundle=ca_bundle,
        )
    except OSError as error:
        why = f"{endpoint} cannot be reached ({error.strerror or type(error).__name__})."
        raise CredentialsUnavailableError(what, why, "Is the network up?") from None
    if answered.status != 200:
        raise SignInRefusedError(
            what,
            f"{endpoint} answered {answered.status}.",
            "It takes credentials of AssumeRole and of GetFederationToken alone, while they are "
            "good, and --duration not for a role that another role's session assumed.",
            answered.status,
        )
    try:
        return str(json.loads(answered.content)["SigninToken"])
    except (ValueError, KeyError, TypeError):
        raise CredentialsUnavailableError(
            what, f"{endpoint} answered with something else.", "Is it a federation endpoint?"
        ) from None


def sign_in_url(endpoint: str, token: str, page: str, issuer: str) -> str:
    """Action=login: where a browser is signed in, within 15 minutes. It is a secret until then."""
    query = {"Action": "login", "Issuer": issuer, "Destination": page, "SigninToken": token}
    return f"{endpoint}?{urlencode(query)}"
