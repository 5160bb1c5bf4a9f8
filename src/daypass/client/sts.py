"""Asking an STS, AWS's or a Daypass server's, for temporary credentials and for who one is.

Source: AWS STS API reference (the Query protocol, version 2011-06-15).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from daypass.client.checking import made_credentials, printable
from daypass.client.errors import CredentialsRefusedError, CredentialsUnavailableError
from daypass.client.role_requests import AssumedRole, MfaCode, RoleRequest
from daypass.client.settings import Located, Place
from daypass.client.times import seconds_of_iso
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from lxml.etree import _Element

    from daypass.client.http import Answered

_TIMEOUT: Final = 20.0  # seconds
_TRIES: Final = 3
# Answers after which the same request may succeed; AWS's SDKs have the same.
_PASSING: Final = frozenset({"IDPCommunicationError", "RequestThrottled", "Throttling"})

_UNKNOWN_KEY: Final = (
    "The access key does not exist there, is inactive, or lacks its session token. Is the endpoint "
    "the one the key belongs to?"
)
_REMEDIES: Final = {
    "AccessDenied": "Both must allow sts:AssumeRole: the role's trust policy, and a policy of the "
    "caller's (the trust policy alone, if it names the caller itself).",
    "ExpiredToken": "Get new credentials; these are over.",
    "ExpiredTokenException": "Get a new token of the identity provider; this one is over.",
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": "The secret access key is not the one of this access key id.",
}
_MFA_REMEDY: Final = (
    "A code is good once: wait for the next. Is the serial number the one of this user's device, "
    "and this clock right?"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer of sts:GetCallerIdentity."""

    account: str
    arn: str
    unique_id: str


def assume_role(
    request: RoleRequest,
    source: Credentials,
    at: Located,
    mfa: MfaCode | None = None,
) -> AssumedRole:
    """sts:AssumeRole with these credentials. Raises `ClientError`."""
    what = f"Assuming {request.role_arn} failed."
    code = mfa.parameters() if mfa else {}
    return _assumed(_call(what, source, at, "AssumeRole", {**request.parameters(), **code}))


def assume_role_with_web_identity(request: RoleRequest, token: str, at: Located) -> AssumedRole:
    """sts:AssumeRoleWithWebIdentity with a token of an OpenID provider. Raises `ClientError`."""
    what = f"Assuming {request.role_arn} with a web identity failed."
    members = {**request.parameters(), "WebIdentityToken": token}
    return _assumed(_call(what, None, at, "AssumeRoleWithWebIdentity", members))


def assume_role_with_saml(
    request: RoleRequest, provider_arn: str, assertion: str, at: Located
) -> AssumedRole:
    """sts:AssumeRoleWithSAML. assertion: the base64 of a SAML response. Raises `ClientError`."""
    what = f"Assuming {request.role_arn} with a SAML assertion failed."
    members = {**request.parameters(), "PrincipalArn": provider_arn, "SAMLAssertion": assertion}
    del members["RoleSessionName"]  # the assertion says it
    return _assumed(_call(what, None, at, "AssumeRoleWithSAML", members))


def get_session_token(
    source: Credentials,
    at: Located,
    mfa: MfaCode | None = None,
    duration_seconds: int | None = None,
) -> Credentials:
    """sts:GetSessionToken: a session of the same user. Raises `ClientError`."""
    members: dict[str, object] = {**(mfa.parameters() if mfa else {})}
    if duration_seconds:
        members["DurationSeconds"] = duration_seconds
    return _credentials(_call("Getting a session failed.", source, at, "GetSessionToken", members))


def get_federation_token(
    source: Credentials,
    at: Located,
    name: str,
    policy: str,
    duration_seconds: int | None = None,
) -> Credentials:
    """sts:GetFederationToken: a session of a user's that may sign in to the console. name: up to 32
    characters. Raises `ClientError`."""
    members: dict[str, object] = {"Name": name, "Policy": policy}
    if duration_seconds:
        members["DurationSeconds"] = duration_seconds
    what = "Getting a session for the console failed."
    return _credentials(_call(what, source, at, "GetFederationToken", members))


def decode_authorization_message(source: Credentials, at: Located, encoded: str) -> str:
    """sts:DecodeAuthorizationMessage: the message as JSON. Raises `ClientError`."""
    what = "The message was not decoded."
    members = {"EncodedMessage": encoded}
    answer = _call(what, source, at, "DecodeAuthorizationMessage", members)
    return _text(answer, "DecodedMessage")


def caller_identity(source: Credentials, at: Located) -> Identity:
    """sts:GetCallerIdentity with these credentials. Raises `ClientError`."""
    answer = _call("Asking who this is failed.", source, at, "GetCallerIdentity", {})
    return Identity(_text(answer, "Account"), _text(answer, "Arn"), _text(answer, "UserId"))


# -- the Query protocol ----------------------------------------------------------------------------


def _call(
    what: str,
    source: Credentials | None,
    at: Located,
    operation: str,
    members: Mapping[str, object],
) -> "_Element":
    """The result of an operation, signed unless there are no credentials to sign with."""
    import random  # noqa: PLC0415 - 10 ms for who asks nothing

    from daypass.client.http import exchange  # noqa: PLC0415 - 30 ms, likewise

    place = at.place()
    body = urlencode(_flat({"Action": operation, "Version": "2011-06-15", **members})).encode()
    url = place.url if urlsplit(place.url).path else f"{place.url}/"
    signing = _Signing(source, place.region)
    # An MFA code that may have arrived is not good a second time.
    tries_left = 1 if "TokenCode" in members else _TRIES
    while True:
        tries_left -= 1
        headers = signing.headers(url, body)
        try:
            answered = exchange(
                "POST", url, headers, body, timeout=_TIMEOUT, ca_bundle=place.ca_bundle
            )
        except OSError as error:
            if isinstance(error, ConnectionRefusedError) or not tries_left:
                raise _unreachable(what, place, error) from error
        else:
            if answered.status == 200:
                return _result(what, place, answered, operation)
            if not tries_left or not (_may_pass(answered) or signing.corrected(answered)):
                raise _refused(what, place, answered, members)
        time.sleep(random.uniform(0.1, 0.4) * (_TRIES - tries_left))  # noqa: S311 - not a secret


class _Signing:
    """Signs each try anew, by the server's clock once it is known to differ from this one's."""

    def __init__(self, source: Credentials | None, region: str) -> None:
        self._source = source
        self._region = region
        self._offset: float | None = None

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        from daypass import __version__  # noqa: PLC0415 - it is this package's own root
        from daypass.sigv4 import HttpRequest, sign  # noqa: PLC0415 - as for `exchange`

        plain = [
            ("Host", urlsplit(url).netloc.rpartition("@")[2]),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("User-Agent", f"daypass/{__version__}"),
        ]
        if self._source is None:
            return dict(plain)
        now = time.time() + (self._offset or 0.0)
        request = HttpRequest("POST", url, plain[:2], body)
        signed = sign(request, self._source, service="sts", region=self._region, now=now)
        return {**dict(signed), "User-Agent": plain[2][1]}

    def corrected(self, answered: "Answered") -> bool:
        """Whether it was refused for this clock, and another try goes by the server's."""
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only after a refusal

        text = answered.content
        late = b"Signature expired" in text or b"Signature not yet current" in text
        if self._source is None or self._offset is not None or not late:
            return False
        try:
            there = parsedate_to_datetime(answered.headers.get("date", ""))
        except ValueError:
            return False
        self._offset = there.timestamp() - time.time()
        return True


def _flat(members: Mapping[str, object]) -> dict[str, str]:
    """Members of a structure as the Query protocol spells them: `Tags.member.1.Key`."""
    flat: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, list):
            for number, item in enumerate(value, 1):
                inner = f"{name}.member.{number}"
                if isinstance(item, Mapping):
                    flat.update({f"{inner}.{key}": text for key, text in item.items()})
                else:
                    flat[inner] = str(item)
        else:
            flat[name] = str(value)
    return flat


def _result(what: str, place: Place, answered: "Answered", operation: str) -> "_Element":
    root = _parsed(answered, f"{operation}Response")
    result = root.find(f"{{*}}{operation}Result") if root is not None else None
    if result is None:
        raise CredentialsUnavailableError(
            what,
            f"{place.url} answered with something that is not STS's.",
            "Is the endpoint right?",
        )
    return result


def _parsed(answered: "Answered", *roots: str) -> "_Element | None":
    from daypass.protocol.malformed import MalformedBodyError  # noqa: PLC0415 - as for `exchange`
    from daypass.protocol.xml_in import parse_root  # noqa: PLC0415

    try:
        return parse_root(answered.content, *roots)
    except MalformedBodyError:
        return None


def _text(element: "_Element", *path: str) -> str:
    found = element.findtext("/".join(f"{{*}}{name}" for name in path))
    return (found or "").strip()


def _credentials(result: "_Element") -> Credentials:
    made = {
        name: _text(result, "Credentials", name)
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    }
    if not all(made.values()) or seconds_of_iso(made["Expiration"]) is None:
        raise CredentialsUnavailableError("STS answered without credentials.")
    expiration = seconds_of_iso(made["Expiration"])
    return made_credentials(
        "STS answered with no credentials.",
        made["AccessKeyId"],
        made["SecretAccessKey"],
        made["SessionToken"],
        expiration,
    )


def _assumed(result: "_Element") -> AssumedRole:
    return AssumedRole(
        _credentials(result),
        _text(result, "AssumedRoleUser", "Arn"),
        _text(result, "AssumedRoleUser", "AssumedRoleId"),
    )


def _may_pass(answered: "Answered") -> bool:
    return answered.status >= 500 or _error(answered)[0] in _PASSING


def _error(answered: "Answered") -> tuple[str, str]:
    """AWS's code and message, empty where there are none."""
    root = _parsed(answered, "ErrorResponse")
    if root is None:
        return "", ""
    return printable(_text(root, "Error", "Code")), printable(_text(root, "Error", "Message"))


def _refused(
    what: str, place: Place, answered: "Answered", members: Mapping[str, object]
) -> CredentialsRefusedError | CredentialsUnavailableError:
    code, message = _error(answered)
    if not code:
        return CredentialsUnavailableError(
            what, f"{place.url} answered {answered.status}.", "Is the endpoint right?"
        )
    mfa = code == "AccessDenied" and "TokenCode" in members and "MultiFactor" in message
    remedy = _MFA_REMEDY if mfa else _REMEDIES.get(code, "")
    return CredentialsRefusedError(code, what, f"STS answered {code}: {message}", remedy)


def _unreachable(what: str, place: Place, error: OSError) -> CredentialsUnavailableError:
    said = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    return CredentialsUnavailableError(
        what,
        f"{place.url} cannot be reached: {said}.",
        "Is AWS_ENDPOINT_URL right, and the server running?",
    )
