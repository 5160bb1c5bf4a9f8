"""A request's authentication as typed values. Nothing here is verified yet.

Parsing reads everything that will be signed, so that a `Presented` can only fail to match.
"""

import re
from collections.abc import Mapping
from typing import Final, final

from daypass.sigv4.canonical import (
    BrokenEscapeError,
    LineBreakError,
    canonical_path,
    canonical_query,
    decoded_query,
    key_with_slashes,
)
from daypass.sigv4.envelope import Envelope, parse_authorization
from daypass.sigv4.keys import ALGORITHM, ALGORITHM_V4A
from daypass.sigv4.payload import UNSIGNED_PAYLOAD, Payload, declared_payload, is_payload
from daypass.sigv4.refusal import Reason, Refusal
from daypass.sigv4.timestamps import seconds_of, stamp_of_date_header
from daypass.sigv4.types import Dialect

LONGEST_EXPIRES: Final = 604800

# What authentication reads must have one value; repeats of other fields are signed joined.
_SINGLE: Final = frozenset(
    {
        "authorization",
        "content-length",
        "date",
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-security-token",
    }
)
_PARAMETERS: Final = {
    name.lower().encode(): name
    for name in (
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Region-Set",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    )
}
_REQUIRED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_MAY_AUTHENTICATE: Final = re.compile("%|x-amz-|awsaccesskeyid", re.IGNORECASE).search
_EXPIRES: Final = re.compile("[0-9]{1,9}").fullmatch


@final
class Rules:
    """What services differ in, see `parse`."""

    __slots__ = ("dialect", "normalize_path", "sigv4a", "unsigned_session_token")

    def __init__(
        self, dialect: Dialect, normalize_path: bool, unsigned_session_token: bool, sigv4a: bool
    ) -> None:
        self.dialect = dialect
        self.normalize_path = normalize_path
        self.unsigned_session_token = unsigned_session_token
        self.sigv4a = sigv4a


_USUAL: Final = {dialect: Rules(dialect, True, False, False) for dialect in Dialect}


@final
class Presented:
    """What a request claims, not yet verified.

    timestamp: Unix seconds; date: YYYYMMDD of the credential scope. region_set: the regions of a
    SigV4A signature, None with SigV4, whose region is in its scope. payload: what
    x-amz-content-sha256 declares, None where nothing does. expires: seconds of a presigned URL,
    None otherwise. canonical: the canonical request up to its last line, in each spelling that
    means the same.
    """

    __slots__ = (
        "canonical",
        "declared",
        "dialect",
        "envelope",
        "expires",
        "region_set",
        "session_token",
        "signature",
        "stamp",
        "timestamp",
    )

    def __init__(
        self,
        envelope: Envelope,
        signature: str,
        session_token: str | None,
        stamp: str,
        timestamp: float,
        declared: str | None,
        expires: int | None,
        dialect: Dialect,
        canonical: tuple[bytes, ...],
        region_set: str | None,
    ) -> None:
        self.envelope = envelope
        self.signature = signature
        self.session_token = session_token
        self.stamp = stamp
        self.timestamp = timestamp
        self.declared = declared
        self.expires = expires
        self.dialect = dialect
        self.canonical = canonical
        self.region_set = region_set

    def __repr__(self) -> str:
        return f"Presented(access_key_id={self.access_key_id!r}, scope={self.envelope.scope!r})"

    @property
    def access_key_id(self) -> str:
        return self.envelope.access_key_id

    @property
    def date(self) -> str:
        return self.envelope.date

    @property
    def region(self) -> str:
        return self.envelope.region

    @property
    def service(self) -> str:
        return self.envelope.service

    @property
    def signed_headers(self) -> tuple[str, ...]:
        return self.envelope.form.names

    @property
    def payload(self) -> Payload | None:
        return None if self.declared is None else declared_payload(self.declared)

    @property
    def in_query(self) -> bool:
        return self.expires is not None


def parse(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    repeated: frozenset[str],
    *,
    dialect: Dialect,
    normalize_path: bool = True,
    unsigned_session_token: bool = False,
    sigv4a: bool = False,
) -> Presented | None:
    """What the request presents, or None if it carries no authentication of any kind.

    path, query: as on the wire (latin-1 text), the query without its "?". headers: lower-case
    names, repeated fields joined with "," in wire order; repeated: their names. normalize_path:
    resolve dot segments, as every service but S3 does. unsigned_session_token: let the session
    token be added after signing, as a few services do. sigv4a: take AWS4-ECDSA-P256-SHA256 too.
    Raises `Refusal` for anything that authenticates in part, twice, or in another way.
    """
    rules = _USUAL[dialect]
    if not normalize_path or unsigned_session_token or sigv4a:
        rules = Rules(dialect, normalize_path, unsigned_session_token, sigv4a)
    authorization = headers.get("authorization")
    if authorization is None:
        if not query or not _MAY_AUTHENTICATE(query):
            return None
        parameters, rest = split_query(query, dialect)
        if not parameters:
            return None
        _refuse_repeated(repeated, in_query=True)
        return _parse_query(method, path, rest, headers, parameters, rules)
    if repeated:
        _refuse_repeated(repeated, in_query=False)
    if query and _MAY_AUTHENTICATE(query) and split_query(query, dialect)[0]:
        raise Refusal(
            Reason.MULTIPLE_MECHANISMS,
            "Authentication is in the Authorization header and in the query; send one of them.",
        )
    envelope, signature = parse_authorization(authorization)
    region_set: str | None = None
    if envelope.algorithm != ALGORITHM:
        _check_algorithm(envelope.algorithm, rules, in_query=False)
        region_set = headers.get("x-amz-region-set", "")
    stamp = headers.get("x-amz-date")
    if stamp is None:
        stamp = stamp_of_date_header(headers)
    timestamp = seconds_of(stamp)
    if timestamp is None:
        raise Refusal(Reason.MALFORMED_DATE, _printable(stamp))
    _refuse_unsigned(headers, envelope, rules, in_query=False)
    declared = _declared(headers.get("x-amz-content-sha256"), dialect, in_query=False)
    canonical = _canonical(method, path, (query,), headers, envelope, rules, in_query=False)
    token = headers.get("x-amz-security-token")
    if token == "":
        raise Refusal(Reason.INVALID_TOKEN, "The session token is empty.")
    return Presented(
        envelope, signature, token, stamp, timestamp, declared, None, dialect, canonical, region_set
    )


def _parse_query(
    method: str,
    path: str,
    rest: str,
    headers: Mapping[str, str],
    parameters: Mapping[str, str],
    rules: Rules,
) -> Presented:
    missing = [name for name in _REQUIRED if name not in parameters]
    if missing:
        listed = " ".join(f"AWS query-string parameters must include '{name}'." for name in missing)
        raise Refusal(
            Reason.MISSING_COMPONENT,
            f"{listed} Re-examine the query-string parameters.",
            in_query=True,
        )
    algorithm = parameters["X-Amz-Algorithm"]
    _check_algorithm(algorithm, rules, in_query=True)
    if "x-amz-security-token" in headers:
        raise Refusal(
            Reason.MULTIPLE_MECHANISMS,
            "The query authenticates and the header x-amz-security-token is present.",
            in_query=True,
        )
    envelope = Envelope(
        algorithm, parameters["X-Amz-Credential"], parameters["X-Amz-SignedHeaders"], in_query=True
    )
    stamp = parameters["X-Amz-Date"]
    timestamp = seconds_of(stamp)
    if timestamp is None:
        raise Refusal(Reason.MALFORMED_DATE, _printable(stamp), in_query=True)
    expires = _parse_expires(parameters["X-Amz-Expires"])
    _refuse_unsigned(headers, envelope, rules, in_query=True)
    declared = _declared_for_query(rest, headers, rules.dialect)
    queries: tuple[str, ...] = (rest,)
    token = parameters.get("X-Amz-Security-Token")
    if token == "":
        raise Refusal(Reason.INVALID_TOKEN, "The session token is empty.", in_query=True)
    if token is not None and rules.unsigned_session_token:
        queries = (rest, _without_token(rest))
    canonical = _canonical(method, path, queries, headers, envelope, rules, in_query=True)
    return Presented(
        envelope,
        parameters["X-Amz-Signature"],
        token,
        stamp,
        timestamp,
        declared,
        expires,
        rules.dialect,
        canonical,
        None if algorithm == ALGORITHM else parameters.get("X-Amz-Region-Set", ""),
    )


def split_query(query: str, dialect: Dialect) -> tuple[dict[str, str], str]:
    """The authentication parameters of a query, and the query without the signature.

    A name in another case, or one that comes twice, is refused: two readers could take
    different values (CVE-2022-2385).
    """
    parameters: dict[str, str] = {}
    rest: list[str] = []
    try:
        names = [part for part in query.split("&") if part]
        pairs = decoded_query(query)
    except BrokenEscapeError:
        raise _malformed_uri(in_query=False) from None
    except UnicodeEncodeError:
        raise Refusal(Reason.MALFORMED_HEADER, "The query holds text that is not bytes.") from None
    legacy: set[bytes] = set()
    for part, (name, value) in zip(names, pairs, strict=True):
        known = _PARAMETERS.get(name.lower())
        if known != "X-Amz-Signature":
            rest.append(part)
        if known is not None:
            if known in parameters or name != known.encode():
                raise Refusal(
                    Reason.REPEATED_PARAMETER,
                    f"The query must hold '{known}' once, spelled so.",
                    in_query=True,
                )
            parameters[known] = value.decode("latin-1")
        elif name in (b"AWSAccessKeyId", b"Signature"):
            legacy.add(name)
    if len(legacy) == 2 and dialect is not Dialect.JSON:
        raise Refusal(Reason.UNSUPPORTED_ALGORITHM, "AWS Signature Version 2", in_query=True)
    return parameters, "&".join(rest)


def _check_algorithm(algorithm: str, rules: Rules, *, in_query: bool) -> None:
    if algorithm != ALGORITHM and not (rules.sigv4a and algorithm == ALGORITHM_V4A):
        raise Refusal(Reason.UNSUPPORTED_ALGORITHM, _printable(algorithm), in_query=in_query)


def _without_token(query: str) -> str:
    return "&".join(
        [part for part in query.split("&") if not part.startswith("X-Amz-Security-Token=")]
    )


def _canonical(
    method: str,
    path: str,
    queries: tuple[str, ...],
    headers: Mapping[str, str],
    envelope: Envelope,
    rules: Rules,
    *,
    in_query: bool,
) -> tuple[bytes, ...]:
    s3 = rules.dialect is Dialect.S3
    form = envelope.form
    try:
        values = form.pick(headers)
        spelled = canonical_path(path, s3=s3, normalize=rules.normalize_path)
        if len(queries) == 1 and not (s3 and "%2" in path):
            asked = canonical_query(queries[0])
            return (form.render((method, spelled, asked, *values, "")).encode("latin-1"),)
        other = key_with_slashes(path) if s3 else None
        paths = (spelled,) if other is None else (spelled, other)
        return tuple(
            form.render((method, path, canonical_query(query), *values, "")).encode("latin-1")
            for query in queries
            for path in paths
        )
    except KeyError as error:
        raise Refusal(
            Reason.SIGNED_HEADER_MISSING,
            f"The signed header '{error.args[0]}' is not in the request.",
            in_query=in_query,
        ) from None
    except BrokenEscapeError:
        raise _malformed_uri(in_query=in_query) from None
    except LineBreakError:
        raise Refusal(
            Reason.MALFORMED_HEADER, "A signed header holds a line break.", in_query=in_query
        ) from None
    except UnicodeEncodeError:
        raise Refusal(
            Reason.MALFORMED_HEADER, "The request holds text that is not bytes.", in_query=in_query
        ) from None


def _malformed_uri(*, in_query: bool) -> Refusal:
    return Refusal(
        Reason.MALFORMED_URI,
        "The path or query holds a '%' that is not followed by two hexadecimal digits.",
        in_query=in_query,
    )


def _refuse_repeated(repeated: frozenset[str], *, in_query: bool) -> None:
    twice = repeated & _SINGLE
    if twice:
        raise Refusal(
            Reason.REPEATED_PARAMETER,
            f"The header '{min(twice)}' must come once.",
            in_query=in_query,
        )


def _refuse_unsigned(
    headers: Mapping[str, str], envelope: Envelope, rules: Rules, *, in_query: bool
) -> None:
    names = tuple(headers)
    if names == envelope.checked:
        return
    known = envelope.form.known
    unsigned = [name for name in headers if name[:6] == "x-amz-" and name not in known]
    if unsigned and rules.unsigned_session_token:
        unsigned = [name for name in unsigned if name != "x-amz-security-token"]
    if unsigned:
        listed = ", ".join(sorted(unsigned))[:1024]
        raise Refusal(
            Reason.HEADERS_NOT_SIGNED,
            _printable(listed),
            fields={"HeadersNotSigned": _printable(listed)},
            in_query=in_query,
        )
    if not rules.unsigned_session_token:
        envelope.checked = names


def _declared(text: str | None, dialect: Dialect, *, in_query: bool) -> str | None:
    if text is None:
        if dialect is Dialect.S3:
            raise Refusal(Reason.MISSING_CONTENT_SHA256, in_query=in_query)
    elif not is_payload(text):
        raise Refusal(
            Reason.MALFORMED_CONTENT_SHA256,
            fields={
                "ArgumentName": "x-amz-content-sha256",
                "ArgumentValue": _printable(text),
            },
            in_query=in_query,
        )
    return text


def _declared_for_query(query: str, headers: Mapping[str, str], dialect: Dialect) -> str | None:
    """A presigned S3 URL says nothing of its body, unless a header or parameter does."""
    text = headers.get("x-amz-content-sha256")
    if dialect is not Dialect.S3:
        return _declared(text, dialect, in_query=True)
    said = [
        value.decode("latin-1")
        for name, value in decoded_query(query)
        if name.lower() == b"x-amz-content-sha256"
    ]
    if text is not None:
        said.append(text)
    if len(set(said)) > 1:
        raise Refusal(
            Reason.REPEATED_PARAMETER,
            "x-amz-content-sha256 has different values in the query and in the headers.",
            in_query=True,
        )
    return _declared(said[0] if said else UNSIGNED_PAYLOAD, dialect, in_query=True)


def _parse_expires(text: str) -> int:
    if not _EXPIRES(text):
        detail = "X-Amz-Expires should be a number"
        if re.fullmatch("-[0-9]{1,9}", text):
            detail = "X-Amz-Expires must be non-negative"
    elif int(text) > LONGEST_EXPIRES:
        detail = (
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            "X-Amz-Expires must be less than 604800 seconds"
        )
    else:
        return int(text)
    raise Refusal(Reason.MALFORMED_EXPIRES, detail, in_query=True)


def _printable(text: str) -> str:
    return text[:256].encode("ascii", "backslashreplace").decode()
