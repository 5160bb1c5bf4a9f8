"""One HTTP exchange with an endpoint that issues credentials, by the standard library alone.

A program that only needs credentials does not wait for an HTTP client to be imported.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

# No answer of such an endpoint is near it.
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Answered:
    """headers: by their lower-case names. content: not in the repr, as it may hold secrets."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    timeout: float,
    ca_bundle: str | None = None,
    proxies: bool = True,
) -> Answered:
    """Send a request, and read the answer; redirects are not followed. timeout: seconds for
    connecting, and for each read. proxies: those of the environment are used.

    Raises OSError, for whatever keeps the answer from coming.
    """
    parts = urlsplit(url)
    proxy = _proxy(parts.scheme, parts.netloc) if proxies else None
    sent = {**headers, **_proxy_headers(proxy)} if parts.scheme == "http" else dict(headers)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if proxy and parts.scheme == "http":
        target = f"http://{parts.netloc}{target}"
    try:
        connection = _connection(parts, timeout, ca_bundle, proxy)
        try:
            connection.request(method, target, body or None, sent)
            response = connection.getresponse()
            content = response.read(_MOST_BYTES + 1)
        finally:
            connection.close()
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    if len(content) > _MOST_BYTES:
        raise ConnectionError("the answer is too long")
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answered(response.status, names, content)


def _connection(
    parts: SplitResult, timeout: float, ca_bundle: str | None, proxy: SplitResult | None
) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    # RFC 6761, section 6.3: such names are this machine, whether or not its resolver knows them.
    if parts.scheme == "http" and host.endswith(".localhost"):
        host = "127.0.0.1"
    where, at = (proxy.hostname or "", proxy.port or 8080) if proxy else (host, port)
    if parts.scheme != "https":
        return http.client.HTTPConnection(where, at, timeout=timeout)
    connection = http.client.HTTPSConnection(where, at, timeout=timeout, context=_tls(ca_bundle))
    if proxy:
        connection.set_tunnel(host, port or 443, _proxy_headers(proxy))
    return connection


def _proxy(scheme: str, netloc: str) -> SplitResult | None:
    variables = (f"{scheme}_proxy", "all_proxy")
    named = any(os.environ.get(name) or os.environ.get(name.upper()) for name in variables)
    if not named and sys.platform not in (
        "darwin",
        "win32",
    ):  # those two have settings of their own
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - seldom needed, and slow

    found = getproxies()
    url = None if proxy_bypass(netloc) else found.get(scheme) or found.get("all")
    return urlsplit(url if "//" in url else f"//{url}") if url else None


def _proxy_headers(proxy: SplitResult | None) -> dict[str, str]:
    if proxy is None or not proxy.username:
        return {}
    from base64 import b64encode  # noqa: PLC0415 - seldom needed
    from urllib.parse import unquote  # noqa: PLC0415

    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode('ascii')}"}


@lru_cache(maxsize=8)
def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    if ca_bundle is None and sys.platform == "darwin":
        import certifi  # noqa: PLC0415 - Python there comes without certificates

        ca_bundle = os.environ.get("SSL_CERT_FILE") or certifi.where()
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionError(f"the certificates in {ca_bundle} cannot be used: {error}") from error
