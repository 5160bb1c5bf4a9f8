"""AWS's rest-json protocol (Lambda): JSON bodies, errors named in a header."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daypass.protocol.coder import Coder
from daypass.protocol.errors import ServiceError
from daypass.protocol.faults import Misrouted
from daypass.protocol.json_body import compile_reader, compile_writer, dump, parse_object
from daypass.protocol.message import Request, Response
from daypass.protocol.rest_in import compile_decode, query_pairs
from daypass.protocol.rest_out import compile_encode, header_text
from daypass.protocol.routing import Router, UnroutedError
from daypass.protocol.shapes import Member, OperationModel
from daypass.protocol.validation import Problem, Strictness, summarize

_CONTENT_TYPE: Final = "application/json"


class JsonFaults:
    """The errors of Coral, AWS's framework behind its JSON services."""

    def misrouted(self, request: Request, path: str, _why: Misrouted) -> ServiceError:
        return ServiceError(
            "UnknownOperationException", f"No operation is {request.method} {path[:256]}.", 404
        )

    def malformed_uri(self, detail: str) -> ServiceError:
        return ServiceError("SerializationException", f"The URI cannot be read: {detail}.")

    def malformed_body(self, detail: str) -> ServiceError:
        message = f"Could not parse request body into json: {detail}"
        return ServiceError("SerializationException", message)

    def malformed_value(self, member: Member, _text: str) -> ServiceError:
        message = f"STRING_VALUE can not be converted to the type of {member.wire}."
        return ServiceError("SerializationException", message)

    def repeated(self, member: Member) -> ServiceError:
        message = f"{member.wire} has one value and was given more than once."
        return ServiceError("SerializationException", message)

    def invalid(self, _members: dict[str, Member], problems: Sequence[Problem]) -> ServiceError:
        return ServiceError("ValidationException", summarize(problems))

    def unsupported(self, operation: str) -> ServiceError:
        message = f"The operation {operation} is not supported here."
        return ServiceError("UnknownOperationException", message, 404)


@dataclass(frozen=True, slots=True)
class RestJsonProtocol:
    """The rest-json protocol of one service.

    message_members: for each error of the model, whether its text is `message` or `Message`.
    """

    router: Router
    faults: JsonFaults
    strictness: Strictness
    message_members: Mapping[str, str]

    def route(self, request: Request, path: str, _body: bytes) -> str:
        """The operation of this method, path and query. Raises `ServiceError`."""
        query = dict(query_pairs(request.query, self.faults))
        try:
            return self.router.find(request.method, path, query, request.headers)
        except UnroutedError as error:
            raise self.faults.misrouted(request, path, error.why) from None

    def compile(self, operation: OperationModel) -> Coder:
        """How this operation's input is read and its output written."""
        payload = operation.input.members.get(operation.input.payload)
        return Coder(
            streams=payload is not None and payload.streaming,
            decode=compile_decode(operation, self.faults, self.strictness, _compile_read),
            encode=compile_encode(operation, _compile_write, _CONTENT_TYPE, _CONTENT_TYPE),
        )

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here."""
        return self.faults.unsupported(operation)

    def encode_error(self, error: ServiceError, request: Request, _request_id: str) -> Response:
        """The error as JSON, its code in the header that every SDK reads it from."""
        member = self.message_members.get(error.code, "message")
        text = {"Type": "Service" if error.status >= 500 else "User", member: error.message}
        headers = [("content-type", _CONTENT_TYPE), ("x-amzn-errortype", header_text(error.code))]
        body = b"" if request.method == "HEAD" else dump({**text, **error.fields})
        return Response(error.status, [*headers, *error.headers.items()], body)


def message_members(shapes: Mapping[str, Any]) -> dict[str, str]:
    """For each error of a model the name of the member that holds its text."""
    found = {"AccessDeniedException": "Message"}
    for name, shape in shapes.items():
        if shape.get("exception") and "Message" in shape["members"]:
            found[shape.get("error", {}).get("code", name)] = "Message"
    return found


def _compile_read(place: Member) -> Callable[[bytes], Any]:
    read = compile_reader(place)
    return lambda body: read(parse_object(body))


def _compile_write(place: Member) -> Callable[[Any], bytes]:
    write = compile_writer(place)
    return lambda value: dump(write(value))
