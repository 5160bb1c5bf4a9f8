"""Why a signature does not match: known mistakes are tried, alone and in pairs.

The client's canonical request is not in what it sends, so it is guessed: the mistake that makes
the signature match is the one that was made.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice, zip_longest
from typing import Final

from daypass.sigv4.canonical import (
    BrokenEscapeError,
    canonical_path,
    canonical_query,
    canonical_value,
)
from daypass.sigv4.diagnosis.attempt import Attempt, Received
from daypass.sigv4.diagnosis.mistakes import MISTAKES, Mistake
from daypass.sigv4.envelope import Envelope, parse_authorization
from daypass.sigv4.keys import ALGORITHM
from daypass.sigv4.payload import UNSIGNED_PAYLOAD
from daypass.sigv4.presented import split_query
from daypass.sigv4.signing import S3_SERVICES, split_url
from daypass.sigv4.timestamps import seconds_of, stamp_of_date_header
from daypass.sigv4.types import Dialect, HttpRequest
from daypass.sigv4.verified import SKEW

# Bodies are hashed once for each guess about them; beyond this they are left out of the search.
_LARGEST_BODY: Final = 1024 * 1024
# In pairs only so many variants of each mistake are tried, or the search would take seconds.
_FEW: Final = 8
_HASH: Final = re.compile("[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a request. name: stable, for programs."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a request.

    findings: empty if the signature matches no known mistake. matched: whether the signature is
    explained. expected, signed: the canonical request as the service computes it, and as the
    client did (the same where no mistake was found).
    """

    findings: tuple[Finding, ...]
    matched: bool
    expected: str
    signed: str

    def sentence(self) -> str:
        """The findings in words."""
        if self.findings:
            return " ".join(finding.sentence for finding in self.findings)
        if self.matched:
            return "The signature matches."
        return (
            "The signature matches with none of the known mistakes. The secret access key may be "
            "wrong; else compare the canonical request with yours."
        )

    def comparison(self) -> str:
        """Both canonical requests, line against line; a line that differs is marked."""
        lines = ["  the service computes | the client signed"]
        pairs = zip_longest(self.expected.split("\n"), self.signed.split("\n"), fillvalue="")
        for ours, theirs in pairs:
            if ours == theirs:
                lines.append(f"  {ours}")
            else:
                lines += [f"- {ours}", f"+ {theirs}"]
        return "\n".join(lines)


def diagnose(
    request: HttpRequest,
    secret: str,
    *,
    service: str = "",
    region: str = "",
    now: float | None = None,
    other_secrets: Mapping[str, str] | None = None,
    other_tokens: Sequence[str] = (),
    give_way: Callable[[], None] = lambda: None,
) -> Diagnosis:
    """Find the mistake in a signed request that is refused.

    request: as it was sent, with its Authorization header or presigned URL; body None if it is
    not at hand, its hash if only that is. secret: of the access key it names. service, region:
    what the endpoint is; default what the request claims. now: Unix seconds, to judge its
    timestamp. other_secrets: of the same caller, by access key id; other_tokens: of its other
    sessions. give_way: called before each guess, some 50 µs apart, so that a thread can let
    others run; what it raises ends the search. Takes up to a few tenths of a second. Raises
    `Refusal` for a request whose authentication cannot be read at all.
    """
    try:
        claim = _read(request, secret, other_secrets or {}, other_tokens, service)
        base = _base(claim, secret)
    except BrokenEscapeError:
        return _unreadable(
            "broken-escape", "The URL holds a '%' that is not followed by two hexadecimal digits."
        )
    findings = [*_outside(claim, service, region, now)]
    found = _search(claim.received, base, claim.signature, give_way)
    if found is None:
        return Diagnosis(tuple(findings), False, base.canonical_request(), base.canonical_request())
    mistakes, attempt = found
    findings = [Finding(mistake.name, mistake.sentence) for mistake in mistakes] + findings
    return Diagnosis(tuple(findings), True, base.canonical_request(), attempt.canonical_request())


def _unreadable(name: str, sentence: str) -> Diagnosis:
    return Diagnosis((Finding(name, sentence),), False, "", "")


@dataclass(frozen=True, slots=True)
class _Claim:
    received: Received
    envelope: Envelope
    signature: str
    stamp: str
    hashed: str | None


def _read(
    request: HttpRequest,
    secret: str,
    secrets: Mapping[str, str],
    tokens: Sequence[str],
    service: str,
) -> _Claim:
    host, path, query = split_url(request.url)
    headers: dict[str, str] = {}
    for name, value in request.headers:
        lower = name.lower()
        headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    headers.setdefault("host", host)
    body, hashed = None, None
    if isinstance(request.body, str):
        hashed = request.body
    elif request.body is not None and len(request.body) > _LARGEST_BODY:
        hashed = sha256(request.body).hexdigest()
    else:
        body = request.body
    authorization = headers.get("authorization")
    if authorization is not None:
        envelope, signature = parse_authorization(authorization)
        stamp = headers.get("x-amz-date") or stamp_of_date_header(headers)
        token, in_query = headers.get("x-amz-security-token"), False
    else:
        parameters, query = split_query(query, Dialect.S3)
        envelope = Envelope(
            ALGORITHM,
            parameters.get("X-Amz-Credential", ""),
            parameters.get("X-Amz-SignedHeaders", ""),
            in_query=True,
        )
        signature = parameters.get("X-Amz-Signature", "")
        stamp = parameters.get("X-Amz-Date", "")
        token, in_query = parameters.get("X-Amz-Security-Token"), True
    s3 = (service or envelope.service) in S3_SERVICES
    received = Received(
        request.method,
        path,
        query,
        headers,
        body,
        s3,
        in_query,
        envelope.access_key_id,
        token,
        {**secrets, envelope.access_key_id: secret},
        tuple(tokens),
    )
    return _Claim(received, envelope, signature, stamp, hashed)


def _base(claim: _Claim, secret: str) -> Attempt:
    """The signature as the service computes it, in the scope the request claims."""
    received, envelope = claim.received, claim.envelope
    names = envelope.form.names
    declared = received.headers.get("x-amz-content-sha256")
    if received.body is not None and not received.s3:
        payload = sha256(received.body).hexdigest()
    elif claim.hashed is not None and not received.s3:
        payload = claim.hashed
    elif declared is not None:
        payload = declared
    elif received.s3 and received.in_query:
        payload = UNSIGNED_PAYLOAD
    else:
        payload = sha256(received.body or b"").hexdigest()
    return Attempt(
        received.method,
        canonical_path(received.path, s3=received.s3),
        canonical_query(received.query),
        tuple((name, canonical_value(received.headers.get(name, ""))) for name in names),
        envelope.form.text,
        payload,
        claim.stamp,
        envelope.date,
        envelope.region,
        envelope.service,
        envelope.scope,
        secret,
    )


def _outside(claim: _Claim, service: str, region: str, now: float | None) -> Iterator[Finding]:
    """What is wrong whether the signature matches or not."""
    received, envelope = claim.received, claim.envelope
    if region and envelope.region != region:
        yield Finding(
            "scope-region",
            f"The credential scope names the region {envelope.region!r}; this endpoint is in "
            f"{region!r}.",
        )
    if service and envelope.service != service:
        yield Finding(
            "scope-service",
            f"The credential scope names the service {envelope.service!r}; this endpoint is "
            f"{service!r}.",
        )
    if envelope.date != claim.stamp[:8]:
        yield Finding(
            "scope-date",
            f"The credential scope names the day {envelope.date}; the request's timestamp is "
            f"{claim.stamp}.",
        )
    yield from _headers(received, envelope)
    if now is not None and not received.in_query:
        yield from _clock(claim.stamp, now)


def _headers(received: Received, envelope: Envelope) -> Iterator[Finding]:
    if envelope.access_key_id.startswith("ASIA") and received.session_token is None:
        yield Finding(
            "token-missing",
            "The access key is a temporary one, and the request has no session token. Send it as "
            "x-amz-security-token (in a presigned URL: as X-Amz-Security-Token).",
        )
    unsigned = [
        name
        for name in received.headers
        if name.startswith("x-amz-") and name not in envelope.form.known
    ]
    if unsigned:
        yield Finding(
            "headers-not-signed",
            f"These headers were sent and not signed: {', '.join(sorted(unsigned))[:256]}. All "
            "x-amz- headers must be signed.",
        )
    missing = [name for name in envelope.form.names if name not in received.headers]
    if missing:
        yield Finding(
            "signed-headers-missing",
            f"SignedHeaders lists headers that were not sent: {', '.join(missing)[:256]}.",
        )
    declared = received.headers.get("x-amz-content-sha256", "")
    body = received.body
    if body is not None and _HASH(declared) and declared != sha256(body).hexdigest():
        yield Finding(
            "content-sha256",
            "x-amz-content-sha256 is not the SHA-256 of the body that was sent. Hash the bytes "
            "that are sent.",
        )


def _clock(stamp: str, now: float) -> Iterator[Finding]:
    sent = seconds_of(stamp)
    if sent is None or abs(now - sent) <= SKEW:
        return
    off = sent - now
    quarters = round(off / 900)
    if abs(quarters) <= 56 and abs(off - quarters * 900) <= 60:
        hours = quarters / 4
        yield Finding(
            "clock-local-time",
            f"The timestamp is {hours:+g} h off: local time instead of UTC. Use UTC.",
        )
    else:
        yield Finding(
            "clock",
            f"The timestamp is {off:+.0f} s off, and 900 s are allowed. Set the client's clock.",
        )


def _search(
    received: Received, base: Attempt, signature: str, give_way: Callable[[], None]
) -> tuple[tuple[Mistake, ...], Attempt] | None:
    """The fewest mistakes that give the signature, and what they make of the request."""
    given = signature.lower()
    if not _HASH(given):
        return None
    for mistakes, attempt in _guesses(received, base):
        give_way()
        if attempt.signature() == given:
            return mistakes, attempt
    return None


def _guesses(received: Received, base: Attempt) -> Iterator[tuple[tuple[Mistake, ...], Attempt]]:
    """No mistake, each mistake, and then each two."""
    yield (), base
    for mistake, attempt in _variants(received, base, MISTAKES):
        yield (mistake,), attempt
    for first, attempt in _variants(received, base, MISTAKES, few=True):
        later = MISTAKES[MISTAKES.index(first) + 1 :]
        for second, both in _variants(received, attempt, later, few=True):
            yield (first, second), both


def _variants(
    received: Received, base: Attempt, mistakes: Iterable[Mistake], *, few: bool = False
) -> Iterator[tuple[Mistake, Attempt]]:
    """Every attempt that differs from the base, each once; few: the likeliest of each mistake.

    A client that declares its payload in x-amz-content-sha256 declares what it signed: a payload
    mistake is in both.
    """
    seen = {base}
    for mistake in mistakes:
        for attempt in islice(mistake.variants(received, base), _FEW if few else None):
            for variant in (attempt, _declared_too(attempt, base)):
                if variant not in seen:
                    seen.add(variant)
                    yield mistake, variant


def _declared_too(attempt: Attempt, base: Attempt) -> Attempt:
    if attempt.payload == base.payload:
        return attempt
    lines = tuple(
        (name, attempt.payload if name == "x-amz-content-sha256" else value)
        for name, value in attempt.lines
    )
    return replace(attempt, lines=lines)
