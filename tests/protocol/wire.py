"""botocore as the other end of the wire: its requests as ours, our responses as its own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import botocore.awsrequest
import botocore.session
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from daypass.protocol import Body, Request, Response, ServiceModel, combine_headers, load_model

REQUEST_ID = "8ea59e6c-6323-11e2-bdb9-7dc0419800e2"


@cache
def model(service: str) -> ServiceModel:
    return load_model(service)


@cache
def their_model(service: str) -> botocore.session.Session:
    return botocore.session.Session().get_service_model(service)


def their_operation(service: str, operation: str) -> OperationModel:
    return their_model(service).operation_model(operation)


def request_of(
    service: str, operation: str, parameters: Mapping[str, Any]
) -> tuple[Request, bytes]:
    """The request that botocore's serializer makes, without validation of its own."""
    serializer = create_serializer(their_model(service).protocol, include_validation=False)
    made = serializer.serialize_to_request(dict(parameters), their_operation(service, operation))
    url = botocore.awsrequest.prepare_request_dict(made, "http://localhost") or made["url"]
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True).encode()
    if isinstance(body, str):
        body = body.encode()
    parts = urlsplit(url)
    headers, repeated = combine_headers(
        (name, str(value)) for name, value in made["headers"].items()
    )
    return Request(made["method"], parts.path, parts.query, headers, repeated), body


def decoded(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What our side reads of botocore's request, after checking that it finds the operation."""
    ours = model(service)
    request, body = request_of(service, operation, parameters)
    assert ours.route(request, request.path, body) == operation
    given: bytes | Body = body
    if ours.streams(operation):
        given = Body(_once(body), len(body))
    return ours.decode(operation, request, request.path, given)


def _once(body: bytes) -> Any:
    pieces = [body, b""]

    async def receive() -> bytes:
        return pieces.pop(0) if len(pieces) > 1 else b""

    return receive


def parsed(service: str, operation: str, output: Mapping[str, Any] | None) -> dict[str, Any]:
    """What botocore's parser reads of our answer."""
    response = model(service).encode(operation, output, REQUEST_ID)
    return parse(service, operation, response)


def parse(service: str, operation: str, response: Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    body: Any = response.body
    shape = their_operation(service, operation).output_shape
    if response.status < 300 and shape is not None and _is_raw(shape):
        body = _Raw(body)
    answer = {
        "status_code": response.status,
        "headers": botocore.awsrequest.HeadersDict(response.headers),
        "body": body,
        "context": {"operation_name": operation},
    }
    result = create_parser(their_model(service).protocol).parse(answer, shape)
    return {
        name: value.body if isinstance(value, _Raw) else value for name, value in result.items()
    }


class _Raw:
    """A body that botocore hands on as the stream it is."""

    def __init__(self, body: bytes) -> None:
        self.body = body


def _is_raw(shape: Shape) -> bool:
    payload = shape.serialization.get("payload")
    return payload is not None and shape.members[payload].type_name in ("blob", "string")


def plain(value: Any) -> Any:
    """A value for comparison: times as UTC datetimes, mappings as dicts."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
