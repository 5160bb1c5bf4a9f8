"""Signing a request: in its headers, or in the query of a URL that anyone may then use."""

import re
import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

from daypass.sigv4.canonical import (
    BrokenEscapeError,
    HeaderForm,
    LineBreakError,
    canonical_path,
    canonical_query,
    header_form,
    tuple_getter,
)
from daypass.sigv4.keys import ALGORITHM, MacKey, mac_key, timestamp_of
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
_ORIGIN: Final = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@\s]+)", re.IGNORECASE).fullmatch

ADDED: Final = ("host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
# Which of them are signed, by whether the token and the payload are.
_ADDED: Final = {
    (False, False): ("host", "x-amz-date"),
    (True, False): ("host", "x-amz-date", "x-amz-security-token"),
    (False, True): ("host", "x-amz-date", "x-amz-content-sha256"),
    (True, True): ADDED,
}


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


class HeaderPlan(NamedTuple):
    """What is done with a request's headers, which depends on their names alone.

    kept: the positions of those that are sent, None for all. pick: takes what the form wants
    from all values followed by `ADDED`, method, path and query. payload: the position of an
    x-amz-content-sha256 among the request's own.
    """

    form: HeaderForm
    kept: tuple[int, ...] | None
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    payload: int | None
    has_host: bool


@lru_cache(maxsize=1024)
def plan_headers(names: tuple[str, ...], added: tuple[str, ...]) -> HeaderPlan:
    """The plan for these names; added: which of `ADDED` are to be signed beside them."""
    lower = [name.lower() for name in names]
    positions: dict[str, list[int]] = {}
    kept = [at for at, name in enumerate(lower) if name not in _REPLACED]
    for at in kept:
        if lower[at] not in UNSIGNED_HEADERS:
            positions.setdefault(lower[at], []).append(at)
    has_host = "host" in positions
    declared = positions.get("x-amz-content-sha256")
    for at, name in enumerate(ADDED, len(names)):
        if name in added:
            positions.setdefault(name, [at])
    form = header_form(tuple(sorted(positions)))
    end = len(names) + len(ADDED)
    wanted = [[end], [end + 1], [end + 2]]
    wanted += [positions[name] for name in form.names]
    wanted.append([end - 1] if declared is None else declared[-1:])
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    if all(len(listed) == 1 for listed in wanted):
        pick = tuple_getter([listed[0] for listed in wanted])
    else:
        pick = _joiner(wanted)
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
    s3 = service in S3_SERVICES
    host, path, query = locate(request.url, s3, normalize_path)
    stamp = timestamp_of(int(time.time() if now is None else now))
    body = request.body
    token = credentials.session_token
    given = request.headers
    if content_sha256 is None:
        content_sha256 = s3 or (isinstance(body, str) and not _is_hash(body))
    names, values = zip(*given, strict=True) if given else ((), ())
    signs_token = token is not None and not unsigned_session_token
    plan = plan_headers(names, _ADDED[signs_token, content_sha256])
    signed = plan.form.text
    payload = _payload(body) if plan.payload is None else values[plan.payload].strip()
    canonical = _render(
        plan, (*values, host, stamp, token or "", payload, request.method, path, query)
    )
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    headers = list(given) if plan.kept is None else [given[at] for at in plan.kept]
    if not plan.has_host:
        headers.append(("Host", host))
    headers.append(("X-Amz-Date", stamp))
    if token is not None:
        headers.append(("X-Amz-Security-Token", token))
    if content_sha256 and plan.payload is None:
        headers.append(("X-Amz-Content-SHA256", payload))
    headers.append(
        (
            "Authorization",
            f"{ALGORITHM} Credential={credentials.access_key_id}/{key.scope}, "
            f"SignedHeaders={signed}, Signature={_sign_canonical(canonical, stamp, key)}",
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
    s3 = service in S3_SERVICES
    host, path, asked = split_url(request.url)
    stamp = timestamp_of(int(seconds))
    names = tuple([name for name, _ in request.headers])
    values = tuple([value for _, value in request.headers])
    plan = plan_headers(names, ("host",))
    signed = plan.form.text
    if plan.payload is not None:
        payload = values[plan.payload].strip()
    elif s3 and not isinstance(request.body, str):
        payload = UNSIGNED_PAYLOAD
    else:
        payload = _payload(request.body)
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    added = (
        f"X-Amz-Algorithm={ALGORITHM}"
        f"&X-Amz-Credential={quote(f'{credentials.access_key_id}/{key.scope}', safe='')}"
        f"&X-Amz-Date={stamp}&X-Amz-Expires={expires}"
        f"&X-Amz-SignedHeaders={quote(signed, safe='')}"
    )
    token = credentials.session_token
    late = ""
    if token is not None:
        parameter = f"&X-Amz-Security-Token={quote(token, safe='')}"
        if unsigned_session_token:
            late = parameter
        else:
            added += parameter
    path, query = _canonical_target(
        path, f"{asked}&{added}" if asked else added, s3, normalize_path
    )
    canonical = _render(plan, (*values, host, "", "", payload, request.method, path, query))
    base = request.url.partition("#")[0]
    joint = ("" if base.endswith(("?", "&")) else "&") if "?" in base else "?"
    signature = _sign_canonical(canonical, stamp, key)
    return f"{base}{joint}{added}{late}&X-Amz-Signature={signature}"


def _render(plan: HeaderPlan, values: tuple[str, ...]) -> str:
    try:
        return plan.form.render(plan.pick(values))
    except LineBreakError:
        raise SigningError(
            "The request cannot be signed: a header's value holds a line break."
        ) from None


def _payload(body: bytes | str | None) -> str:
    if not body:
        return EMPTY_SHA256
    return body if isinstance(body, str) else sha256(body).hexdigest()


def _is_hash(payload: str) -> bool:
    return len(payload) == 64 and payload.isalnum()


def _sign_canonical(canonical: str, stamp: str, key: MacKey) -> str:
    digest = sha256(canonical.encode()).hexdigest()
    return key.hexdigest(f"{ALGORITHM}\n{stamp}\n{key.scope}\n{digest}".encode())


def _warn_if_session_ends_first(credentials: Credentials, end: float) -> None:
    expiration = credentials.expiration
    if expiration is not None and end > expiration:
        warnings.warn(
            f"The presigned URL stops working {int(end - expiration)} s before it expires, when "
            "the session that signs it ends. Ask for a shorter `expires` or a longer session.",
            SessionEndsFirstWarning,
            stacklevel=3,
        )
