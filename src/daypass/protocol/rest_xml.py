"""AWS's rest-xml protocol, which S3 speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daypass.protocol.coder import Coder
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Request, Response
from daypass.protocol.rest_in import compile_decode, query_pairs
from daypass.protocol.rest_out import Encode, compile_encode
from daypass.protocol.routing import Router, UnroutedError
from daypass.protocol.s3 import ROOTS, S3Faults, is_lenient
from daypass.protocol.shapes import Member, OperationModel
from daypass.protocol.timestamps import iso8601_milliseconds
from daypass.protocol.validation import Strictness
from daypass.protocol.xml_in import compile_reader, parse_root
from daypass.protocol.xml_out import compile_element, escape

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_CONTENT_TYPE: Final = "application/xml"
_RAW_TYPE: Final = "binary/octet-stream"
_STRICTNESS: Final = Strictness(checks_enum=lambda shape: not is_lenient(shape))


@dataclass(frozen=True, slots=True)
class RestXmlProtocol:
    """The rest-xml protocol of S3."""

    router: Router
    faults: S3Faults

    def route(self, request: Request, path: str, _body: bytes) -> str:
        """The operation of this method, path, query and headers. Raises `ServiceError`."""
        query = dict(query_pairs(request.query, self.faults)) if request.query else {}
        try:
            return self.router.find(request.method, path, query, request.headers)
        except UnroutedError as error:
            raise self.faults.misrouted(request, path, error.why) from None

    def compile(self, operation: OperationModel) -> Coder:
        """How this operation's input is read and its output written."""
        payload = operation.input.members.get(operation.input.payload)
        return Coder(
            streams=payload is not None and payload.streaming,
            decode=compile_decode(operation, self.faults, _STRICTNESS, _compile_read),
            encode=_compile_encode(operation),
        )

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here."""
        return self.faults.unsupported(operation)

    def encode_error(self, error: ServiceError, request: Request, request_id: str) -> Response:
        """The error as S3's Error document; none where HTTP allows no body."""
        headers = [("content-type", _CONTENT_TYPE), *error.headers.items()]
        if request.method == "HEAD" or error.status == 304:
            return Response(error.status, headers if error.status != 304 else headers[1:])
        fields = "".join(
            f"<{name}>{escape(value)}</{name}>" for name, value in error.fields.items()
        )
        identity = escape(request_id)
        text = (
            f"{_DECLARATION}<Error><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message>{fields}"
            f"<RequestId>{identity}</RequestId><HostId>{identity}</HostId></Error>"
        )
        return Response(error.status, headers, text.encode())


def _compile_read(place: Member) -> Callable[[bytes], Any]:
    read, tag = compile_reader(place), place.wire
    return lambda body: read(parse_root(body, tag))


def _compile_encode(operation: OperationModel) -> Encode:
    if operation.name == "GetBucketLocation":
        return _encode_location
    root = ROOTS.get(operation.name, "")

    def compile_write(place: Member) -> Callable[[Any], bytes]:
        document = Member(place.name, place.shape, place.wire, namespace=_NAMESPACE)
        opening, text, closing = compile_element(root or place.wire, document, iso8601_milliseconds)
        return lambda value: f"{_DECLARATION}{opening}{text(value)}{closing}".encode()

    encode = compile_encode(operation, compile_write, _CONTENT_TYPE, _RAW_TYPE)
    if operation.output is None or "ContentRange" not in operation.output.members:
        return encode

    def encode_part(output: Mapping[str, Any] | None, request_id: str) -> Response:
        response = encode(output, request_id)
        # The model has no member for it: a part of an object is 206, the whole of it 200.
        if output and output.get("ContentRange"):
            response.status = 206
        return response

    return encode_part


def _encode_location(output: Mapping[str, Any] | None, _request_id: str) -> Response:
    """GetBucketLocation's answer is a bare text element, which the model has no word for."""
    region = escape((output or {}).get("LocationConstraint") or "")
    text = f"{_DECLARATION}<LocationConstraint{_NAMESPACE}>{region}</LocationConstraint>"
    return Response(200, [("content-type", _CONTENT_TYPE)], text.encode())
