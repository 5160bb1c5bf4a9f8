"""S3's wire format: the service model's, and what S3 does beside it."""

from collections.abc import Mapping
from typing import Any, Final

from daypass.protocol import Body, Request, Response, ServiceModel
from daypass.services.s3 import post_object
from daypass.services.s3.checksums import check_whole
from daypass.services.s3.forms import is_form

# Its x-amz-checksum-* headers are of the object it makes, not of its body.
_OF_ITS_OBJECT: Final = "CompleteMultipartUpload"


class S3Codec:
    """The codec of S3. Bodies that are read whole are checked against their digests first."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self.encode_error = model.encode_error
        self.unsupported = model.unsupported

    def route(self, request: Request, path: str, body: bytes) -> str:
        """The operation's name. Raises `ServiceError` for one that does not exist."""
        # The model has all operations but this one, which is for browsers.
        if (
            request.method == "POST"
            and not request.query
            and _names_bucket(path)
            and is_form(request.headers.get("content-type", ""))
        ):
            return post_object.NAME
        return self._model.route(request, path, body)

    def streams(self, operation: str) -> bool:
        """Whether the operation takes its body as a stream."""
        return operation == post_object.NAME or self._model.streams(operation)

    def decode(
        self, operation: str, request: Request, path: str, body: bytes | Body
    ) -> dict[str, Any]:
        """The validated input. Raises `ServiceError`."""
        if operation == post_object.NAME:
            return {"Bucket": path.strip("/"), "Body": body}
        if (
            isinstance(body, bytes)
            and request.method in {"PUT", "POST"}
            and operation != _OF_ITS_OBJECT
        ):
            check_whole(request.headers, body, required=operation == "DeleteObjects")
        if "expires" in request.headers:
            request = _without_expires(request)
        return self._model.decode(operation, request, path, body)

    def encode(self, operation: str, output: Mapping[str, Any] | None, request_id: str) -> Response:
        """The answer. Expires is text, as it was stored: S3 keeps even what is no date."""
        if operation == post_object.NAME and output is not None:
            return post_object.encode_post(output)
        if output is None or not isinstance(output.get("Expires"), str):
            return self._model.encode(operation, output, request_id)
        rest = {name: value for name, value in output.items() if name != "Expires"}
        response = self._model.encode(operation, rest, request_id)
        response.headers.append(("expires", output["Expires"]))
        return response

    def record_input(self, operation: str, decoded: Mapping[str, Any]) -> dict[str, Any]:
        """What of an input may be written down."""
        return self._model.record_input(_modelled(operation), decoded)

    def record_output(self, operation: str, output: Mapping[str, Any] | None) -> dict[str, Any]:
        """What of an output may be written down."""
        return self._model.record_output(_modelled(operation), output)


def _modelled(operation: str) -> str:
    """The operation of the model whose members this one has."""
    return "PutObject" if operation == post_object.NAME else operation


def _names_bucket(path: str) -> bool:
    name = path.strip("/")
    return bool(name) and "/" not in name


def _without_expires(request: Request) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != "expires"}
    return Request(
        request.method,
        request.path,
        request.query,
        headers,
        request.repeated,
        request.body,
        request.client,
        request.scheme,
    )
