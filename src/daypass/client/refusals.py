"""What a service says when it does not accept a signature, read from its answer.

Codes: the error tables of S3 and the AWS general reference, the common errors of the query and
JSON services, and the names that AWS's SDKs take for a wrong clock.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final
from urllib.parse import unquote

from daypass.client.checking import printable
from daypass.sigv4.timestamps import seconds_of

# S3 sends the canonical request thrice, once of it as hexadecimal bytes, with the session token.
_LARGEST_ERROR: Final = 256 * 1024
_REFUSING: Final = frozenset({400, 403})
_EXPLANATION: Final = "x-daypass-explanation"
_ERROR_TYPE: Final = "x-amzn-errortype"


class Kind(Enum):
    """What a refusal is about: the signature itself, the time in it, a session that is over, or
    something else that the service checks beside it (the access key, its token, the body)."""

    SIGNATURE = auto()
    CLOCK = auto()
    EXPIRED = auto()
    OTHER = auto()


_KINDS: Final = {
    "AuthFailure": Kind.SIGNATURE,
    "AuthorizationHeaderMalformed": Kind.SIGNATURE,
    "AuthorizationQueryParametersError": Kind.SIGNATURE,
    "ExpiredToken": Kind.EXPIRED,
    "ExpiredTokenException": Kind.EXPIRED,
    "IncompleteSignature": Kind.SIGNATURE,
    "IncompleteSignatureException": Kind.SIGNATURE,
    "InvalidAccessKeyId": Kind.OTHER,
    "InvalidClientTokenId": Kind.OTHER,
    "InvalidSignatureException": Kind.SIGNATURE,
    "InvalidToken": Kind.OTHER,
    "MissingAuthenticationToken": Kind.OTHER,
    "MissingAuthenticationTokenException": Kind.OTHER,
    "RequestExpired": Kind.CLOCK,
    "RequestInTheFuture": Kind.CLOCK,
    "RequestTimeTooSkewed": Kind.CLOCK,
    "SignatureDoesNotMatch": Kind.SIGNATURE,
    "TokenRefreshRequired": Kind.EXPIRED,
    "UnrecognizedClientException": Kind.OTHER,
    "XAmzContentSHA256Mismatch": Kind.OTHER,
}
# "Signature expired: … is now earlier than … (20150830T123600Z - 15 min.)"
_OUT_OF_TIME: Final = re.compile(r"Signature (expired|not yet current): ").match
_SERVER_TIME: Final = re.compile(r"\((\d{8}T\d{6}Z) [+-] ").search
# OpenSearch and API Gateway say it in the message.
_CANONICAL: Final = re.compile(
    r"Canonical String for this request should have been\s+'(.*?)'\s*(\n|$)", re.DOTALL
).search


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that may be a refusal, read. url: that gave it, after redirects. headers:
    lower-case names. response: of the HTTP library."""

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    response: object


@dataclass(frozen=True, slots=True)
class Refused:
    """A signature that was not accepted. code: "" where the answer has no body (HEAD).

    canonical_request: as the service computed it, "" where it does not say; it may hold a session
    token. region: the one that the service wants signed, if it says. explanation: a Daypass
    server's. server_time: Unix seconds, None if the answer does not tell it.
    """

    kind: Kind
    code: str
    message: str
    canonical_request: str = field(repr=False)
    region: str
    explanation: str
    server_time: float | None


def may_be_refusal(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the answer is worth reading: an error of AWS's form, and no large body.

    headers: whose names are found in lower case.
    """
    if status not in _REFUSING:
        return False
    kind = headers.get("content-type", "")
    length = headers.get("content-length")
    if length is not None:
        return length.isdecimal() and int(length) <= _LARGEST_ERROR
    # S3 and STS give errors no length; a function's stream of JSON is the caller's to read.
    return "xml" in kind or _ERROR_TYPE in headers


def read_refusal(answer: Answer) -> Refused | None:
    """The refusal of a signature that the answer is, None for all else."""
    fields = error_fields(answer)
    code = fields.get("Code", "")
    message = fields.get("Message", "")
    kind = _KINDS.get(code)
    if kind is Kind.SIGNATURE and _OUT_OF_TIME(message):
        kind = Kind.CLOCK
    elif code == "AccessDenied" and "HeadersNotSigned" in fields:
        kind = Kind.SIGNATURE
    elif not answer.content:
        kind = Kind.CLOCK  # Nothing says so, but the Date may be far off: see `Signer`.
    if kind is None:
        return None
    said = _CANONICAL(message)
    return Refused(
        kind,
        code,
        printable(message.partition("\n")[0]),
        fields.get("CanonicalRequest") or (said[1] if said else ""),
        fields.get("Region", ""),
        printable(unquote(answer.headers.get(_EXPLANATION, ""))),
        _server_time(answer, fields, message),
    )


def error_fields(answer: Answer) -> Mapping[str, str]:
    """The members of an error in XML or JSON, Code and Message among them; none of what is none."""
    if "xml" in answer.headers.get("content-type", ""):
        return _xml_fields(answer.content)
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    members = body if isinstance(body, dict) else {}
    code = answer.headers.get(_ERROR_TYPE) or members.get("__type") or members.get("code") or ""
    message = members.get("message") or members.get("Message") or ""
    # "com.amazon.coral.service#InvalidSignatureException", "ExpiredTokenException:http://…"
    plain = str(code).partition(":")[0].rpartition("#")[2]
    return {"Code": plain, "Message": str(message)}


def _xml_fields(content: bytes) -> Mapping[str, str]:
    # Late: only who is refused pays for importing lxml.
    from daypass.protocol.malformed import MalformedBodyError  # noqa: PLC0415
    from daypass.protocol.xml_in import parse_root  # noqa: PLC0415

    for root in ("Error", "ErrorResponse", "Response"):
        try:
            element = parse_root(content, root)
        except MalformedBodyError:
            continue
        error = next((one for one in element.iter("{*}Error")), element)
        return {one.tag.rpartition("}")[2]: one.text or "" for one in error}
    return {}


def _server_time(answer: Answer, fields: Mapping[str, str], message: str) -> float | None:
    said = _SERVER_TIME(message)
    if said:
        return seconds_of(said[1])
    try:
        moment = datetime.fromisoformat(fields["ServerTime"])
    except (KeyError, ValueError):
        try:
            moment = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
