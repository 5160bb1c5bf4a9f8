"""Sending one request: signed, tried again where that may help, and along redirects."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Final, Protocol
from urllib.parse import urljoin

import httpx

from daypass.client.call.asked import Asked, Headers, headers_of
from daypass.client.call.urls import wire_url
from daypass.client.errors import ClientError
from daypass.client.refusals import Answer, may_be_refusal
from daypass.client.signed import Signed
from daypass.client.signer import Signer
from daypass.sigv4.signing import split_url

# As curl's --retry: what may be otherwise in a moment.
_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 20
_LONGEST_PAUSE: Final = 60.0


class TooManyRedirectsError(ClientError):
    """Redirects that do not end."""


class OutOfTimeError(ClientError):
    """The whole took longer than it may."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much is done for an answer. retries: after the first try. follow: go along redirects.
    trust: sign also for other hosts that redirects name. seconds: for all of it."""

    retries: int = 0
    follow: bool = False
    trust: bool = False
    seconds: float | None = None


class Told(Protocol):
    """Hears of a request on its way."""

    def sending(self, request: httpx.Request) -> None:
        """A request goes out."""

    def answered(self, response: httpx.Response) -> None:
        """The head of an answer came."""

    def waiting(self, why: str, seconds: float) -> None:
        """The request is sent again after a pause."""

    def moving(self, url: str, signed: bool) -> None:
        """A redirect is followed."""


class Deadline:
    """A moment after which nothing goes on."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds. Raises `OutOfTimeError`."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(f"It took longer than {self._seconds:g} s.")
        return left


class Sender:
    """Sends requests of one command with one client."""

    def __init__(
        self,
        client: httpx.Client,
        signer: Signer,
        patience: Patience,
        told: Told,
        deadline: Deadline,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._signer = signer
        self._patience = patience
        self._told = told
        self._pause = pause
        self._deadline = deadline

    def send(self, asked: Asked) -> httpx.Response:
        """The answer, its body unread. Raises `ClientError`, `httpx.TransportError`."""
        signed = True
        origin = httpx.URL(asked.url)
        for _ in range(_MOST_REDIRECTS):
            answer = self._send_patiently(asked, signed)
            target = answer.headers.get("location")
            if not self._patience.follow or not target or answer.status_code not in _REDIRECTS:
                return answer
            answer.close()
            asked = redirected(asked, answer.status_code, wire_url(urljoin(asked.url, target)))
            # Nor does another host choose what is signed for the one that was asked.
            at_home = signed and _same_origin(origin, httpx.URL(asked.url))
            signed = self._patience.trust or at_home
            if not signed:
                asked = _without_secrets(asked)
            self._told.moving(asked.url, signed)
        raise TooManyRedirectsError(
            "The answer never comes.", f"It was redirected {_MOST_REDIRECTS} times."
        )

    def _send_patiently(self, asked: Asked, signed: bool) -> httpx.Response:
        for attempt in range(self._patience.retries):
            try:
                answer = self._exchange(asked, signed)
            except httpx.TransportError as error:
                why, seconds = f"{error}" or type(error).__name__, 2.0**attempt
            else:
                if answer.status_code not in _TRANSIENT:
                    return answer
                answer.close()
                why = f"{answer.status_code} {answer.reason_phrase}"
                seconds = _retry_after(answer.headers.get("retry-after"), 2.0**attempt)
            seconds = min(seconds, self._deadline.left() or _LONGEST_PAUSE, _LONGEST_PAUSE)
            self._told.waiting(why, seconds)
            self._pause(seconds)
        return self._exchange(asked, signed)

    def _exchange(self, asked: Asked, wants_signature: bool) -> httpx.Response:
        if not wants_signature:
            return self._one(asked, asked.headers)
        signed: Signed | None = self._signer.sign(asked.outgoing())
        while signed is not None:
            answer = self._one(asked, headers_of(signed))
            if not may_be_refusal(answer.status_code, answer.headers):
                return answer
            content = answer.read()
            signed = self._signer.after(
                signed, Answer(answer.status_code, asked.url, answer.headers, content, answer)
            )
        return answer

    def _one(self, asked: Asked, headers: Headers) -> httpx.Response:
        left = self._deadline.left()
        _, path, query = split_url(asked.url)
        # Or httpx would send another path than was signed: it resolves dot segments.
        target = f"{path}?{query}" if query else path
        request = self._client.build_request(
            asked.method,
            asked.url,
            headers=[*headers, *_framing(asked)],
            content=asked.body,
            timeout=httpx.Timeout(left, connect=min(left or 10.0, 10.0)),
            extensions={"target": target.encode("ascii")},
        )
        self._told.sending(request)
        answer = self._client.send(request, stream=True)
        self._told.answered(answer)
        return answer


def _framing(asked: Asked) -> Headers:
    return () if asked.body is None else (("content-length", str(asked.body.length)),)


def redirected(asked: Asked, status: int, url: str) -> Asked:
    """The request that a redirect asks for (RFC 9110, section 15.4, as curl does it)."""
    if status in (307, 308) or asked.method in ("GET", "HEAD"):
        return replace(asked, url=url)
    if status == 303 or asked.method == "POST":
        kept = [one for one in asked.headers if one[0].lower() != "content-type"]
        return Asked("GET", url, kept)
    return replace(asked, url=url)


def _same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _without_secrets(asked: Asked) -> Asked:
    """Another host gets nothing that speaks for the caller."""
    kept = [
        (name, value)
        for name, value in asked.headers
        if name.lower() not in ("authorization", "cookie", "host")
        and not name.lower().startswith("x-amz-")
    ]
    return replace(asked, headers=kept)


def _retry_after(value: str | None, otherwise: float) -> float:
    if not value:
        return otherwise
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return otherwise
