"""Signing a request: in its headers, or in the query of a URL that anyone may then use."""

import re
import time
import warnings
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

from daypass.sigv4.canonical import (
    BrokenEscapeError,
    HeaderForm,
    canonical_path,
    canonical_query,
    header_form,
)
from daypass.sigv4.keys import ALGORITHM, TERMINATOR, mac_key, timestamp_of
from daypass.sigv4.payload import EMPTY_SHA256, UNSIGNED_PAYLOAD
from daypass.sigv4.types import Credentials, HttpRequest, SigningError

S3_SERVICES: Final = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})

# Fields that a hop on the way may change, add or remove; no service wants them signed.
UNSIGNED_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
# Fields that signing itself sets; what the request has of them is from an earlier signature.
_REPLACED: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_URL: Final = re.compile(
    r"(https?)://(?:[^/?#@]*@)?([^/?#@\s]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)


class SessionEndsFirstWarning(UserWarning):
    """A presigned URL was asked to be valid longer than the session that signs it."""


class Target(NamedTuple):
    """A URL in the parts that are signed: host as it goes into the Host header."""

    scheme: str
    host: str
    path: str
    query: str


def split_url(url: str) -> Target:
    """The parts of an http or https URL. Raises `SigningError`."""
    if not url.isascii():
        url = url.encode().decode("latin-1")
    match = _URL.fullmatch(url)
    if match is None:
        raise SigningError(
            f"The URL {url[:200]!r} cannot be signed: it must be absolute and http or https."
        )
    scheme, host, path, query = match.groups("")
    scheme, host = scheme.lower(), host.lower()
    return Target(scheme, host.removesuffix(_DEFAULT_PORTS[scheme]), path or "/", query)


def sign(
    request: HttpRequest,
    credentials: Credentials,
    *,
    service: str,
    region: str,
    now: float | None = None,
    normalize_path: bool = True,
    content_sha256: bool | None = None,
    unsigned_session_token: bool = False,
) -> list[tuple[str, str]]:
    """All headers to send, in order, with the Authorization header among them.

    Host, X-Amz-Date, X-Amz-Security-Token and X-Amz-Content-SHA256 are added as needed; those
    of an earlier signature are replaced. now: Unix seconds, default the clock. content_sha256:
    send and sign the payload's hash or mode; default for S3 and for every mode that is not the
    body's hash. normalize_path: resolve dot segments (never for S3). unsigned_session_token: add
    the session token after signing, for the few services that want it so. Raises
    `SigningError`. The request is not changed.
    """
    target = split_url(request.url)
    stamp = timestamp_of(int(time.time() if now is None else now))
    s3 = service in S3_SERVICES
    headers: list[tuple[str, str]] = []
    signed: dict[str, str] = {}
    declared = _collect(request.headers, headers, signed)
    payload = declared or _payload(request.body)
    if "host" not in signed:
        headers.append(("Host", target.host))
        signed["host"] = target.host
    headers.append(("X-Amz-Date", stamp))
    signed["x-amz-date"] = stamp
    token = credentials.session_token
    if token is not None:
        headers.append(("X-Amz-Security-Token", token))
        if not unsigned_session_token:
            signed["x-amz-security-token"] = token
    if declared is None and _sends_payload(content_sha256, s3, request.body, payload):
        headers.append(("X-Amz-Content-SHA256", payload))
        signed["x-amz-content-sha256"] = payload
    form = header_form(tuple(sorted(signed)))
    canonical = _canonical(
        request.method, target, target.query, form.render(signed), form, payload, s3, normalize_path
    )
    scope = f"{stamp[:8]}/{region}/{service}/{TERMINATOR}"
    signature = _sign_canonical(canonical, stamp, scope, credentials, region, service)
    headers.append(
        (
            "Authorization",
            f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={form.text}, Signature={signature}",
        )
    )
    return headers


def presign(
    request: HttpRequest,
    credentials: Credentials,
    *,
    service: str,
    region: str,
    expires: int = 3600,
    now: float | None = None,
    normalize_path: bool = True,
    unsigned_session_token: bool = False,
) -> str:
    """The request's URL with a signature in its query, good for `expires` seconds (1 to 604,800).

    The request's headers are signed too, and must be sent with it. S3 URLs do not cover the body
    (UNSIGNED-PAYLOAD) unless the request's body is given as its hash; others cover the body.
    Warns with `SessionEndsFirstWarning` if the session ends before the URL does. Raises
    `SigningError`.
    """
    if not 1 <= expires <= 604800:
        raise SigningError(
            f"A presigned URL cannot be valid for {expires} s: AWS takes 1 to 604800 s (7 days)."
        )
    seconds = time.time() if now is None else now
    _warn_if_session_ends_first(credentials, seconds + expires)
    target = split_url(request.url)
    stamp = timestamp_of(int(seconds))
    s3 = service in S3_SERVICES
    signed: dict[str, str] = {}
    declared = _collect(request.headers, [], signed)
    if s3 and not isinstance(request.body, str):
        payload = declared or UNSIGNED_PAYLOAD
    else:
        payload = declared or _payload(request.body)
    signed.setdefault("host", target.host)
    form = header_form(tuple(sorted(signed)))
    scope = f"{stamp[:8]}/{region}/{service}/{TERMINATOR}"
    added = (
        f"X-Amz-Algorithm={ALGORITHM}"
        f"&X-Amz-Credential={quote(f'{credentials.access_key_id}/{scope}', safe='')}"
        f"&X-Amz-Date={stamp}&X-Amz-Expires={expires}"
        f"&X-Amz-SignedHeaders={quote(form.text, safe='')}"
    )
    token = credentials.session_token
    late = ""
    if token is not None:
        parameter = f"&X-Amz-Security-Token={quote(token, safe='')}"
        if unsigned_session_token:
            late = parameter
        else:
            added += parameter
    query = f"{target.query}&{added}" if target.query else added
    canonical = _canonical(
        request.method, target, query, form.render(signed), form, payload, s3, normalize_path
    )
    signature = _sign_canonical(canonical, stamp, scope, credentials, region, service)
    base = request.url.partition("#")[0]
    joint = ("" if base.endswith(("?", "&")) else "&") if "?" in base else "?"
    return f"{base}{joint}{added}{late}&X-Amz-Signature={signature}"


def _collect(
    given: Sequence[tuple[str, str]], headers: list[tuple[str, str]], signed: dict[str, str]
) -> str | None:
    """Sort the request's headers into those to send and those to sign; the declared payload."""
    for name, value in given:
        lower = name.lower()
        if lower in _REPLACED:
            continue
        headers.append((name, value))
        if lower in UNSIGNED_HEADERS:
            continue
        if "\n" in value or "\r" in value:
            raise SigningError(f"The header {name!r} cannot be signed: it holds a line break.")
        plain = value.strip(" \t")
        signed[lower] = f"{signed[lower]},{plain}" if lower in signed else plain
    return signed.get("x-amz-content-sha256")


def _payload(body: bytes | str | None) -> str:
    if not body:
        return EMPTY_SHA256
    return body if isinstance(body, str) else sha256(body).hexdigest()


def _sends_payload(
    content_sha256: bool | None, s3: bool, body: bytes | str | None, payload: str
) -> bool:
    if content_sha256 is not None:
        return content_sha256
    return s3 or (isinstance(body, str) and not _is_hash(payload))


def _is_hash(payload: str) -> bool:
    return len(payload) == 64 and payload.isalnum()


def _canonical(
    method: str,
    target: Target,
    query: str,
    lines: str,
    form: HeaderForm,
    payload: str,
    s3: bool,
    normalize: bool,
) -> bytes:
    try:
        path = canonical_path(target.path, s3=s3, normalize=normalize)
        asked = canonical_query(query)
    except BrokenEscapeError:
        raise SigningError(
            "The URL cannot be signed: it holds a '%' that is not followed by two hexadecimal "
            "digits. Write a percent sign as %25."
        ) from None
    return f"{method}\n{path}\n{asked}\n{lines}\n{form.text}\n{payload}".encode()


def _sign_canonical(
    canonical: bytes, stamp: str, scope: str, credentials: Credentials, region: str, service: str
) -> str:
    digest = sha256(canonical).hexdigest()
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    return key.hexdigest(text.encode())


def _warn_if_session_ends_first(credentials: Credentials, end: float) -> None:
    expiration = credentials.expiration
    if expiration is not None and end > expiration:
        warnings.warn(
            f"The presigned URL stops working {int(end - expiration)} s before it expires, when "
            "the session that signs it ends. Ask for a shorter `expires` or a longer session.",
            SessionEndsFirstWarning,
            stacklevel=3,
        )
