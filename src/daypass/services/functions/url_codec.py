"""How requests to Function URLs are read and answered; there is one operation, on every path."""

import json
from collections.abc import Mapping
from typing import Any, Final

from daypass.gateway.operation import Output
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body, Request, Response

OPERATION: Final = "InvokeFunctionUrl"
_JSON: Final = ("content-type", "application/json")
_FORBIDDEN: Final = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_DENIED: Final = "AccessDeniedException"


def split_path(path: str) -> tuple[str, str]:
    """The id of the URL and the path after it, from "/<id>/<path as sent>"."""
    url_id, slash, rest = path[1:].partition("/")
    return url_id.lower(), slash + rest or "/"


def unknown_url() -> Response:
    """The answer where there is no URL."""
    return _error(403, _DENIED, {"Message": None})


def forbidden_url() -> Response:
    """The answer of a URL whose alias was deleted."""
    return _error(403, _DENIED, {"Message": _FORBIDDEN})


class UrlCodec:
    """The `Codec` of Function URLs. Input: UrlId, RawPath, Body. Output: Response."""

    def route(self, request: Request, path: str, body: bytes) -> str:  # noqa: ARG002 - of the interface
        return OPERATION

    def streams(self, operation: str) -> bool:  # noqa: ARG002
        return False

    def decode(
        self,
        operation: str,  # noqa: ARG002
        request: Request,  # noqa: ARG002
        path: str,
        body: bytes | Body,
    ) -> dict[str, Any]:
        url_id, raw_path = split_path(path)
        return {"UrlId": url_id, "RawPath": raw_path, "Body": body}

    def encode(self, operation: str, output: Output, request_id: str) -> Response:  # noqa: ARG002
        assert output is not None
        response: Response = output["Response"]
        return response

    def encode_error(self, error: ServiceError, request: Request, request_id: str) -> Response:  # noqa: ARG002
        if error.status == 502:
            return Response(502, [("content-type", "text/plain")], error.message.encode())
        # With AuthType AWS_IAM no policy lets an unsigned caller in; Lambda does not tell it apart.
        if error.code in {_DENIED, "MissingAuthenticationTokenException"}:
            return forbidden_url()
        if error.status == 413:
            return _error(413, error.code, {"Message": error.message})
        # Refusals of signatures and throttling: `message`, where the others say `Message`.
        return _error(error.status, error.code, {**error.fields, "message": error.message})

    def record_input(self, operation: str, decoded: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        # A path may be a secret of the function's, and its body is.
        return {"urlId": decoded["UrlId"]}

    def record_output(self, operation: str, output: Output) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def unsupported(self, operation: str) -> ServiceError:
        return ServiceError("UnknownOperationException", f"{operation} is not supported.", 404)


def _error(status: int, code: str, body: dict[str, str | None]) -> Response:
    text = json.dumps(body, separators=(",", ":")).encode()
    return Response(status, [_JSON, ("x-amzn-errortype", code)], text)
