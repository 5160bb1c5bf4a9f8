"""What the account publishes as an issuer of tokens: the discovery document and its keys.

OpenID Connect Discovery 1.0, section 4. Anybody may read them, as at AWS.
"""

import json
from typing import Any, Final

from daypass.federation.oidc import SIGNING_ALGORITHMS
from daypass.gateway.node import ISSUER_PATH, Node
from daypass.protocol.message import Request, Response

# Seconds others may keep it: keys are published long before they sign.
_MAX_AGE: Final = 300
_CLAIMS: Final = ("aud", "exp", "iat", "iss", "jti", "sub", "https://sts.amazonaws.com/")


def answer_issuer(node: Node, request: Request, path: str) -> Response | None:
    """The answer to a request for what the issuer publishes; None for any other request."""
    if not path.startswith(ISSUER_PATH) or request.method not in {"GET", "HEAD"}:
        return None
    issuer = node.token_issuer
    name, _, document = path.removeprefix(ISSUER_PATH).partition("/")
    # What was issued before it was disabled stays good, and so must be verifiable.
    if not issuer.id or name != issuer.id:
        return _json({"error": "There is no such issuer."}, 404, max_age=0)
    if document == ".well-known/openid-configuration":
        return _json(_configuration(node.issuer_url()), 200, max_age=_MAX_AGE)
    if document == ".well-known/jwks.json":
        return _json(issuer.published(node.clock()), 200, max_age=_MAX_AGE)
    return _json({"error": "There is no such document."}, 404, max_age=0)


def _configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid"],
        "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "claims_supported": list(_CLAIMS),
    }


def _json(document: dict[str, Any], status: int, *, max_age: int) -> Response:
    headers = [
        ("content-type", "application/json"),
        ("cache-control", f"public, max-age={max_age}" if max_age else "no-store"),
        ("x-content-type-options", "nosniff"),
    ]
    return Response(status, headers, json.dumps(document, separators=(",", ":")).encode())
