"""Why a request is refused: a closed set of reasons, and AWS's words for each.

Wording: the error tables of S3, the AWS general reference ("Troubleshoot Signature Version 4
errors") and the common errors of the query and JSON services.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from daypass.sigv4.types import Dialect


class Reason(Enum):
    """Why a request was not accepted."""

    MISSING_AUTHENTICATION = auto()
    MULTIPLE_MECHANISMS = auto()
    REPEATED_PARAMETER = auto()
    UNSUPPORTED_ALGORITHM = auto()
    MALFORMED_AUTHORIZATION = auto()
    MISSING_COMPONENT = auto()
    MALFORMED_CREDENTIAL = auto()
    MALFORMED_SIGNED_HEADERS = auto()
    MALFORMED_EXPIRES = auto()
    MISSING_DATE = auto()
    MALFORMED_DATE = auto()
    MALFORMED_URI = auto()
    MALFORMED_HEADER = auto()
    HOST_NOT_SIGNED = auto()
    HEADERS_NOT_SIGNED = auto()
    SIGNED_HEADER_MISSING = auto()
    MISSING_CONTENT_SHA256 = auto()
    MALFORMED_CONTENT_SHA256 = auto()
    PAYLOAD_MODE_NOT_ALLOWED = auto()
    SIGNATURE_EXPIRED = auto()
    SIGNATURE_NOT_YET_CURRENT = auto()
    URL_EXPIRED = auto()
    URL_NOT_YET_VALID = auto()
    WRONG_DATE = auto()
    WRONG_REGION = auto()
    WRONG_SERVICE = auto()
    WRONG_TERMINATOR = auto()
    UNKNOWN_ACCESS_KEY = auto()
    INVALID_TOKEN = auto()
    REVOKED_TOKEN = auto()
    EXPIRED_TOKEN = auto()
    SIGNATURE_MISMATCH = auto()
    CONTENT_SHA256_MISMATCH = auto()
    MISSING_DECODED_LENGTH = auto()
    MALFORMED_CHUNK = auto()
    SMALL_CHUNK = auto()
    LARGE_CHUNK = auto()
    INCOMPLETE_BODY = auto()
    CHUNK_SIGNATURE_MISMATCH = auto()
    MALFORMED_TRAILER = auto()
    MISSING_FORM_FIELD = auto()
    MALFORMED_POLICY = auto()
    POLICY_EXPIRED = auto()
    POLICY_VIOLATED = auto()
    ENTITY_TOO_SMALL = auto()
    ENTITY_TOO_LARGE = auto()


class RefusalError(NamedTuple):
    """A refusal as a service answers it: AWS's code, message, HTTP status and further fields."""

    code: str
    message: str
    status: int
    fields: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):  # noqa: N818 - the request is refused; nothing went wrong
    """A request that is not accepted.

    reason: one of the closed set. detail: what was found, safe to log (never a secret, a token
    or a canonical request). given, expected: the two values that differ, where two do. fields:
    what S3 tells the caller beside the message. in_query: whether the request authenticated in
    its query.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        given: str = "",
        expected: str = "",
        fields: Mapping[str, str] | None = None,
        in_query: bool = False,
    ) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail or (f"{given!r} for {expected!r}" if expected else "")
        self.given = given
        self.expected = expected
        self.fields: Mapping[str, str] = fields or {}
        self.in_query = in_query

    def __str__(self) -> str:
        name = self.reason.name.lower().replace("_", " ")
        return f"{name}: {self.detail}" if self.detail else name

    def error(self, dialect: Dialect) -> RefusalError:
        """This refusal in the words of a service of that dialect."""
        if dialect is Dialect.S3:
            wording = (_S3_QUERY.get(self.reason) if self.in_query else None) or _S3[self.reason]
            code, status, _ = wording
            return RefusalError(code, self._word(wording), status, self.fields)
        wording = _QUERY[self.reason]
        code, status, _ = wording
        if dialect is Dialect.JSON:
            code = _JSON_CODES[code]
        return RefusalError(code, self._word(wording), status)

    def _word(self, wording: "_Wording") -> str:
        _, _, message = wording
        return message.format(detail=self.detail, given=self.given, expected=self.expected)


# AWS's code, HTTP status and message, with {detail}, {given} and {expected} for what was found.
_Wording = tuple[str, int, str]

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def _incomplete(message: str = "{detail}") -> _Wording:
    return ("IncompleteSignature", 400, message)


def _mismatch(message: str = "{detail}") -> _Wording:
    return ("SignatureDoesNotMatch", 403, message)


_QUERY: Final = {
    Reason.MISSING_AUTHENTICATION: (
        "MissingAuthenticationToken",
        403,
        "Request is missing Authentication Token",
    ),
    Reason.MULTIPLE_MECHANISMS: _incomplete(),
    Reason.REPEATED_PARAMETER: _incomplete(),
    Reason.UNSUPPORTED_ALGORITHM: _incomplete("Unsupported AWS 'algorithm': '{detail}'."),
    Reason.MALFORMED_AUTHORIZATION: _incomplete(),
    Reason.MISSING_COMPONENT: _incomplete(),
    Reason.MALFORMED_CREDENTIAL: _incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got '{detail}'"
    ),
    Reason.MALFORMED_SIGNED_HEADERS: _incomplete(),
    Reason.MALFORMED_EXPIRES: _incomplete(),
    Reason.MISSING_DATE: _incomplete(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    ),
    Reason.MALFORMED_DATE: _incomplete(
        "Date must be in ISO-8601 'basic format'. Got '{detail}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601"
    ),
    Reason.MALFORMED_URI: ("MalformedQueryString", 400, "{detail}"),
    Reason.MALFORMED_HEADER: _incomplete(),
    Reason.HOST_NOT_SIGNED: _mismatch(
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    ),
    Reason.HEADERS_NOT_SIGNED: _mismatch(
        "The request signature does not conform to AWS standards. Header(s) not signed: {detail}."
    ),
    Reason.SIGNED_HEADER_MISSING: _mismatch(_MISMATCH),
    Reason.MISSING_CONTENT_SHA256: _mismatch(_MISMATCH),
    Reason.MALFORMED_CONTENT_SHA256: _mismatch(_MISMATCH),
    Reason.PAYLOAD_MODE_NOT_ALLOWED: _mismatch(_MISMATCH),
    Reason.SIGNATURE_EXPIRED: _mismatch("Signature expired: {detail}"),
    Reason.SIGNATURE_NOT_YET_CURRENT: _mismatch("Signature not yet current: {detail}"),
    Reason.URL_EXPIRED: _mismatch("Signature expired: {detail}"),
    Reason.URL_NOT_YET_VALID: _mismatch("Signature not yet current: {detail}"),
    Reason.WRONG_DATE: _mismatch(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '{given}' != '{expected}'."
    ),
    Reason.WRONG_REGION: _mismatch("Credential should be scoped to a valid region, not '{given}'."),
    Reason.WRONG_SERVICE: _mismatch(
        "Credential should be scoped to correct service: '{expected}'."
    ),
    Reason.WRONG_TERMINATOR: _mismatch(
        "Credential should be scoped with a valid terminator: '{expected}', not '{given}'."
    ),
    Reason.UNKNOWN_ACCESS_KEY: (
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    ),
    Reason.INVALID_TOKEN: (
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    ),
    Reason.REVOKED_TOKEN: (
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    ),
    Reason.EXPIRED_TOKEN: (
        "ExpiredToken",
        403,
        "The security token included in the request is expired",
    ),
    Reason.SIGNATURE_MISMATCH: _mismatch(_MISMATCH),
    Reason.CONTENT_SHA256_MISMATCH: _mismatch(_MISMATCH),
    Reason.MISSING_DECODED_LENGTH: _mismatch(_MISMATCH),
    Reason.MALFORMED_CHUNK: _mismatch(_MISMATCH),
    Reason.SMALL_CHUNK: _mismatch(_MISMATCH),
    Reason.LARGE_CHUNK: _mismatch(_MISMATCH),
    Reason.INCOMPLETE_BODY: _mismatch(_MISMATCH),
    Reason.CHUNK_SIGNATURE_MISMATCH: _mismatch(_MISMATCH),
    Reason.MALFORMED_TRAILER: _mismatch(_MISMATCH),
    Reason.MISSING_FORM_FIELD: _incomplete(),
    Reason.MALFORMED_POLICY: _incomplete(),
    Reason.POLICY_EXPIRED: _mismatch(_MISMATCH),
    Reason.POLICY_VIOLATED: _mismatch(_MISMATCH),
    Reason.ENTITY_TOO_SMALL: _mismatch(_MISMATCH),
    Reason.ENTITY_TOO_LARGE: _mismatch(_MISMATCH),
}

_JSON_CODES: Final = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "MalformedQueryString": "IncompleteSignatureException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
}

_S3_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method."
)

_CREDENTIAL: Final = "Error parsing the X-Amz-Credential parameter; "
_REGION: Final = "the region '{given}' is wrong; expecting '{expected}'"
_SERVICE: Final = 'incorrect service "{given}". This endpoint belongs to "{expected}".'
_TERMINATOR: Final = 'incorrect terminal "{given}". This endpoint uses "{expected}".'


def _header(message: str) -> _Wording:
    return (
        "AuthorizationHeaderMalformed",
        400,
        f"The authorization header is malformed; {message}",
    )


def _parameters(message: str) -> _Wording:
    return ("AuthorizationQueryParametersError", 400, message)


_S3: Final = {
    Reason.MISSING_AUTHENTICATION: ("AccessDenied", 403, "Access Denied"),
    Reason.MULTIPLE_MECHANISMS: (
        "InvalidArgument",
        400,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified",
    ),
    Reason.REPEATED_PARAMETER: ("InvalidRequest", 400, "{detail}"),
    Reason.UNSUPPORTED_ALGORITHM: (
        "InvalidRequest",
        400,
        "The authorization mechanism you have provided is not supported. Please use "
        "AWS4-HMAC-SHA256.",
    ),
    Reason.MALFORMED_AUTHORIZATION: _header("{detail}"),
    Reason.MISSING_COMPONENT: _header(
        "the authorization header requires three components: Credential, SignedHeaders, and "
        "Signature."
    ),
    Reason.MALFORMED_CREDENTIAL: _header(
        "the Credential is mal-formed; expecting "
        '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    ),
    Reason.MALFORMED_SIGNED_HEADERS: _header("{detail}"),
    Reason.MALFORMED_EXPIRES: _parameters("{detail}"),
    Reason.MISSING_DATE: (
        "AccessDenied",
        403,
        "AWS authentication requires a valid Date or x-amz-date header",
    ),
    Reason.MALFORMED_DATE: (
        "AccessDenied",
        403,
        "AWS authentication requires a valid Date or x-amz-date header",
    ),
    Reason.MALFORMED_URI: ("InvalidURI", 400, "Couldn't parse the specified URI."),
    Reason.MALFORMED_HEADER: ("InvalidRequest", 400, "{detail}"),
    Reason.HOST_NOT_SIGNED: (
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
    ),
    Reason.HEADERS_NOT_SIGNED: (
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
    ),
    Reason.SIGNED_HEADER_MISSING: ("SignatureDoesNotMatch", 403, _S3_MISMATCH),
    Reason.MISSING_CONTENT_SHA256: (
        "InvalidRequest",
        400,
        "Missing required header for this request: x-amz-content-sha256",
    ),
    Reason.MALFORMED_CONTENT_SHA256: (
        "InvalidArgument",
        400,
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
    ),
    Reason.PAYLOAD_MODE_NOT_ALLOWED: ("InvalidRequest", 400, "{detail}"),
    Reason.SIGNATURE_EXPIRED: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    Reason.SIGNATURE_NOT_YET_CURRENT: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    Reason.URL_EXPIRED: ("AccessDenied", 403, "Request has expired"),
    Reason.URL_NOT_YET_VALID: ("AccessDenied", 403, "Request is not valid yet"),
    Reason.WRONG_DATE: _header("Invalid credential date. Date is not the same as X-Amz-Date."),
    Reason.WRONG_REGION: _header(_REGION),
    Reason.WRONG_SERVICE: _header(_SERVICE),
    Reason.WRONG_TERMINATOR: _header(_TERMINATOR),
    Reason.UNKNOWN_ACCESS_KEY: (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Reason.INVALID_TOKEN: (
        "InvalidToken",
        400,
        "The provided token is malformed or otherwise invalid.",
    ),
    Reason.REVOKED_TOKEN: (
        "InvalidToken",
        400,
        "The provided token is malformed or otherwise invalid.",
    ),
    Reason.EXPIRED_TOKEN: ("ExpiredToken", 400, "The provided token has expired."),
    Reason.SIGNATURE_MISMATCH: ("SignatureDoesNotMatch", 403, _S3_MISMATCH),
    Reason.CONTENT_SHA256_MISMATCH: (
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    Reason.MISSING_DECODED_LENGTH: (
        "MissingContentLength",
        411,
        "You must provide the Content-Length HTTP header.",
    ),
    Reason.MALFORMED_CHUNK: ("IncompleteBody", 400, "The request body terminated unexpectedly"),
    Reason.SMALL_CHUNK: (
        "InvalidChunkSizeError",
        403,
        "Only the last chunk is allowed to have a size less than 8192 bytes",
    ),
    Reason.LARGE_CHUNK: ("InvalidRequest", 400, "{detail}"),
    Reason.INCOMPLETE_BODY: (
        "IncompleteBody",
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    ),
    Reason.CHUNK_SIGNATURE_MISMATCH: ("SignatureDoesNotMatch", 403, _S3_MISMATCH),
    Reason.MALFORMED_TRAILER: (
        "MalformedTrailerError",
        400,
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    ),
    Reason.MISSING_FORM_FIELD: (
        "InvalidArgument",
        400,
        "Bucket POST must contain a field named '{detail}'.  If it is specified, please check "
        "the order of the fields.",
    ),
    Reason.MALFORMED_POLICY: ("InvalidPolicyDocument", 400, "Invalid Policy: {detail}"),
    Reason.POLICY_EXPIRED: ("AccessDenied", 403, "Invalid according to Policy: Policy expired."),
    Reason.POLICY_VIOLATED: ("AccessDenied", 403, "Invalid according to Policy: {detail}"),
    Reason.ENTITY_TOO_SMALL: (
        "EntityTooSmall",
        400,
        "Your proposed upload is smaller than the minimum allowed size",
    ),
    Reason.ENTITY_TOO_LARGE: (
        "EntityTooLarge",
        400,
        "Your proposed upload exceeds the maximum allowed size",
    ),
}

# Where S3 has other words for a request that authenticates in its query.
_S3_QUERY: Final = {
    Reason.UNSUPPORTED_ALGORITHM: _parameters('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    Reason.MISSING_COMPONENT: _parameters(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    ),
    Reason.MALFORMED_CREDENTIAL: _parameters(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    ),
    Reason.MALFORMED_SIGNED_HEADERS: _parameters("{detail}"),
    Reason.MALFORMED_DATE: _parameters(
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
    ),
    Reason.WRONG_DATE: _parameters(
        'Invalid credential date "{given}". This date is not the same as X-Amz-Date: "{expected}".'
    ),
    Reason.WRONG_REGION: _parameters(_CREDENTIAL + _REGION),
    Reason.WRONG_SERVICE: _parameters(_CREDENTIAL + _SERVICE),
    Reason.WRONG_TERMINATOR: _parameters(_CREDENTIAL + _TERMINATOR),
}
