"""AWS's json protocol, version 1.1 (CloudWatch Logs): one path, the operation named in a header."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daypass.protocol.coder import Coder
from daypass.protocol.errors import ServiceError
from daypass.protocol.json_body import compile_reader, compile_writer, dump, parse_object
from daypass.protocol.malformed import MalformedBodyError
from daypass.protocol.message import Body, Request, Response
from daypass.protocol.shapes import EMPTY, Member, OperationModel, Shape
from daypass.protocol.validation import Problem, Strictness, compile_check, summarize

_ESCAPE: Final = b"\\u"


@dataclass(frozen=True, slots=True)
class JsonRpcProtocol:
    """The json protocol of one service.

    version: of the content type, "1.1". target: what stands before the operation's name in
    X-Amz-Target. invalid: the code of the error for input that breaks the model's constraints.
    """

    version: str
    target: str
    operations: frozenset[str]
    strictness: Strictness
    invalid: str

    def route(self, request: Request, path: str, _body: bytes) -> str:
        """The operation that X-Amz-Target names. Raises `ServiceError`."""
        prefix, _, name = request.headers.get("x-amz-target", "").partition(".")
        if (
            request.method != "POST"
            or path not in ("/", "")
            or prefix != self.target
            or name not in self.operations
            or "x-amz-target" in request.repeated
        ):
            raise ServiceError("UnknownOperationException", "")
        return name

    def compile(self, operation: OperationModel) -> Coder:
        """How this operation's input is read and its output written."""
        return Coder(
            streams=False,
            decode=self._compile_decode(operation),
            encode=self._compile_encode(operation),
        )

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here."""
        message = f"The operation {operation} is not supported here."
        return ServiceError("UnknownOperationException", message)

    def encode_error(self, error: ServiceError, request: Request, _request_id: str) -> Response:
        """The error as JSON. Whatever is wrong with a request is status 400 in this protocol."""
        status = 400 if 400 <= error.status < 500 else error.status
        text: dict[str, str] = {"__type": error.code}
        if error.message:
            text["message"] = error.message
        body = b"" if request.method == "HEAD" else dump({**text, **error.fields})
        return Response(status, [self._content_type(), *error.headers.items()], body)

    def _content_type(self) -> tuple[str, str]:
        return ("content-type", f"application/x-amz-json-{self.version}")

    def _compile_decode(
        self, operation: OperationModel
    ) -> Callable[[Request, str, bytes | Body], dict[str, Any]]:
        read = compile_reader(_whole(operation.input))
        check = compile_check(operation.input, self.strictness)

        def decode(_request: Request, _path: str, body: bytes | Body) -> dict[str, Any]:
            if isinstance(body, Body):
                raise TypeError("The json protocol reads whole bodies.")
            try:
                document = parse_object(body)
                values: dict[str, Any] = read(_encodable(document) if _ESCAPE in body else document)
            except MalformedBodyError as error:
                raise ServiceError("SerializationException", f"The body: {error}.") from None
            problems: list[Problem] = []
            if check is not None:
                check(values, "", problems)
            if problems:
                raise ServiceError(self.invalid, summarize(problems))
            return values

        return decode

    def _compile_encode(
        self, operation: OperationModel
    ) -> Callable[[Mapping[str, Any] | None, str], Response]:
        content_type = self._content_type()
        if operation.output is None:
            return lambda _output, _request_id: Response(200, [content_type])
        write = compile_writer(_whole(operation.output))
        return lambda output, _request_id: Response(
            200, [content_type], dump(write(dict(output or {})))
        )


def _encodable(document: dict[str, Any]) -> dict[str, Any]:
    """Halves of characters, which JSON can escape and UTF-8 cannot hold, become "?"."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        replaced: dict[str, Any] = json.loads(text.encode(errors="replace"))
        return replaced
    return document


def _whole(shape: Shape | None) -> Member:
    given = shape or EMPTY
    return Member(given.name, given, given.name)
