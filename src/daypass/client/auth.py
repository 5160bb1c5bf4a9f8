"""Signing requests of httpx, requests and aiohttp: one object for all three."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast, overload

import anyio.to_thread
import httpx
from httpx._multipart import MultipartStream  # httpx has no public name for it

from daypass.client.bodies import file_behind, hash_pieces, payload_of, rewinding
from daypass.client.endpoints import Scope, resolve
from daypass.client.providers.base import CredentialsProvider, Static
from daypass.client.providers.chain import Profile, standard_chain
from daypass.client.providers.renewing import Cached
from daypass.client.providers.roles import AssumeRole
from daypass.client.refusals import Answer, may_be_refusal
from daypass.client.role_requests import RoleRequest
from daypass.client.settings import Endpoint
from daypass.client.signed import Outgoing, Signed, set_headers
from daypass.client.signer import Signer
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from requests import Response


class PreparedRequest(Protocol):
    """A `requests.PreparedRequest`, as far as signing needs it."""

    method: str | None
    url: str | None
    body: object
    headers: MutableMapping[str, str]

    def register_hook(self, event: str, hook: Callable[..., object]) -> None: ...


Prepared = TypeVar("Prepared", bound=PreparedRequest)


class Auth(httpx.Auth):
    """AWS Signature Version 4, for all three of

        httpx.get(url, auth=Auth())
        requests.get(url, auth=Auth())
        aiohttp.ClientSession(middlewares=[Auth()])

    service, region: inferred from the URL where not given (see `daypass.client.endpoints`).
    credentials: a snapshot or a provider; otherwise the named profile, otherwise the environment
    and the AWS SDK's chain. role: the ARN of a role to assume with these first; its credentials
    are kept and renewed. payload "unsigned" (S3 only) sends bodies without a hash, as streams
    that are read once need. Safe to share between threads and tasks.

    A request that is refused for a wrong clock or an expired session token is sent once more,
    corrected. Sending raises `daypass.client.ClientError`: when a request cannot be signed, and,
    as `SignatureRefusedError` with the diagnosis for its text, when the service does not accept
    the signature. Every other answer is the caller's.
    """

    def __init__(
        self,
        service: str | None = None,
        region: str | None = None,
        credentials: Credentials | CredentialsProvider | None = None,
        profile: str | None = None,
        role: str | RoleRequest | None = None,
        *,
        payload: Literal["signed", "unsigned"] = "signed",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._region = region
        self._profile = Profile(profile)
        self._signer = Signer(
            _provider(credentials, profile, role, region),
            self.scope,
            clock,
            unsigned_payload=payload == "unsigned",
        )

    def scope(self, url: str) -> Scope:
        """What a request to this URL is signed for, and why."""
        return resolve(url, self._service, self._region, self._profile.region)

    # -- httpx ---------------------------------------------------------------------------------

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        signed: Signed | None = self._signer.sign(_of_httpx(request))
        while signed is not None:
            set_headers(request.headers, signed)
            response = yield request
            if not may_be_refusal(response.status_code, response.headers):
                return
            response.read()
            signed = self._signer.after(signed, _answer_of_httpx(response))

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        # In threads: renewing credentials, hashing files and diagnosing block.
        in_thread = anyio.to_thread.run_sync
        signed: Signed | None = await in_thread(self._signer.sign, _of_httpx(request))
        while signed is not None:
            set_headers(request.headers, signed)
            response = yield request
            if not may_be_refusal(response.status_code, response.headers):
                return
            await response.aread()
            signed = await in_thread(self._signer.after, signed, _answer_of_httpx(response))

    # -- requests and aiohttp ------------------------------------------------------------------

    @overload
    def __call__(self, request: Prepared) -> Prepared: ...

    @overload
    def __call__(
        self, request: "ClientRequest", handler: "ClientHandlerType"
    ) -> "Awaitable[ClientResponse]": ...

    def __call__(
        self,
        request: "Prepared | ClientRequest",
        handler: "ClientHandlerType | None" = None,
    ) -> "Prepared | Awaitable[ClientResponse]":
        """Called by requests with a request to sign, by aiohttp with one to sign and send."""
        if handler is not None:
            from daypass.client.aiohttp_middleware import send_signed  # noqa: PLC0415

            return send_signed(self._signer, cast("ClientRequest", request), handler)
        prepared = cast("Prepared", request)
        signed = self._signer.sign(_of_requests(prepared))
        set_headers(prepared.headers, signed)
        prepared.register_hook("response", partial(self._answered, signed))
        return prepared

    def _answered(self, signed: Signed, response: "Response", **options: Any) -> "Response":
        """requests' hook: the answer to give to the caller instead of this one."""
        while may_be_refusal(response.status_code, response.headers):
            again = self._signer.after(signed, _answer_of_requests(response))
            if again is None:
                break
            signed = again
            request = response.request.copy()
            set_headers(request.headers, signed)
            refused = response
            refused.close()
            # As requests' own digest authentication does it; the connection is untyped there.
            response = refused.connection.send(request, **options)
            response.history.append(refused)
            response.request = request
        return response


# -- httpx -------------------------------------------------------------------------------------


def _of_httpx(request: httpx.Request) -> Outgoing:
    payload, rewind = _body_of_httpx(request)
    url = _url_of_httpx(request)
    return Outgoing(request.method, url, request.headers.multi_items(), payload, rewind)


def _url_of_httpx(request: httpx.Request) -> str:
    url = request.url
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"


def _body_of_httpx(
    request: httpx.Request,
) -> tuple[Callable[[], bytes | str], Callable[[], None] | None]:
    """What gives the body's bytes or hash, and what makes it ready to be sent again."""
    try:
        content = request.content
    except httpx.RequestNotRead:
        stream = request.stream
    else:
        return lambda: content, rewinding(content)
    if isinstance(stream, MultipartStream):
        # It makes its pieces anew each time. It tells its length if it can rewind its files.
        length = request.headers.get("content-length")
        return lambda: hash_pieces(stream, length), rewinding(b"") if length else None
    body = file_behind(stream)
    return lambda: payload_of(body), rewinding(body)


def _answer_of_httpx(response: httpx.Response) -> Answer:
    url = _url_of_httpx(response.request)
    return Answer(response.status_code, url, response.headers, response.content, response)


# -- requests ----------------------------------------------------------------------------------


def _of_requests(request: PreparedRequest) -> Outgoing:
    body = request.body
    return Outgoing(
        request.method or "GET",
        request.url or "",
        [(name, _as_text(value)) for name, value in request.headers.items()],
        lambda: payload_of(body),
        rewinding(body),
    )


def _as_text(value: str | bytes) -> str:
    """A header's value, which some hand over as bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _answer_of_requests(response: "Response") -> Answer:
    return Answer(response.status_code, response.url, response.headers, response.content, response)


def _provider(
    credentials: Credentials | CredentialsProvider | None,
    profile: str | None,
    role: str | RoleRequest | None,
    region: str | None,
) -> CredentialsProvider:
    source: CredentialsProvider
    if credentials is None:
        source = standard_chain(profile)
    elif isinstance(credentials, Credentials):
        source = Static(credentials)
    else:
        source = credentials
    if role is None:
        return source
    wanted = RoleRequest(role) if isinstance(role, str) else role
    return Cached(AssumeRole(wanted, source, Endpoint(region=region, profile=profile)))
