"""What a client's mistake makes of a right signature: for each mistake, the attempts to try."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from daypass.sigv4 import percent
from daypass.sigv4.canonical import canonical_path, canonical_value
from daypass.sigv4.diagnosis.attempt import Attempt, Received
from daypass.sigv4.diagnosis.places import REGIONS, SERVICES
from daypass.sigv4.payload import EMPTY_SHA256, UNSIGNED_PAYLOAD


def _latin(data: bytes) -> str:
    return data.decode("latin-1")


# -- path --------------------------------------------------------------------------------------


def path_once(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if not received.s3 and "%25" in attempt.path:
        yield replace(attempt, path=attempt.path.replace("%25", "%"))
        yield replace(attempt, path=received.path)


def path_twice(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.s3:
        yield replace(attempt, path=percent.encode_path(attempt.path.encode("latin-1")))


def path_raw(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if "%" in received.path:
        yield replace(attempt, path=_latin(percent.decode(received.path.encode("latin-1"))))


def path_as_sent(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.s3:
        yield replace(attempt, path=received.path)


def path_segments(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.s3:
        normalized = canonical_path(received.path, s3=False)
        yield replace(
            attempt,
            path=canonical_path(_latin(percent.decode(normalized.encode("latin-1"))), s3=True),
        )
    else:
        yield replace(attempt, path=canonical_path(received.path, s3=False, normalize=False))


def path_slash(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if attempt.path != "/":
        yield replace(
            attempt,
            path=attempt.path[:-1] if attempt.path.endswith("/") else attempt.path + "/",
        )
    else:
        yield replace(attempt, path="")


def path_absolute(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    host = received.headers.get("host", "")
    for scheme in ("https", "http"):
        yield replace(attempt, path=f"{scheme}://{host}{received.path}")


def path_with_query(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.query:
        yield replace(attempt, path=f"{received.path}?{received.query}", query="")


# -- query -------------------------------------------------------------------------------------


def _encoded(text: str, *, plus: str = "%20") -> str:
    data = percent.decode(text.replace("+", plus).encode("latin-1"))
    return percent.encode(data)


def _pairs(query: str, *, plus: str = "%20") -> list[tuple[str, str]]:
    split = [part.partition("=") for part in query.split("&") if part]
    return [(_encoded(name, plus=plus), _encoded(value, plus=plus)) for name, _, value in split]


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def query_unsorted(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    yield replace(attempt, query=_joined(_pairs(received.query)))
    yield replace(attempt, query=_joined(sorted(_pairs(received.query), key=lambda pair: pair[0])))
    yield replace(
        attempt, query=_joined(sorted(_pairs(received.query), key=lambda pair: pair[0].lower()))
    )


def query_plus(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if "+" in received.query:
        yield replace(attempt, query=_joined(sorted(_pairs(received.query, plus="%2B"))))
        yield replace(
            attempt,
            query=_joined(sorted(_pairs(received.query, plus="%2B"))).replace("%2B", "+"),
        )
    if "%20" in attempt.query:
        yield replace(attempt, query=attempt.query.replace("%20", "+"))
    if "%2B" in attempt.query:
        yield replace(attempt, query=attempt.query.replace("%2B", "%20"))


def query_bare(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    parts = [part for part in attempt.query.split("&") if part]
    if any(part.endswith("=") for part in parts):
        yield replace(attempt, query="&".join(part.removesuffix("=") for part in parts))
        yield replace(attempt, query="&".join(part for part in parts if not part.endswith("=")))


def query_as_sent(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    yield replace(attempt, query=received.query)
    yield replace(attempt, query="&".join(sorted(received.query.split("&"))))


def query_raw(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    parts = [_latin(percent.decode(part.encode("latin-1"))) for part in attempt.query.split("&")]
    yield replace(attempt, query="&".join(parts))


def query_twice(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if "%" in attempt.query:
        yield replace(attempt, query=attempt.query.replace("%", "%25"))


def query_left_out(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if attempt.query:
        yield replace(attempt, query="")


# -- headers -----------------------------------------------------------------------------------


def _with(attempt: Attempt, name: str, value: str) -> Attempt:
    lines = tuple((known, value if known == name else old) for known, old in attempt.lines)
    return replace(attempt, lines=lines)


def _without(attempt: Attempt, name: str, *, listed: bool) -> Attempt:
    lines = tuple(line for line in attempt.lines if line[0] != name)
    names = attempt.names if listed else ";".join(line[0] for line in lines)
    return replace(attempt, lines=lines, names=names)


def host_port(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    host = received.headers.get("host", "")
    bare = re.sub(r":\d+$", "", host)
    for other in (bare, f"{bare}:443", f"{bare}:80"):
        if other != host:
            yield _with(attempt, "host", other)


def host_forwarded(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for name in ("x-forwarded-host", "x-original-host"):
        if name in received.headers:
            yield _with(attempt, "host", received.headers[name].split(",")[0].strip())


def host_case(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    host = received.headers.get("host", "")
    for other in (
        host.lower(),
        host + ".",
        host.replace("localhost", "127.0.0.1"),
        host.replace("127.0.0.1", "localhost"),
    ):
        if other != host:
            yield _with(attempt, "host", other)


def header_blanks(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    raw = tuple((name, received.headers.get(name, value)) for name, value in attempt.lines)
    for lines in (
        raw,
        tuple((name, value.strip()) for name, value in raw),
        tuple((name, value.replace(" ", "")) for name, value in raw),
    ):
        if lines != attempt.lines:
            yield replace(attempt, lines=lines)


def header_order(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    values = dict(attempt.lines)
    in_wire_order = tuple((name, values[name]) for name in received.headers if name in values)
    yield replace(attempt, lines=in_wire_order)
    yield replace(attempt, lines=in_wire_order, names=";".join(name for name, _ in in_wire_order))
    yield replace(attempt, lines=attempt.lines[::-1])


def header_extra(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    present = {name for name, _ in attempt.lines}
    for name, value in received.headers.items():
        if name not in present and name not in ("authorization", "x-amz-security-token"):
            lines = tuple(sorted([*attempt.lines, (name, canonical_value(value))]))
            yield replace(attempt, lines=lines, names=";".join(line[0] for line in lines))
            yield replace(attempt, lines=lines)


def header_missing(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for name, _ in attempt.lines:
        if name not in ("host", "x-amz-security-token"):
            yield _without(attempt, name, listed=True)
            yield _without(attempt, name, listed=False)


def content_type(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    value = dict(attempt.lines).get("content-type")
    if value is None:
        return
    plain = value.split(";")[0].strip()
    for other in (
        plain,
        f"{plain}; charset=utf-8",
        f"{plain}; charset=UTF-8",
        f"{plain};charset=utf-8",
        f"{plain};charset=UTF-8",
        "",
    ):
        if other != value:
            yield _with(attempt, "content-type", other)


def blank_line(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    yield replace(attempt, blank_line=False)


# -- session token -----------------------------------------------------------------------------

_TOKEN: Final = "x-amz-security-token"


def token_left_out(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.in_query:
        parts = [p for p in attempt.query.split("&") if not p.startswith("X-Amz-Security-Token=")]
        if len(parts) != len(attempt.query.split("&")):
            yield replace(attempt, query="&".join(parts))
    elif _TOKEN in dict(attempt.lines):
        yield _without(attempt, _TOKEN, listed=False)
        yield _without(attempt, _TOKEN, listed=True)


def token_not_listed(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    token = received.session_token
    if token is not None and not received.in_query and _TOKEN not in dict(attempt.lines):
        lines = tuple(sorted([*attempt.lines, (_TOKEN, token)]))
        yield replace(attempt, lines=lines)
        yield replace(attempt, lines=lines, names=";".join(line[0] for line in lines))


def token_other(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for token in received.tokens:
        if token != received.session_token and _TOKEN in dict(attempt.lines):
            yield _with(attempt, _TOKEN, token)


# -- payload -----------------------------------------------------------------------------------


def _hashed(received: Received, attempt: Attempt, *bodies: bytes) -> Iterator[Attempt]:
    """The payload as the client hashed it: in the last line, and in the header it sent."""
    for body in bodies:
        if body != received.body:
            yield replace(attempt, payload=sha256(body).hexdigest())


def body_newline(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    body = received.body
    if body is not None:
        yield from _hashed(
            received, attempt, body + b"\n", body + b"\r\n", body.rstrip(b"\r\n"), body.strip()
        )


def body_line_ends(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    body = received.body
    if body is not None and b"\n" in body:
        unix = body.replace(b"\r\n", b"\n")
        yield from _hashed(received, attempt, unix, unix.replace(b"\n", b"\r\n"))


def body_json(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    try:
        value = json.loads(received.body or b"")
    except (ValueError, RecursionError):
        return
    for ascii_only in (True, False):
        for separators in ((", ", ": "), (",", ":")):
            for by_name in (False, True):
                text = json.dumps(
                    value, ensure_ascii=ascii_only, separators=separators, sort_keys=by_name
                )
                yield from _hashed(received, attempt, text.encode("utf-8", "surrogatepass"))
    for indent in (2, 4):
        yield from _hashed(received, attempt, json.dumps(value, indent=indent).encode())
    if isinstance(value, str):
        yield from _hashed(received, attempt, value.encode("utf-8", "surrogatepass"))
    yield from _hashed(received, attempt, json.dumps((received.body or b"").decode()).encode())


def body_empty(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.body and attempt.payload != EMPTY_SHA256:
        yield replace(attempt, payload=EMPTY_SHA256)


def body_unsigned(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if attempt.payload != UNSIGNED_PAYLOAD:
        yield replace(attempt, payload=UNSIGNED_PAYLOAD)


def body_hashed(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.body is not None:
        digest = sha256(received.body).hexdigest()
        if digest != attempt.payload:
            yield replace(attempt, payload=digest)
    declared = received.headers.get("x-amz-content-sha256")
    if declared is not None and declared != attempt.payload:
        yield replace(attempt, payload=declared)


def body_itself(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    if received.body is not None:
        yield replace(attempt, payload=_latin(received.body))
        yield replace(attempt, payload=attempt.payload.upper())


# -- time, scope and secret --------------------------------------------------------------------


def region(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for region in REGIONS:
        if region != attempt.region:
            yield replace(attempt, region=region)
            scope = f"{attempt.date}/{region}/{attempt.service}/aws4_request"
            yield replace(attempt, region=region, scope=scope)


def service(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for service in SERVICES:
        if service != attempt.service:
            yield replace(attempt, service=service)
            scope = f"{attempt.date}/{attempt.region}/{service}/aws4_request"
            yield replace(attempt, service=service, scope=scope)


def date(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    try:
        day = datetime.strptime(attempt.stamp[:8], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return
    for days in (-1, 0, 1):
        date = f"{day + timedelta(days=days):%Y%m%d}"
        if date != attempt.date:
            yield replace(attempt, date=date)
            scope = f"{date}/{attempt.region}/{attempt.service}/aws4_request"
            yield replace(attempt, date=date, scope=scope)


def local_time(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    """The timestamp in the string to sign is another zone's than the one in the header."""
    try:
        sent = datetime.strptime(attempt.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return
    whole_hours_first = sorted(range(1, 57), key=lambda quarters: (quarters % 4 != 0, quarters))
    for quarters in whole_hours_first:
        for sign in (1, -1):
            stamp = f"{sent + timedelta(minutes=15 * quarters * sign):%Y%m%dT%H%M%SZ}"
            yield replace(attempt, stamp=stamp)


def other_date_header(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    date = received.headers.get("date")
    if date is not None:
        yield replace(attempt, stamp=date)


def secret_spelled(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    secret = attempt.secret
    for other in (
        secret + "\n",
        secret + "\r\n",
        secret + " ",
        " " + secret,
        secret + "\r",
        secret + "\t",
        f'"{secret}"',
        f"'{secret}'",
        percent.encode(secret.encode()),
        secret.replace("+", " "),
        secret.replace("/", "\\/"),
        secret.rstrip("="),
        secret.lower(),
    ):
        if other != secret:
            yield replace(attempt, secret=other)


def secret_other(received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for access_key_id, secret in received.secrets.items():
        if access_key_id != received.access_key_id and secret != attempt.secret:
            yield replace(attempt, secret=secret)


def secret_prefix(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    yield replace(attempt, prefix="")


def method(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    for method in ("GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"):
        if method != attempt.method:
            yield replace(attempt, method=method)


def method_case(_received: Received, attempt: Attempt) -> Iterator[Attempt]:
    yield replace(attempt, method=attempt.method.lower())
