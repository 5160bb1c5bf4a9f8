"""A HAR file: which of a browser's or proxy's recorded requests were signed, and what was wrong.

HTTP Archive 1.2, as browsers write it.
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from daypass.client.explain.denials import explain_denial
from daypass.client.refusals import Answer, Kind, error_fields, read_refusal
from daypass.sigv4 import (
    SKEW,
    Credentials,
    Dialect,
    HttpRequest,
    Presented,
    Refusal,
    combine_headers,
    diagnose,
    parse,
)

_MOST: Final = 10_000  # entries
# Browsers leave out of a file what speaks for the user, if it is not asked for.
_NOT_SIGNED: Final = "no signature in the file (browsers leave it out unless asked for)"


class NoHarError(ValueError):
    """A file that is no HTTP Archive."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. scope: "service region", "" where it was not signed. verdict: one of "ok",
    "unsigned", "expired", "clock", "mismatch", "denied", "refused", "failed". why: a sentence."""

    number: int
    method: str
    url: str
    status: int
    access_key_id: str
    scope: str
    verdict: str
    why: str

    def data(self) -> dict[str, object]:
        """JSON-ready."""
        members: dict[str, object] = {
            "Number": self.number,
            "Method": self.method,
            "Url": self.url,
            "Status": self.status,
            "AccessKeyId": self.access_key_id,
            "Scope": self.scope,
            "Verdict": self.verdict,
            "Why": self.why,
        }
        return {name: value for name, value in members.items() if value != ""}


def is_har(text: str) -> bool:
    """Whether the text may be a HAR file."""
    return '"log"' in text[:10_000] and '"entries"' in text


def read_har(text: str, credentials: Credentials | None = None) -> list[Entry]:
    """Its entries. credentials: whose secret is tried for what they signed. Raises `NoHarError`."""
    try:
        entries = json.loads(text)["log"]["entries"]
        return [_entry(number, one, credentials) for number, one in _numbered(entries)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoHarError("The file is no HTTP Archive (HAR).") from error


def _numbered(entries: Sequence[Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return enumerate(entries[:_MOST], 1)


def _entry(number: int, entry: Mapping[str, Any], credentials: Credentials | None) -> Entry:
    asked, answered = entry["request"], entry["response"]
    method, url, status = str(asked["method"]), str(asked["url"]), int(answered["status"])
    headers = [(str(one["name"]), str(one["value"])) for one in asked["headers"]]
    # HTTP/2 writes the host as a field of its own.
    headers = [(name.replace(":authority", "host"), value) for name, value in headers]
    headers = [(name, value) for name, value in headers if not name.startswith(":")]
    shown = url.partition("?")[0]
    try:
        presented = _presented(method, url, headers)
    except Refusal as refusal:
        return Entry(number, method, shown, status, "", "", "refused", f"{refusal}.")
    if presented is None:
        why = _NOT_SIGNED if status in (401, 403) else ""
        return Entry(number, method, shown, status, "", "", "unsigned", why)
    when = _moment(entry.get("startedDateTime"))
    request = HttpRequest(method, url, headers, _body(asked))
    verdict, why = _judge(request, presented, when, _answer(url, answered), credentials)
    scope = f"{presented.service} {presented.region}"
    return Entry(number, method, shown, status, presented.access_key_id, scope, verdict, why)


def _presented(method: str, url: str, headers: list[tuple[str, str]]) -> Presented | None:
    parts = urlsplit(url)
    combined, repeated = combine_headers(headers)
    return parse(method, parts.path or "/", parts.query, combined, repeated, dialect=Dialect.QUERY)


def _body(asked: Mapping[str, Any]) -> bytes | None:
    posted = asked.get("postData")
    if not posted:
        return b""
    text = posted.get("text")
    return None if text is None else str(text).encode()


def _moment(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _answer(url: str, answered: Mapping[str, Any]) -> Answer:
    headers = {str(one["name"]).lower(): str(one["value"]) for one in answered["headers"]}
    content = answered.get("content") or {}
    text = str(content.get("text") or "")
    try:
        body = b64decode(text) if content.get("encoding") == "base64" else text.encode()
    except ValueError:
        body = b""
    headers.setdefault("content-type", str(content.get("mimeType") or ""))
    return Answer(int(answered["status"]), url, headers, body, None)


def _judge(
    request: HttpRequest,
    presented: Presented,
    when: float | None,
    answer: Answer,
    credentials: Credentials | None,
) -> tuple[str, str]:
    """The verdict, and why."""
    if answer.status < 400:
        return "ok", ""
    refusal = read_refusal(answer) if answer.status in (400, 401, 403) else None
    expires = presented.expires
    if when is not None and expires is not None and when > presented.timestamp + expires:
        return "expired", f"The presigned URL was good for {expires} s, and was used later."
    if refusal is not None and refusal.kind is Kind.EXPIRED:
        return "expired", f"The session was over ({refusal.code})."
    if when is not None and expires is None and abs(when - presented.timestamp) > SKEW:
        off = int(presented.timestamp - when)
        return "clock", f"The signature's time is {off:+} s off the time it was sent."
    if refusal is None:
        return _other(answer)
    if refusal.kind is Kind.CLOCK:
        return "clock", f"The service found the time off ({refusal.code})."
    if refusal.kind is Kind.SIGNATURE:
        return "mismatch", _mismatch(request, presented, credentials)
    return "refused", f"{refusal.code}: {refusal.message}"


def _other(answer: Answer) -> tuple[str, str]:
    fields = error_fields(answer)
    denial = explain_denial(fields.get("Message", ""))
    if denial is not None:
        return "denied", f"{denial.what} {denial.why[0]}"
    code = fields.get("Code", "")
    if code.startswith("AccessDenied"):
        return "denied", fields.get("Message", "").partition("\n")[0]
    return "failed", code


def _mismatch(request: HttpRequest, presented: Presented, credentials: Credentials | None) -> str:
    if credentials is None or credentials.access_key_id != presented.access_key_id:
        return f"The secret of {presented.access_key_id} is not at hand to find the mistake with."
    try:
        return diagnose(request, credentials.secret_access_key).sentence()
    except Refusal as refusal:
        return f"{refusal}."
