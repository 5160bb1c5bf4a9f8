"""Signing requests of httpx and requests: one object for both."""

import time
from collections.abc import AsyncGenerator, Callable, Generator, MutableMapping
from typing import Final, Literal, Protocol, TypeVar

import anyio.to_thread
import httpx
from httpx._multipart import MultipartStream  # httpx has no public name for it

from daypass.client.bodies import UNSIGNED, file_behind, hash_pieces, payload_of
from daypass.client.endpoints import Scope, resolve
from daypass.client.errors import UnsignableBodyError
from daypass.client.providers import (
    AssumeRole,
    Cached,
    CredentialsProvider,
    Profile,
    Static,
    standard_chain,
)
from daypass.client.sts import Endpoint, RoleRequest
from daypass.sigv4 import Credentials, HttpRequest, sign

# What is signed of the caller's headers, beside every x-amz-*: proxies may change the others on
# the way, and what is not signed may change without harm.
_SIGNED: Final = frozenset({"host", "content-type", "content-md5"})
# What signing sets itself, and what an earlier signature may have left.
_OURS: Final = frozenset(
    {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
)


class PreparedRequest(Protocol):
    """A `requests.PreparedRequest`, as far as signing needs it."""

    method: str | None
    url: str | None
    body: object
    headers: MutableMapping[str, str]


Prepared = TypeVar("Prepared", bound=PreparedRequest)


class Auth(httpx.Auth):
    """AWS Signature Version 4 for `httpx.get(url, auth=Auth())` and `requests.get(…)` alike.

    service, region: inferred from the URL where not given (see `daypass.client.endpoints`).
    credentials: a snapshot or a provider; otherwise the named profile, otherwise the environment
    and the AWS SDK's chain. role: the ARN of a role to assume with these first; its credentials
    are kept and renewed. payload "unsigned" (S3 only) sends bodies without a hash, as streams
    that are read once need. Safe to share between threads and tasks. Sending raises
    `daypass.client.ClientError` when a request cannot be signed.
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
        self._provider = _provider(credentials, profile, role, region)
        self._payload = payload
        self._clock = clock

    def scope(self, url: str) -> Scope:
        """What a request to this URL is signed for, and why."""
        return resolve(url, self._service, self._region, self._profile.region)

    # -- httpx ---------------------------------------------------------------------------------

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        self._sign_httpx(request)
        yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        # Renewing credentials and hashing files block.
        await anyio.to_thread.run_sync(self._sign_httpx, request)
        yield request

    def _sign_httpx(self, request: httpx.Request) -> None:
        url = request.url
        sent = f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"
        headers = request.headers.multi_items()
        signed = self._signed(request.method, sent, headers, lambda: _body(request))
        for name in _OURS:
            request.headers.pop(name, None)
        request.headers.update(signed)

    # -- requests ------------------------------------------------------------------------------

    def __call__(self, request: Prepared) -> Prepared:
        headers = [
            (name, value.decode("latin-1") if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ]
        signed = self._signed(
            request.method or "GET", request.url or "", headers, lambda: payload_of(request.body)
        )
        for name in _OURS:
            request.headers.pop(name, None)
        request.headers.update(signed)
        return request

    # -- both ----------------------------------------------------------------------------------

    def _signed(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: Callable[[], bytes | str],
    ) -> list[tuple[str, str]]:
        """The headers to set on the request."""
        scope = self.scope(url)
        if self._payload == "unsigned" and scope.service != "s3":
            raise UnsignableBodyError(
                f"A request to {scope.service} cannot be sent with an unsigned payload.",
                "Only S3 takes UNSIGNED-PAYLOAD.",
                'Leave out payload="unsigned".',
            )
        kept = [(name, value) for name, value in headers if _is_signed(name.lower())]
        payload = UNSIGNED if self._payload == "unsigned" else body()
        signed = sign(
            HttpRequest(method, url, kept, payload),
            self._provider.credentials(),
            service=scope.service,
            region=scope.region,
            now=self._clock(),
        )
        ours = _OURS | {"host"}
        return [(name, value) for name, value in signed if name.lower() in ours]


def _is_signed(name: str) -> bool:
    return name in _SIGNED or (name.startswith("x-amz-") and name not in _OURS)


def _body(request: httpx.Request) -> bytes | str:
    try:
        return request.content
    except httpx.RequestNotRead:
        stream = request.stream
    if isinstance(stream, MultipartStream):
        return hash_pieces(stream, request.headers.get("content-length"))
    return payload_of(file_behind(stream))


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
