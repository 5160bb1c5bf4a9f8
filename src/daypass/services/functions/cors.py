"""What a Function URL tells browsers: answers to preflights, and headers on every reply.

An origin is only ever answered with itself when it is configured by name. With "*" the answer is
"*", which browsers do not combine with credentials, so no stranger's page can use a cookie.
"""

from typing import Final

from daypass.protocol.message import Request, Response
from daypass.store.functions import Cors

_PREFIX: Final = "access-control-"


def answer_preflight(cors: Cors, request: Request) -> Response | None:
    """The answer to a preflight request; None if the request is none."""
    if request.method != "OPTIONS" or "access-control-request-method" not in request.headers:
        return None
    if "origin" not in request.headers:
        return None
    headers = _origin_headers(cors, request)
    if any(name == f"{_PREFIX}allow-origin" for name, _ in headers):
        for name, values in (
            ("allow-methods", cors.allow_methods),
            ("allow-headers", cors.allow_headers),
        ):
            if values:
                headers.append((_PREFIX + name, ",".join(values)))
        if cors.max_age is not None:
            headers.append((f"{_PREFIX}max-age", str(cors.max_age)))
    return Response(200, headers)


def add_headers(cors: Cors, request: Request, response: Response) -> None:
    """Add the configured headers to what the function itself said of CORS.

    Where both say something, both are sent, as Lambda does; browsers take no header given twice.
    """
    if "origin" in request.headers:
        response.headers += _origin_headers(cors, request)
        if cors.expose_headers:
            exposed = ",".join(cors.expose_headers)
            response.headers.append((f"{_PREFIX}expose-headers", exposed))


def _origin_headers(cors: Cors, request: Request) -> list[tuple[str, str]]:
    origins = cors.allow_origins or ()
    origin = request.headers["origin"]
    headers = [("vary", "Origin")]
    if "*" in origins:
        headers.append((f"{_PREFIX}allow-origin", "*"))
    elif origin in origins:
        headers.append((f"{_PREFIX}allow-origin", origin))
    else:
        return headers
    if cors.allow_credentials:
        headers.append((f"{_PREFIX}allow-credentials", "true"))
    return headers
