"""Signed requests to tamper with, and the verifier's verdict on them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

from daypass.protocol.message import combine_headers
from daypass.sigv4 import (
    Credentials,
    Dialect,
    HttpRequest,
    Presented,
    Reason,
    Refusal,
    Verified,
    parse,
    presign,
    sign,
    verify,
)

NOW = 1_440_938_160.0
REGION = "eu-central-1"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", "sessionSecret/+", "session-token")
SECRETS = {keys.access_key_id: keys.secret_access_key for keys in (KEYS, SESSION)}


@dataclass(frozen=True)
class Signed:
    """A request as it is on the wire."""

    method: str
    path: str
    query: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    service: str

    def change(self, **values: object) -> "Signed":
        return replace(self, **values)

    def add(self, *fields: tuple[str, str]) -> "Signed":
        return replace(self, fields=(*self.fields, *fields))

    def drop(self, name: str) -> "Signed":
        kept = tuple(field for field in self.fields if field[0].lower() != name.lower())
        return replace(self, fields=kept)

    def put(self, name: str, value: str) -> "Signed":
        return self.drop(name).add((name, value))

    def get(self, name: str) -> str:
        return next(value for known, value in self.fields if known.lower() == name.lower())

    def authorize(self, old: str, new: str) -> "Signed":
        """The same with a change in its Authorization header."""
        value = self.get("authorization")
        assert old in value
        return self.put("Authorization", value.replace(old, new))

    def present(self, **options: bool) -> Presented | None:
        headers, repeated = combine_headers(self.fields)
        dialect = {"s3": Dialect.S3, "lambda": Dialect.JSON}.get(self.service, Dialect.QUERY)
        return parse(
            self.method, self.path, self.query, headers, repeated, dialect=dialect, **options
        )

    def verify(
        self,
        now: float = NOW,
        lookup: Callable[[Presented], str | None] = lambda p: SECRETS.get(p.access_key_id),
        service: str = "",
        region: str = REGION,
    ) -> Verified | None:
        presented = self.present()
        if presented is None:
            return None
        body = None if self.service == "s3" else sha256(self.body).hexdigest()
        return verify(
            presented,
            lookup,
            service=service or self.service,
            region=region,
            now=now,
            body_sha256=body,
        )

    def refusal(self, **options: object) -> Refusal:
        """Why it is refused; fails if it is accepted or taken for anonymous."""
        try:
            verified = self.verify(**options)
        except Refusal as refusal:
            return refusal
        raise AssertionError("anonymous" if verified is None else "accepted")

    def reason(self, **options: object) -> Reason:
        return self.refusal(**options).reason

    def status(self, **options: object) -> int:
        dialect = {"s3": Dialect.S3, "lambda": Dialect.JSON}.get(self.service, Dialect.QUERY)
        return self.refusal(**options).error(dialect).status


def signed(
    service: str = "s3",
    method: str = "PUT",
    target: str = "/bucket/key?x=1",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | str = b"content",
    keys: Credentials = KEYS,
    now: float = NOW,
    region: str = REGION,
) -> Signed:
    request = HttpRequest(method, f"https://example.com{target}", headers, body)
    fields = sign(request, keys, service=service, region=region, now=now)
    path, _, query = target.partition("?")
    sent = body if isinstance(body, bytes) else b""
    return Signed(method, path, query, tuple(fields), sent, service)


def presigned(
    service: str = "s3",
    method: str = "GET",
    target: str = "/bucket/key",
    headers: tuple[tuple[str, str], ...] = (),
    keys: Credentials = KEYS,
    expires: int = 3600,
    now: float = NOW,
) -> Signed:
    request = HttpRequest(method, f"https://example.com{target}", headers)
    url = presign(request, keys, service=service, region=REGION, expires=expires, now=now)
    path, _, query = url.removeprefix("https://example.com").partition("?")
    return Signed(method, path, query, (("Host", "example.com"), *headers), b"", service)
