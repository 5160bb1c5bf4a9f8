"""Names under .localhost, which belong to this machine whether or not its resolver knows them."""

import ssl

import httpx


class LoopbackTransport(httpx.BaseTransport):
    """Sends requests for *.localhost to 127.0.0.1, with the Host header they were signed for
    (RFC 6761, section 6.3: such names always mean loopback). http2: offer it to endpoints."""

    def __init__(
        self, verify: ssl.SSLContext, limits: httpx.Limits | None = None, *, http2: bool = False
    ) -> None:
        limits = limits or httpx.Limits()
        self._transport = httpx.HTTPTransport(verify=verify, limits=limits, http2=http2)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host.endswith(".localhost"):
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host="127.0.0.1")
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()
