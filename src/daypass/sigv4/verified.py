"""Whether a request's signature is the one its access key makes.

INVARIANT: `authenticate` alone makes a `Verified`; who holds one holds the proof.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, Never, final

from daypass.sigv4.chain import ChunkChain
from daypass.sigv4.envelope import remember
from daypass.sigv4.keys import TERMINATOR, SigningKey
from daypass.sigv4.payload import Payload, PayloadMode, is_payload_mode
from daypass.sigv4.presented import Presented
from daypass.sigv4.refusal import Reason, Refusal
from daypass.sigv4.timestamps import timestamp_of
from daypass.sigv4.types import Dialect

# How far a request's timestamp may be from the verifier's clock, in seconds.
SKEW: Final = 900

# What an unknown access key is verified with, so that it costs what a known one does.
_NOBODY: Final = "0" * 40


@final
class Verified:
    """The proof that a request was signed with the secret of an access key."""

    __slots__ = ("_body_sha256", "_key", "_presented")

    _presented: Presented
    _key: SigningKey
    _body_sha256: str | None

    def __init__(self) -> None:
        raise TypeError("A Verified is made by daypass.sigv4.verify alone.")

    def __init_subclass__(cls) -> None:
        raise TypeError("Verified cannot be subclassed.")

    def __repr__(self) -> str:
        return f"Verified(access_key_id={self.access_key_id!r}, scope={self.scope!r})"

    def __reduce__(self) -> Never:
        raise TypeError("A Verified cannot be copied or stored.")

    @property
    def access_key_id(self) -> str:
        return self._presented.envelope.access_key_id

    @property
    def algorithm(self) -> str:
        return self._presented.envelope.algorithm

    @property
    def session_token(self) -> str | None:
        return self._presented.session_token

    @property
    def timestamp(self) -> float:
        """When the request was signed, Unix seconds."""
        return self._presented.timestamp

    @property
    def region(self) -> str:
        """The region of the credential scope, "" for SigV4A."""
        return self._presented.envelope.region

    @property
    def service(self) -> str:
        return self._presented.envelope.service

    @property
    def scope(self) -> str:
        return self._presented.envelope.scope

    @property
    def signature(self) -> str:
        return self._presented.signature

    @property
    def signed_headers(self) -> tuple[str, ...]:
        return self._presented.envelope.form.names

    @property
    def in_query(self) -> bool:
        return self._presented.expires is not None

    @property
    def payload(self) -> Payload:
        """What the signature says about the body."""
        declared = self._presented.payload
        if declared is not None:
            return declared
        return Payload(PayloadMode.SHA256, self._body_sha256 or "")

    def chunk_chain(self) -> ChunkChain:
        """A new chain of chunk signatures that starts at this request's signature."""
        return ChunkChain(self._key, self._presented.stamp, self._presented.signature)


def verify(
    presented: Presented,
    lookup: Callable[[Presented], str | None],
    *,
    service: str,
    region: str,
    now: float,
    body_sha256: str | None = None,
) -> Verified:
    """Check time, scope, access key and signature, in this order.

    lookup: the secret access key of what is presented, None for an unknown access key; it may
    raise `Refusal` (an expired or foreign session token). body_sha256: the hex SHA-256 of the
    body, needed unless the request is S3's, where x-amz-content-sha256 declares it and
    `body_verifier` checks it. now: Unix seconds. Raises `Refusal`.
    """
    _check_time(presented, now)
    check_scope(presented, service, region)
    payload = _payload_line(presented, body_sha256)
    texts = [_string_to_sign(presented, head + payload.encode()) for head in presented.canonical]
    try:
        return authenticate(presented, texts, lookup, body_sha256)
    except SignatureMismatchError:
        raise _mismatch(presented, payload) from None


class SignatureMismatchError(Exception):
    """The signature is none of the texts'."""


def authenticate(
    presented: Presented,
    texts: Sequence[bytes],
    lookup: Callable[[Presented], str | None],
    body_sha256: str | None = None,
) -> Verified:
    """The proof that the signature is of one of the texts; scope and time are checked before.

    Raises `SignatureMismatchError`, or `Refusal` for an unknown access key.
    """
    secret = lookup(presented)
    key = presented.envelope.signing_key(_NOBODY if secret is None else secret)
    matches = False
    for text in texts:
        matches |= key.matches(text, presented.signature)
    if secret is None:
        raise Refusal(
            Reason.UNKNOWN_ACCESS_KEY,
            fields={"AWSAccessKeyId": presented.access_key_id},
            in_query=presented.in_query,
        )
    if not matches:
        raise SignatureMismatchError
    if presented.envelope.prefix:
        remember(presented.envelope)
    verified = object.__new__(Verified)
    verified._presented = presented
    verified._key = key
    verified._body_sha256 = body_sha256
    return verified


def _in_region_set(region: str, region_set: str | None) -> bool:
    """Whether a SigV4A region set ("us-east-1,eu-*", "*") takes the region in."""
    if region_set is None:
        return False
    return any(_is_like(region, part.strip(" ")) for part in region_set[:1024].split(","))


def _is_like(region: str, pattern: str) -> bool:
    # Not a regular expression: many stars would make one take for ever.
    first, *rest = pattern.split("*")
    if not rest:
        return region == pattern
    *middle, last = rest
    if len(region) < len(first) + len(last) or not region.startswith(first):
        return False
    position = len(first)
    for part in middle:
        found = region.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return position <= len(region) - len(last) and region.endswith(last)


def _string_to_sign(presented: Presented, canonical_request: bytes) -> bytes:
    digest = sha256(canonical_request).hexdigest()
    envelope = presented.envelope
    return f"{envelope.algorithm}\n{presented.stamp}\n{envelope.scope}\n{digest}".encode()


def _payload_line(presented: Presented, body_sha256: str | None) -> str:
    """The last line of the canonical request, which says what the signature covers.

    Elsewhere than at S3 the whole body is hashed: it carries the command.
    """
    declared = presented.declared
    if body_sha256 is None:
        if declared is None or presented.dialect is not Dialect.S3:
            raise ValueError("body_sha256 is needed: only S3 requests declare their payload.")
        return declared
    if declared is None or declared == body_sha256:
        return body_sha256
    if not is_payload_mode(declared):
        raise content_mismatch(declared, body_sha256, in_query=presented.in_query)
    if presented.dialect is Dialect.S3:
        return declared
    raise Refusal(
        Reason.PAYLOAD_MODE_NOT_ALLOWED,
        f"x-amz-content-sha256 must be the SHA-256 of the body, not {declared}.",
        in_query=presented.in_query,
    )


def content_mismatch(declared: str, computed: str, *, in_query: bool = False) -> Refusal:
    """The refusal of a body whose SHA-256 is not the declared one."""
    return Refusal(
        Reason.CONTENT_SHA256_MISMATCH,
        fields={
            "ClientComputedContentSHA256": declared,
            "S3ComputedContentSHA256": computed,
        },
        in_query=in_query,
    )


def _check_time(presented: Presented, now: float) -> None:
    age = now - presented.timestamp
    expires = presented.expires
    if age < -SKEW:
        limit = timestamp_of(int(now) + SKEW)
        reason = Reason.SIGNATURE_NOT_YET_CURRENT if expires is None else Reason.URL_NOT_YET_VALID
        raise Refusal(
            reason,
            f"{presented.stamp} is still later than {limit} ({timestamp_of(int(now))} + 15 min.)",
            fields=_time_fields(presented, now),
            in_query=presented.in_query,
        )
    allowed = SKEW if expires is None else expires
    if age > allowed:
        limit = timestamp_of(int(now) - allowed)
        span = "15 min." if expires is None else f"{expires} s"
        raise Refusal(
            Reason.SIGNATURE_EXPIRED if expires is None else Reason.URL_EXPIRED,
            f"{presented.stamp} is now earlier than {limit} ({timestamp_of(int(now))} - {span})",
            fields=_time_fields(presented, now),
            in_query=presented.in_query,
        )


def _time_fields(presented: Presented, now: float) -> dict[str, str]:
    if presented.expires is None:
        return {
            "RequestTime": presented.stamp,
            "ServerTime": _iso_extended(now),
            "MaxAllowedSkewMilliseconds": str(SKEW * 1000),
        }
    return {
        "X-Amz-Expires": str(presented.expires),
        "Expires": _iso_extended(presented.timestamp + presented.expires),
        "ServerTime": _iso_extended(now),
    }


def _iso_extended(seconds: float) -> str:
    text = timestamp_of(int(seconds))
    return f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:]}"


def check_scope(presented: Presented, service: str, region: str) -> None:
    """Raises `Refusal` unless the signature is for this service and region, on its own date."""
    envelope = presented.envelope
    if (
        envelope.date != presented.stamp[:8]
        or not (envelope.region == region or _in_region_set(region, presented.region_set))
        or envelope.service != service
        or envelope.terminator != TERMINATOR
    ):
        raise _wrong_scope(presented, service, region)


def _wrong_scope(presented: Presented, service: str, region: str) -> Refusal:
    envelope = presented.envelope
    fields: dict[str, str] = {}
    if envelope.date != presented.stamp[:8]:
        reason, given, expected = Reason.WRONG_DATE, envelope.date, presented.stamp[:8]
    elif not (envelope.region == region or _in_region_set(region, presented.region_set)):
        given = envelope.region or presented.region_set or ""
        reason, expected = Reason.WRONG_REGION, region
        fields = {"Region": region}
    elif envelope.service != service:
        reason, given, expected = Reason.WRONG_SERVICE, envelope.service, service
    else:
        reason, given, expected = Reason.WRONG_TERMINATOR, envelope.terminator, TERMINATOR
    return Refusal(
        reason, given=given, expected=expected, fields=fields, in_query=presented.in_query
    )


def _mismatch(presented: Presented, payload: str) -> Refusal:
    canonical = presented.canonical[0] + payload.encode()
    text = _string_to_sign(presented, canonical)
    return Refusal(
        Reason.SIGNATURE_MISMATCH,
        fields={
            "AWSAccessKeyId": presented.access_key_id,
            "StringToSign": text.decode(),
            "SignatureProvided": presented.signature[:256],
            "StringToSignBytes": text.hex(" "),
            "CanonicalRequest": canonical.decode("latin-1"),
            "CanonicalRequestBytes": canonical.hex(" "),
        },
        in_query=presented.in_query,
    )
