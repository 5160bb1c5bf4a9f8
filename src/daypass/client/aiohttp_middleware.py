"""What `daypass.Auth` does as a middleware of an aiohttp client; aiohttp is imported by its user.

aiohttp asks middlewares again after each redirect. A signature follows a redirect only within
the host that was asked: another host must not get the caller's credentials to act for it, nor
choose what is signed with them.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING, Final, cast

from daypass.client.bodies import rewinding, unsignable
from daypass.client.refusals import Answer, may_be_refusal
from daypass.client.signed import Outgoing, Signed, set_headers
from daypass.client.signer import Signer

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from aiohttp.abc import AbstractStreamWriter
    from yarl import URL

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# The origin to which the answer before, in this task, redirects, if it is another than was asked.
_elsewhere: ContextVar["URL | None"] = ContextVar("daypass_elsewhere", default=None)


async def send_signed(
    signer: Signer, request: "ClientRequest", handler: "ClientHandlerType"
) -> "ClientResponse":
    """The answer to a request, signed first. Raises `ClientError`."""
    origin = request.url.origin()
    unsigned = _elsewhere.get() == origin
    _elsewhere.set(None)
    response = await (handler(request) if unsigned else _send(signer, request, handler))
    target = _redirected(request.url, response)
    if target is not None and (unsigned or target != origin):
        _elsewhere.set(target)
    return response


def _redirected(url: "URL", response: "ClientResponse") -> "URL | None":
    """The origin to which the answer redirects."""
    location = response.headers.get("location")
    if location is None or response.status not in _REDIRECTS:
        return None
    try:
        return url.join(type(url)(location)).origin()
    except ValueError:
        return None  # aiohttp refuses it, or stays with the host that was asked


async def _send(
    signer: Signer, request: "ClientRequest", handler: "ClientHandlerType"
) -> "ClientResponse":
    url = f"{request.url.scheme}://{request.headers['Host']}{request.url.raw_path_qs}"
    hashed = None if signer.unsigned_payload else await _payload(request)
    outgoing = Outgoing(
        request.method,
        url,
        list(request.headers.items()),
        lambda: hashed or b"",
        _rewinding(request),
    )
    signed: Signed | None = await asyncio.to_thread(signer.sign, outgoing)
    while signed is not None:
        set_headers(request.headers, signed)
        response = await handler(request)
        headers = response.headers
        if not may_be_refusal(response.status, headers):
            break
        answer = Answer(response.status, url, headers, await response.read(), response)
        signed = await asyncio.to_thread(signer.after, signed, answer)
    return response


class _Hasher:
    """A stream writer, as aiohttp writes bodies to one, that keeps nothing but the hash."""

    def __init__(self) -> None:
        self.hash = sha256()
        self.length = 0

    async def write(self, piece: bytes) -> None:
        self.hash.update(piece)
        self.length += len(piece)


async def _payload(request: "ClientRequest") -> str:
    """The hex SHA-256 of the body as it will be written. Raises `UnsignableBodyError`."""
    body = request.body
    hasher = _Hasher()
    if body:
        if request.compress:
            raise unsignable("compressed stream", "It is compressed while it is sent")
        size = body.size
        # Only what can be rewound knows its length; nothing of all else is read.
        if size is None:
            raise unsignable(type(body).__name__, "It is read only once")
        await body.write_with_length(cast("AbstractStreamWriter", hasher), None)
        if body.consumed or hasher.length != size:
            raise unsignable(type(body).__name__, "It is read only once")
    return hasher.hash.hexdigest()


def _rewinding(request: "ClientRequest") -> Callable[[], None] | None:
    # aiohttp rewinds what it can before it writes it again.
    reusable = not request.body or request.body.size is not None
    return rewinding(b"") if reusable else None
