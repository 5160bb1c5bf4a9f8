"""Signing a request: in its headers, or in the query of a URL that anyone may then use."""

import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, final

from daypass.sigv4 import percent
from daypass.sigv4.canonical import (
    BrokenEscapeError,
    HeaderForm,
    LineBreakError,
    canonical_path,
    canonical_query,
    header_form,
    tuple_getter,
)
from daypass.sigv4.keys import SigningKey, mac_key
from daypass.sigv4.payload import EMPTY_SHA256, UNSIGNED_PAYLOAD
from daypass.sigv4.timestamps import timestamp_of
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
_REPLACED: Final = frozenset(
    {"authorization", "x-amz-date", "x-amz-region-set", "x-amz-security-token"}
)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_ORIGIN: Final = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@\s]+)", re.IGNORECASE).fullmatch

ADDED: Final = (
    "host",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-region-set",
)
_PAYLOAD: Final = ADDED.index("x-amz-content-sha256")


class SessionEndsFirstWarning(UserWarning):
    """A presigned URL was asked to be valid longer than the session that signs it."""


def split_url(url: str) -> tuple[str, str, str]:
    """The host as it goes into the Host header, the path and the query. Raises `SigningError`."""
    if not url.isascii():
        url = url.encode().decode("latin-1")
    start = url.find("/", 8)
    if start < 0 or "?" in url[:start] or "#" in url[:start]:
        start = min((at for mark in "?#" if (at := url.find(mark)) >= 0), default=len(url))
    path, _, query = url[start:].partition("#")[0].partition("?")
    return _host_of(url[:start]), path or "/", query


@lru_cache(maxsize=1024)
def locate(url: str, s3: bool, normalize: bool) -> tuple[str, str, str]:
    """The host, the canonical path and the canonical query of a URL. Raises `SigningError`."""
    host, path, query = split_url(url)
    return host, *_canonical_target(path, query, s3, normalize)


def _canonical_target(path: str, query: str, s3: bool, normalize: bool) -> tuple[str, str]:
    try:
        return canonical_path(path, s3=s3, normalize=normalize), canonical_query(query)
    except BrokenEscapeError:
        raise SigningError(
            "The URL cannot be signed: it holds a '%' that is not followed by two hexadecimal "
            "digits. Write a percent sign as %25."
        ) from None


@lru_cache(maxsize=1024)
def _host_of(origin: str) -> str:
    match = _ORIGIN(origin)
    if match is None:
        raise SigningError(
            f"The URL {origin[:200]!r} cannot be signed: it must be absolute and http or https."
        )
    scheme, host = match[1].lower(), match[2].lower()
    return host.removesuffix(_DEFAULT_PORTS[scheme])


@final
class HeaderPlan:
    """What is done with a request's headers, which depends on their names alone.

    kept: the positions of those that are sent, None for all. pick: takes what the form wants
    from all values followed by those of `ADDED`, method, path and query. payload: the position
    of an x-amz-content-sha256 among the request's own.
    """

    __slots__ = ("form", "has_host", "kept", "payload", "pick")

    def __init__(
        self,
        form: HeaderForm,
        kept: tuple[int, ...] | None,
        pick: Callable[[Sequence[str]], tuple[str, ...]],
        payload: int | None,
        has_host: bool,
    ) -> None:
        self.form = form
        self.kept = kept
        self.pick = pick
        self.payload = payload
        self.has_host = has_host


@lru_cache(maxsize=1024)
def plan_headers(names: tuple[str, ...], added: tuple[bool, ...]) -> HeaderPlan:
    """The plan for these names; added: which of `ADDED` are signed beside them."""
    lower = [name.lower() for name in names]
    positions: dict[str, list[int]] = {}
    kept = [at for at, name in enumerate(lower) if name not in _REPLACED]
    for at in kept:
        if lower[at] not in UNSIGNED_HEADERS:
            positions.setdefault(lower[at], []).append(at)
    has_host = "host" in positions
    declared = positions.get("x-amz-content-sha256")
    for at, (name, wanted) in enumerate(zip(ADDED, added, strict=True), len(names)):
        if wanted:
            positions.setdefault(name, [at])
    form = header_form(tuple(sorted(positions)))
    end = len(names) + len(ADDED)
    order = [[end], [end + 1], [end + 2]]
    order += [positions[name] for name in form.names]
    order.append([len(names) + _PAYLOAD] if declared is None else declared[-1:])
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    if all(len(listed) == 1 for listed in order):
        pick = tuple_getter([listed[0] for listed in order])
    else:
        pick = _joiner(order)
    return HeaderPlan(
        form,
        None if len(kept) == len(names) else tuple(kept),
        pick,
        None if declared is None else declared[-1],
        has_host,
    )


def _joiner(positions: list[list[int]]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    def pick(values: Sequence[str]) -> tuple[str, ...]:
        return tuple([",".join([values[at].strip(" \t") for at in each]) for each in positions])

    return pick


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
    stamp = timestamp_of(int(time.time() if now is None else now))
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    s3 = service in S3_SERVICES
    return sign_with(
        key, stamp, request, credentials, s3, normalize_path, content_sha256, unsigned_session_token
    )


def sign_with(
    key: SigningKey,
    stamp: str,
    request: HttpRequest,
    credentials: Credentials,
    s3: bool,
    normalize_path: bool,
    content_sha256: bool | None,
    unsigned_session_token: bool,
) -> list[tuple[str, str]]:
    """`sign` with a key of either algorithm."""
    host, path, query = locate(request.url, s3, normalize_path)
    body = request.body
    token = credentials.session_token
    region_set = key.region_set
    given = request.headers
    if content_sha256 is None:
        content_sha256 = s3 or (isinstance(body, str) and not _is_hash(body))
    names, values = zip(*given, strict=True) if given else ((), ())
    signs_token = token is not None and not unsigned_session_token
    plan = plan_headers(names, (True, True, signs_token, content_sha256, region_set is not None))
    payload = _payload(body) if plan.payload is None else values[plan.payload].strip()
    added = (host, stamp, token or "", payload, region_set or "", request.method, path, query)
    signature = _sign_canonical(key, stamp, plan, (*values, *added))
    headers = list(given) if plan.kept is None else [given[at] for at in plan.kept]
    if not plan.has_host:
        headers.append(("Host", host))
    headers.append(("X-Amz-Date", stamp))
    if region_set is not None:
        headers.append(("X-Amz-Region-Set", region_set))
    if token is not None:
        headers.append(("X-Amz-Security-Token", token))
    if content_sha256 and plan.payload is None:
        headers.append(("X-Amz-Content-SHA256", payload))
    authorization = (
        f"{key.algorithm} Credential={credentials.access_key_id}/{key.scope}, "
        f"SignedHeaders={plan.form.text}, Signature={signature}"
    )
    headers.append(("Authorization", authorization))
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
    seconds = time.time() if now is None else now
    stamp = timestamp_of(int(seconds))
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    check_expires(expires, credentials, seconds)
    s3 = service in S3_SERVICES
    return presign_with(
        key, stamp, request, credentials, expires, s3, normalize_path, unsigned_session_token
    )


def presign_with(
    key: SigningKey,
    stamp: str,
    request: HttpRequest,
    credentials: Credentials,
    expires: int,
    s3: bool,
    normalize_path: bool,
    unsigned_session_token: bool,
) -> str:
    """`presign` with a key of either algorithm."""
    host, path, asked = split_url(request.url)
    values = tuple([value for _, value in request.headers])
    names = tuple([name for name, _ in request.headers])
    plan = plan_headers(names, (True, False, False, False, False))
    if plan.payload is not None:
        payload = values[plan.payload].strip()
    elif s3 and not isinstance(request.body, str):
        payload = UNSIGNED_PAYLOAD
    else:
        payload = _payload(request.body)
    parameters = {
        "X-Amz-Algorithm": key.algorithm,
        "X-Amz-Credential": f"{credentials.access_key_id}/{key.scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": plan.form.text,
    }
    if key.region_set is not None:
        parameters["X-Amz-Region-Set"] = key.region_set
    late: dict[str, str] = {}
    if credentials.session_token is not None:
        chosen = late if unsigned_session_token else parameters
        chosen["X-Amz-Security-Token"] = credentials.session_token
    added = _encode_parameters(parameters)
    path, query = _canonical_target(
        path, f"{asked}&{added}" if asked else added, s3, normalize_path
    )
    fixed = (host, "", "", payload, "", request.method, path, query)
    late["X-Amz-Signature"] = _sign_canonical(key, stamp, plan, (*values, *fixed))
    base = request.url.partition("#")[0]
    joint = ("" if base.endswith(("?", "&")) else "&") if "?" in base else "?"
    return f"{base}{joint}{added}&{_encode_parameters(late)}"


def _encode_parameters(parameters: Mapping[str, str]) -> str:
    return "&".join(
        [f"{name}={percent.encode(value.encode())}" for name, value in parameters.items()]
    )


def _sign_canonical(key: SigningKey, stamp: str, plan: HeaderPlan, values: tuple[str, ...]) -> str:
    try:
        canonical = plan.form.render(plan.pick(values))
    except LineBreakError:
        raise SigningError(
            "The request cannot be signed: a header's value holds a line break."
        ) from None
    digest = sha256(canonical.encode()).hexdigest()
    return key.sign(f"{key.algorithm}\n{stamp}\n{key.scope}\n{digest}".encode())


def check_expires(expires: int, credentials: Credentials, now: float) -> None:
    if not 1 <= expires <= 604800:
        raise SigningError(
            f"A presigned URL cannot be valid for {expires} s: AWS takes 1 to 604800 s (7 days)."
        )
    expiration = credentials.expiration
    if expiration is not None and now + expires > expiration:
        warnings.warn(
            f"The presigned URL stops working {int(now + expires - expiration)} s before it "
            "expires, when the session that signs it ends. Ask for a shorter `expires` or a "
            "longer session.",
            SessionEndsFirstWarning,
            stacklevel=3,
        )


def _payload(body: bytes | str | None) -> str:
    if not body:
        return EMPTY_SHA256
    return body if isinstance(body, str) else sha256(body).hexdigest()


def _is_hash(payload: str) -> bool:
    return len(payload) == 64 and payload.isalnum()
