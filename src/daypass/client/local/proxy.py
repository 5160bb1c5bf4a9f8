"""A proxy on loopback that signs what goes through it, for programs that cannot sign.

What a client sends is signed or left behind: no `x-amz-*` header travels unsigned, as S3 and others
would act on it although nobody vouched for it.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Final

import httpx

from daypass.client.call.body import Body
from daypass.client.endpoints import Scope
from daypass.client.errors import ClientError, SignatureRefusedError
from daypass.client.local.allowed import AllowList, Upstream
from daypass.client.local.http import LOOPBACK, LocalRequest, LocalResponse, plain
from daypass.client.refusals import Answer, may_be_refusal
from daypass.client.signed import SET_BY_SIGNING, Outgoing, Signed
from daypass.client.signer import Signer
from daypass.sigv4 import UNSIGNED_PAYLOAD, SigningError

_SPOOLED: Final = 1024 * 1024
# Of one connection, not of what comes behind it (RFC 9110, section 7.6.1).
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What the proxy says anew.
_REPLACED: Final = _HOP_BY_HOP | SET_BY_SIGNING | {"content-length", "expect", "host"}
_FROM_HERE: Final = frozenset({"none", "same-origin"})
# A payload mode that no signature is in.
_UNSIGNED_CHUNKS: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

Headers = Sequence[tuple[str, str]]


class _RefusedError(Exception):
    """A request that is not passed on."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Passing:
    """How requests are passed on. scope: what a URL is signed for. most: bytes of a body that must
    be known before it is signed. warn: hears why a signature was refused."""

    allowed: AllowList
    scope: Callable[[str], Scope]
    most: int
    warn: Callable[[str], None]


class SigningProxy:
    """Handles the requests of a `LocalServer`, which must leave the Host header to it."""

    def __init__(self, client: httpx.Client, signer: Signer, passing: Passing) -> None:
        self._client = client
        self._signer = signer
        self._passing = passing
        self.own_hosts: frozenset[str] = frozenset()

    def serve_at(self, port: int) -> None:
        """Say where the proxy is, before its first request."""
        self.own_hosts = frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})

    def __call__(self, request: LocalRequest) -> LocalResponse:
        try:
            upstream, target = self._route(request)
            self._check_origin(request)
            return self._pass_on(request, upstream, target)
        except _RefusedError as error:
            return plain(error.status, str(error))
        except (ClientError, SigningError) as error:
            return plain(502, f"The request cannot be signed. {error}")
        except httpx.TransportError as error:
            return plain(502, f"The request failed: {error or type(error).__name__}.")

    def _route(self, request: LocalRequest) -> tuple[Upstream, str]:
        """Where a request goes, and its target there."""
        if request.method == "CONNECT":
            raise _RefusedError(405, "What goes through a tunnel cannot be signed.")
        target = request.target
        authority = request.one("host") or ""
        if not target.startswith("/"):
            scheme, _, rest = target.partition("://")
            authority, slash, path = rest.partition("/")
            if scheme.lower() not in ("http", "https") or not rest:
                raise _RefusedError(400, "The target is neither a path nor a URL.")
            target = slash + path or "/"
        if authority.lower() in self.own_hosts:
            upstream = self._passing.allowed.only()
            if upstream is None:
                raise _RefusedError(421, "Name one of the allowed hosts in the Host header.")
            return upstream, target
        upstream = self._passing.allowed.find(authority)
        if upstream is None:
            raise _RefusedError(403, "The host is none of those that are allowed.")
        return upstream, target

    def _check_origin(self, request: LocalRequest) -> None:
        # A page of another site must not send what is signed here: its scripts, links and forms
        # say where they come from.
        site = request.one("sec-fetch-site") if request.has("sec-fetch-site") else "none"
        origins = [value for name, value in request.headers if name == "origin"]
        own = [f"http://{host}" for host in self.own_hosts]
        if site not in _FROM_HERE or any(origin.lower() not in own for origin in origins):
            raise _RefusedError(403, "Pages of other sites are not signed for.")

    def _pass_on(self, request: LocalRequest, upstream: Upstream, target: str) -> LocalResponse:
        url = upstream.origin + target
        scope = self._passing.scope(url)
        kept = [one for one in _end_to_end(request.headers) if one[0] not in _REPLACED]
        body = self._body(request, upstream, scope)
        try:
            outgoing = Outgoing(
                request.method,
                url,
                kept,
                body.payload,
                None if isinstance(body, _Stream) else lambda: None,
            )
            answer, read = self._exchange(outgoing, body, target)
        except BaseException:
            body.close()
            raise
        pieces = _relay(answer, body) if read is None else (read,)
        return LocalResponse(answer.status_code, _answer_headers(answer), pieces)

    def _exchange(
        self, outgoing: Outgoing, body: "_Sent", target: str
    ) -> tuple[httpx.Response, bytes | None]:
        """The answer; and its body, if it was read to see whether it refuses the signature."""
        signed: Signed | None = self._signer.sign(outgoing)
        while signed is not None:
            request = httpx.Request(
                outgoing.method,
                outgoing.url,
                headers=[*_all_headers(signed), *body.framing],
                content=body if body.framing else None,
                extensions={
                    "target": target.encode("latin-1"),
                    "timeout": httpx.Timeout(300.0, connect=10.0).as_dict(),
                },
            )
            answer = self._client.send(request, stream=True, follow_redirects=False)
            if not may_be_refusal(answer.status_code, answer.headers):
                return answer, None
            with closing(answer):
                raw = b"".join(answer.iter_raw())
            # Unpacked to be understood; what is passed on stays as it came.
            plain_answer = httpx.Response(answer.status_code, headers=answer.headers, content=raw)
            content = plain_answer.content
            try:
                signed = self._signer.after(
                    signed,
                    Answer(answer.status_code, outgoing.url, answer.headers, content, answer),
                )
            except SignatureRefusedError as error:
                self._passing.warn(str(error))
                break
        body.close()
        return answer, raw

    def _body(self, request: LocalRequest, upstream: Upstream, scope: Scope) -> "_Sent":
        length = request.one("content-length")
        if not length and not request.has("transfer-encoding"):
            return _Nothing()
        declared = request.one("x-amz-content-sha256") or ""
        if declared.startswith("STREAMING-") and declared != _UNSIGNED_CHUNKS:
            raise _RefusedError(
                501, "The body's chunks are signed by the client. Send it whole, or unsigned."
            )
        in_private = upstream.scheme == "https" or upstream.on_this_machine
        if declared == _UNSIGNED_CHUNKS and length:
            return _Stream(request.body, length, declared)
        if scope.service == "s3" and length and in_private:
            return _Stream(request.body, length, UNSIGNED_PAYLOAD)
        return _Kept(request.body, self._passing.most)


class _Nothing:
    """No body."""

    framing: Headers = ()

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def payload(self) -> bytes | str:
        return b""

    def close(self) -> None:
        pass


class _Stream:
    """A body that goes through as it comes; S3 takes it unsigned."""

    def __init__(self, pieces: Iterator[bytes], length: str, mode: str) -> None:
        self._pieces = pieces
        self._mode = mode
        self.framing: Headers = (("content-length", length),)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def payload(self) -> bytes | str:
        return self._mode

    def close(self) -> None:
        pass


class _Kept:
    """A body that is read before its hash is signed: in memory, or on disk where it is large."""

    def __init__(self, pieces: Iterator[bytes], most: int) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115
        left = most
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                self._file.close()
                raise _RefusedError(413, f"The body is larger than {most} bytes.")
            self._file.write(piece)
        self._body = Body([self._file])
        self.framing: Headers = (("content-length", str(self._body.length)),)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def payload(self) -> bytes | str:
        return self._body.sha256()

    def close(self) -> None:
        self._file.close()


_Sent = _Nothing | _Stream | _Kept


def _end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """The headers that are not of one connection alone, nor said to be."""
    named = {
        one.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for one in value.split(",")
    }
    dropped = _HOP_BY_HOP | named
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _all_headers(signed: Signed) -> list[tuple[str, str]]:
    """What is signed, as it was signed, and of the rest what is no `x-amz-*`.

    INVARIANT: every `x-amz-*` header that is sent is one of the signed ones.
    """
    ours = [name.lower() for name, _ in signed.request.headers]
    rest = [
        (name, value)
        for name, value in signed.outgoing.headers
        if name not in ours and not name.startswith("x-amz-")
    ]
    return [*signed.request.headers, *rest]


def _answer_headers(answer: httpx.Response) -> list[tuple[str, str]]:
    raw = [(name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers.raw]
    return _end_to_end(raw)


def _relay(answer: httpx.Response, body: _Sent) -> Iterator[bytes]:
    """The answer's bytes as they come. Raises `ConnectionError` where they end too early."""
    with closing(answer), closing(body):
        try:
            yield from answer.iter_raw()
        except httpx.TransportError as error:
            raise ConnectionError(f"{error}") from error
