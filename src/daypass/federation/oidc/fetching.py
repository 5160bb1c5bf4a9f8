"""Fetching a JSON document from where an identity provider says it is, and from nowhere else.

The provider's URLs are other people's text: what is fetched is bounded in size and time, never a
redirect, never from a private network unless the operator allows it, and always from the address
that was checked.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpx

from daypass.federation.oidc.addresses import ForbiddenAddressError, resolve
from daypass.federation.oidc.errors import (
    InvalidTokenError,
    UnreachableProviderError,
    no_verification_key,
)
from daypass.federation.oidc.thumbprints import anchored_context

# url and thumbprints to the document.
Fetch = Callable[[str, Sequence[str]], Awaitable[dict[str, Any]]]

# AWS's own limit ("InvalidIdentityToken", AWS re:Post), for all of it: names, TLS and body.
_SECONDS: Final = 5.0
_LARGEST: Final = 512 * 1024
_ADDRESSES_TRIED: Final = 3
_PORTS: Final = {"https": 443, "http": 80}

_log = logging.getLogger("daypass.federation")


class _RefusedError(Exception):
    """What the provider sent, or where it says to look, is not taken. The text is for the log."""


class HttpFetcher:
    """Fetches over HTTPS. allow_private: also from private addresses, and there by plain HTTP."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._trusted: ssl.SSLContext | None = None

    async def __call__(self, url: str, thumbprints: Sequence[str]) -> dict[str, Any]:
        """The JSON object at this URL. Raises `FederationError`; the reason is in the log."""
        try:
            async with asyncio.timeout(_SECONDS):
                return _document(await self._fetch(url, thumbprints))
        except (_RefusedError, ForbiddenAddressError) as refused:
            _log.warning("identity provider: %s: %s", _shown(url), refused)
            raise no_verification_key() from refused
        except (httpx.HTTPError, OSError) as error:
            # TimeoutError is an OSError.
            _log.warning("identity provider: %s: %s", _shown(url), type(error).__name__)
            raise UnreachableProviderError(
                "Error communicating with the identity provider. Retry the request."
            ) from error

    async def _fetch(self, url: str, thumbprints: Sequence[str]) -> bytes:
        target = _checked(url, allow_http=self._allow_private)
        host, port = str(target.hostname), target.port or _PORTS[target.scheme]
        addresses = await resolve(host, port, allow_private=self._allow_private)
        failure: Exception = OSError("no address")
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return await self._fetch_from(address, target, port, thumbprints)
            except httpx.ConnectError as error:
                failure = error
        raise failure

    async def _fetch_from(
        self, address: str, target: SplitResult, port: int, thumbprints: Sequence[str]
    ) -> bytes:
        if self._trusted is None:
            # Mozilla's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR.
            self._trusted = httpx.create_ssl_context()
        try:
            return await _get(address, target, port, self._trusted)
        except httpx.ConnectError as error:
            if not thumbprints or not _is_untrusted(error):
                raise
        anchored = await asyncio.to_thread(
            anchored_context, address, port, str(target.hostname), thumbprints, _SECONDS
        )
        if anchored is None:
            raise InvalidTokenError(
                "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
            )
        return await _get(address, target, port, anchored)


async def _get(address: str, target: SplitResult, port: int, tls: ssl.SSLContext) -> bytes:
    """The body of a 200 from exactly this address, in the name of the URL's host."""
    host = f"[{address}]" if ":" in address else address
    url = f"{target.scheme}://{host}:{port}{target.path or '/'}"
    if target.query:
        url += f"?{target.query}"
    headers = {"host": target.netloc, "accept": "application/json", "accept-encoding": "identity"}
    # No environment: a proxy would resolve the name anew, and netrc would send credentials.
    async with (
        httpx.AsyncClient(trust_env=False, verify=tls, timeout=_SECONDS) as client,
        client.stream(
            "GET", url, headers=headers, extensions={"sni_hostname": target.hostname}
        ) as response,
    ):
        if response.status_code in {429, *range(500, 600)}:
            raise httpx.HTTPStatusError(
                "an error of the provider's", request=response.request, response=response
            )
        if response.status_code != 200:
            raise _RefusedError(f"status {response.status_code}, not 200 (redirects are refused)")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _RefusedError("the body is compressed, which was not asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _LARGEST:
                raise _RefusedError(f"the body is larger than {_LARGEST} bytes")
        return bytes(body)


def _checked(url: str, *, allow_http: bool) -> SplitResult:
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError as error:
        raise _RefusedError("not a URL") from error
    if target.scheme != "https" and not (allow_http and target.scheme == "http"):
        raise _RefusedError("the URL is not https")
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not target.hostname or "@" in target.netloc or target.fragment or port == 0 or not plain:
        raise _RefusedError("not a plain URL of a host")
    return target


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError("the body is not JSON") from error
    if not isinstance(document, dict):
        raise _RefusedError("the body is not a JSON object")
    return document


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a connection failed because no trusted authority vouches for the certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _shown(url: str) -> str:
    """A URL for the log: without a query, and nothing that could write a line of its own."""
    return ascii(url.partition("?")[0][:255])
