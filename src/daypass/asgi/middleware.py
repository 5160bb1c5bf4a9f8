"""A guard before an ASGI application: no request passes whose signature was not verified."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from inspect import isawaitable
from typing import Any, Final
from uuid import uuid4

from daypass.asgi.holders import Found, Holder, Lookup
from daypass.sigv4 import (
    EMPTY_SHA256,
    BodyVerifier,
    Dialect,
    PayloadMode,
    Presented,
    Reason,
    Refusal,
    Verified,
    body_verifier,
    combine_headers,
    parse,
    verify,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CALLER: Final = "daypass.caller"
# WebSocket's code for a message that violates a policy (RFC 6455, section 7.4.1).
_POLICY_VIOLATION: Final = 1008

_log = logging.getLogger("daypass.asgi")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request: `request["daypass.caller"]` in Starlette and FastAPI.

    identity: what the lookup says of the holder; a `daypass.tokens.Session` with `Sessions`.
    signature: the proof, which says when, and for which service and region, it was signed.
    """

    access_key_id: str
    identity: object
    signature: Verified


class _TooLargeError(Exception):
    """A body beyond the limit."""


class _GoneError(Exception):
    """The client went away before its request was whole."""


class _BodyRefusedError(Exception):
    """A body that was passed on as it came turned out not to be the one that was signed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class SigV4Middleware:
    """Verifies AWS Signature Version 4 before `app` sees a request, and says who signed it.

    lookup: the secret access keys, see `daypass.asgi.Lookup`. service, region: what requests must
    be signed for; not "s3", which is signed by other rules. body_limit: bytes of a body that is
    read into memory, for its hash is part of the signature. streaming: a body whose hash the
    client declares in x-amz-content-sha256 is not held but passed on as it comes, without a
    limit. Its end is passed on only if the hash is right: an application that acts before it
    has read to the end acts on what is not verified.

    Every request must be signed, WebSockets too: mount what is public beside the guarded app.
    A refusal is answered as AWS's JSON services do. What was signed is what the client sent: a
    proxy in front must leave path and Host as they are.
    """

    def __init__(
        self,
        app: App,
        *,
        lookup: Lookup,
        service: str,
        region: str,
        body_limit: int = 1024 * 1024,
        streaming: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if service == "s3":
            raise ValueError(
                'Requests for "s3" are signed by rules of their own; take another name.'
            )
        self._app = app
        self._lookup = lookup
        self._service = service
        self._region = region
        self._body_limit = body_limit
        self._streaming = streaming
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        try:
            caller, verified_receive = await self._admit(scope, exchange)
        except Refusal as refusal:
            await self._refuse(scope, exchange, refusal)
            return
        except _TooLargeError:
            message = f"Request must be smaller than {self._body_limit} bytes."
            await exchange.refuse(scope, "RequestTooLargeException", message, 413)
            return
        except _GoneError:
            return
        try:
            await self._app({**scope, CALLER: caller}, verified_receive, exchange.send)
        except _BodyRefusedError as error:
            await self._refuse(scope, exchange, error.refusal)

    async def _refuse(self, scope: Scope, exchange: "_Exchange", refusal: Refusal) -> None:
        # As it was on the wire: the decoded path may hold line breaks.
        _log.info("%s %s: %s", scope.get("method", "GET"), _raw_path(scope)[:1024], refusal)
        error = refusal.error(Dialect.JSON)
        await exchange.refuse(scope, error.code, error.message, error.status)

    async def _admit(self, scope: Scope, exchange: "_Exchange") -> tuple[Caller, Receive]:
        """The verified caller, and the body as far as it is verified. Raises `Refusal`."""
        headers, repeated = combine_headers(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        presented = parse(
            scope.get("method", "GET"),
            _raw_path(scope),
            scope["query_string"].decode("latin-1"),
            headers,
            repeated,
            dialect=Dialect.JSON,
        )
        if presented is None:
            raise Refusal(Reason.MISSING_AUTHENTICATION)
        declared = presented.payload
        if scope["type"] == "websocket":
            caller = await self._verify(presented, EMPTY_SHA256)
            return caller, exchange.receive
        if self._streaming and declared is not None and declared.mode is PayloadMode.SHA256:
            caller = await self._verify(presented, declared.declared)
            return caller, _Streamed(body_verifier(caller.signature, headers), exchange)
        body = await exchange.read(headers.get("content-length"), self._body_limit)
        caller = await self._verify(presented, sha256(body).hexdigest())
        return caller, _Held(body, exchange)

    async def _verify(self, presented: Presented, body_sha256: str) -> Caller:
        found: Found | Refusal
        try:
            looked_up = self._lookup(presented)
            found = await looked_up if isawaitable(looked_up) else looked_up
        except Refusal as refusal:
            found = refusal
        holder = Holder(found) if isinstance(found, str) else found

        def secret_of(_: Presented) -> str | None:
            # Told here, so that a wrong time or scope is what is refused first.
            if isinstance(holder, Refusal):
                raise holder
            return None if holder is None else holder.secret_access_key

        verified = verify(
            presented,
            secret_of,
            service=self._service,
            region=self._region,
            now=self._clock(),
            body_sha256=body_sha256,
        )
        identity = holder.identity if isinstance(holder, Holder) else None
        return Caller(verified.access_key_id, identity, verified)


def _raw_path(scope: Scope) -> str:
    raw = scope.get("raw_path")
    if raw is None:
        # The decoded path is not what was signed: %2F and / would be the same.
        raise RuntimeError("This ASGI server gives no raw_path, which signatures are over.")
    path: str = raw.decode("latin-1")
    return path.partition("?")[0]


class _Exchange:
    """One request and its answer: whether the one has ended, and the other begun."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._begun = False
        self._ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self._begun = True
        await self._send(message)

    async def read(self, announced: str | None, limit: int) -> bytes:
        """The whole body. announced: its Content-Length. Raises `_TooLargeError`, `_GoneError`."""
        if announced is not None and announced.isdecimal() and int(announced) > limit:
            raise _TooLargeError
        pieces: list[bytes] = []
        size = 0
        while not self._ended:
            message = await self.receive()
            if message["type"] != "http.request":
                raise _GoneError
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise _TooLargeError
        return b"".join(pieces)

    async def refuse(self, scope: Scope, code: str, message: str, status: int) -> None:
        """Answer with an error, if the application has not begun to answer."""
        if self._begun:
            # Cut short, so that nobody takes for whole what was made of a body that is not.
            raise RuntimeError(f"The body was refused after the answer had begun: {code}.")
        if scope["type"] == "websocket":
            await self._receive()
            await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        body = json.dumps({"message": message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-amzn-errortype", code.encode()),
            (b"x-amzn-requestid", str(uuid4()).encode()),
        ]
        if not self._ended:
            # What the client still sends of its body must not be read as its next request.
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


class _Held:
    """Gives a body that was read and verified, and then what the client does."""

    def __init__(self, body: bytes, exchange: _Exchange) -> None:
        self._body: bytes | None = body
        self._exchange = exchange

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            return await self._exchange.receive()
        return {"type": "http.request", "body": body, "more_body": False}


class _Streamed:
    """Gives a body as it comes; its end only after the hash was found right."""

    def __init__(self, verifier: BodyVerifier, exchange: _Exchange) -> None:
        self._verifier = verifier
        self._exchange = exchange

    async def __call__(self) -> Message:
        message = await self._exchange.receive()
        if message["type"] == "http.request":
            try:
                self._verifier.feed(message.get("body", b""))
                if not message.get("more_body", False):
                    self._verifier.finish()
            except Refusal as refusal:
                raise _BodyRefusedError(refusal) from refusal
        return message
