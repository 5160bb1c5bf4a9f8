"""AWS's query protocol (STS, IAM): form parameters in, XML out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daypass.protocol.coder import Coder
from daypass.protocol.errors import ServiceError
from daypass.protocol.malformed import MalformedEncodingError, MalformedValueError
from daypass.protocol.message import Body, Request, Response
from daypass.protocol.percent import decode_form, decode_query
from daypass.protocol.shapes import Member, ModelError, OperationModel, Shape
from daypass.protocol.text_in import compile_scalar
from daypass.protocol.timestamps import iso8601_seconds
from daypass.protocol.validation import Problem, Strictness, compile_check, summarize
from daypass.protocol.xml_out import compile_content, escape

# The most that an operation of STS or IAM takes is a few hundred (50 tags of two each, policies).
_MOST_PARAMETERS: Final = 4096
_DEEPEST: Final = 16
# Of what the sender sent, in a message.
_LONGEST_SHOWN: Final = 256
_CONTENT_TYPE: Final = ("content-type", "text/xml")
_NAME_PATTERN: Final = r"[\w+=,.@-]+"

Node = str | dict[str, Any]
_Read = Callable[[Node], Any]


@dataclass(frozen=True, slots=True)
class QueryProtocol:
    """The query protocol of one service. version: its API version. namespace: of its answers."""

    version: str
    namespace: str
    operations: frozenset[str]
    strictness: Strictness

    def route(self, request: Request, path: str, body: bytes) -> str:
        """The operation that `Action` names. Raises `ServiceError`."""
        if path not in ("/", ""):
            raise ServiceError("UnknownOperationException", f"There is nothing at {path}.", 404)
        parameters = _parameters(request, body)
        action = parameters.get("Action")
        if not action:
            raise ServiceError("MissingAction", "The request is missing an Action parameter.")
        version = parameters.get("Version")
        if action not in self.operations or version != self.version:
            asked = f"{action[:_LONGEST_SHOWN]} for version {(version or 'NO_VERSION')[:32]}"
            raise ServiceError("InvalidAction", f"Could not find operation {asked}")
        return action

    def compile(self, operation: OperationModel) -> Coder:
        """How this operation's input is read and its output written."""
        return Coder(
            streams=False,
            decode=self._compile_decode(operation),
            encode=self._compile_encode(operation),
        )

    def unsupported(self, operation: str) -> ServiceError:
        """The error for an operation that exists at AWS and not here."""
        return ServiceError("InvalidAction", f"The operation {operation} is not supported here.")

    def encode_error(self, error: ServiceError, request: Request, request_id: str) -> Response:
        """The error as an ErrorResponse document."""
        fields = "".join(
            f"<{name}>{escape(value)}</{name}>" for name, value in error.fields.items()
        )
        kind = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f'<ErrorResponse xmlns="{self.namespace}"><Error><Type>{kind}</Type>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>{fields}"
            f"</Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
        )
        body = b"" if request.method == "HEAD" else text.encode()
        return Response(error.status, [_CONTENT_TYPE, *error.headers.items()], body)

    def _compile_decode(
        self, operation: OperationModel
    ) -> Callable[[Request, str, bytes | Body], dict[str, Any]]:
        read = _read_structure(operation.input)
        check = compile_check(operation.input, self.strictness)

        def decode(request: Request, _path: str, body: bytes | Body) -> dict[str, Any]:
            if isinstance(body, Body):
                raise TypeError("The query protocol reads whole bodies.")
            values: dict[str, Any] = read(_nest(_parameters(request, body)))
            problems: list[Problem] = []
            if check is not None:
                check(values, "", problems)
            if problems:
                raise _invalid(problems)
            return values

        return decode

    def _compile_encode(
        self, operation: OperationModel
    ) -> Callable[[Mapping[str, Any] | None, str], Response]:
        name, wrapper = operation.name, operation.result_wrapper
        opening = f'<{name}Response xmlns="{self.namespace}">'
        closing = f"</RequestId></ResponseMetadata></{name}Response>"
        metadata = "<ResponseMetadata><RequestId>"
        if operation.output is None:
            head = f"{opening}{metadata}"
            return lambda _, request_id: Response(
                operation.status, [_CONTENT_TYPE], f"{head}{request_id}{closing}".encode()
            )
        content = compile_content(operation.output, iso8601_seconds)
        start = f"{opening}<{wrapper}>" if wrapper else opening
        middle = f"</{wrapper}>{metadata}" if wrapper else metadata

        def encode(output: Mapping[str, Any] | None, request_id: str) -> Response:
            text = f"{start}{content(output or {})}{middle}{request_id}{closing}"
            return Response(operation.status, [_CONTENT_TYPE], text.encode())

        return encode


def _parameters(request: Request, body: bytes) -> dict[str, str]:
    """Every parameter of the request by name, of its query and its form. Raises `ServiceError`."""
    if request.parameters is None:
        request.parameters = _read_parameters(request, body)
    return request.parameters


def _read_parameters(request: Request, body: bytes) -> dict[str, str]:
    if request.method not in ("GET", "POST"):
        raise ServiceError("MethodNotAllowed", f"Method {request.method} is not allowed here.", 405)
    try:
        pairs = decode_query(request.query)
        if request.method == "POST":
            pairs += decode_form(body)
    except MalformedEncodingError as error:
        raise _malformed(f"The request's parameters cannot be read: {error}.") from None
    if len(pairs) > _MOST_PARAMETERS:
        raise _malformed(f"The request has more than {_MOST_PARAMETERS} parameters.")
    parameters = dict(pairs)
    # One reader takes the first of two values and another the last: neither is believed.
    if len(parameters) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in parameters if names.count(name) > 1)
        raise _malformed(f"The parameter {repeated} was given more than once.")
    return parameters


def _nest(parameters: dict[str, str]) -> dict[str, Any]:
    """Parameters with dotted names as a tree: Tags.member.1.Key is four levels deep."""
    tree: dict[str, Any] = {}
    for name, value in parameters.items():
        node = tree
        branches: Sequence[str] = ()
        leaf = name
        if "." in name:
            *branches, leaf = name.split(".", _DEEPEST)
        for branch in branches:
            node = node.setdefault(branch, {})
            if isinstance(node, str):
                raise _malformed(f"The parameter {name} goes below one that has a value itself.")
        if leaf in node:
            raise _malformed(f"The parameter {name} has a value and parameters below it.")
        node[leaf] = value
    return tree


def _compile_read(place: Member) -> _Read:
    shape = place.shape
    if shape.kind == "structure":
        return _read_structure(shape)
    if shape.kind == "list":
        return _read_list(place)
    if shape.kind == "map":
        return _read_map(place)
    if shape.kind in ("string", "character"):
        return lambda node: node if isinstance(node, str) else _refuse_branch(place)
    scalar = compile_scalar(place, "iso8601")

    def read(node: Node) -> Any:
        try:
            return scalar(node if isinstance(node, str) else _refuse_branch(place))
        except MalformedValueError as error:
            raise _malformed(f"The value of {place.name} is {error}.") from None

    return read


def _read_structure(shape: Shape) -> _Read:
    readers = [
        (_wire(member), name, _compile_read(member)) for name, member in shape.members.items()
    ]

    def read(node: Node) -> dict[str, Any]:
        if isinstance(node, str):
            raise _malformed(f"A value stands where members of {shape.name} are expected.")
        return {name: inner(node[wire]) for wire, name, inner in readers if wire in node}

    return read


def _wire(member: Member) -> str:
    """A member's name in parameters: of a flattened list, its elements' name, if they have one"""
    element = member.shape.element
    return element.wire if member.flattened and element and element.named else member.wire


def _read_list(place: Member) -> _Read:
    element = place.shape.element
    if element is None:
        raise ModelError(f"The list {place.shape.name} does not say what it holds.")
    inner = _compile_read(element)
    step = "" if place.flattened else (element.wire if element.named else "member")

    def read(node: Node) -> list[Any]:
        if node == "":
            return []
        return [inner(item) for item in _numbered(node, step, place)]

    return read


def _read_map(place: Member) -> _Read:
    key, value = place.shape.key, place.shape.value
    if key is None or value is None:
        raise ModelError(f"The map {place.shape.name} does not say what it holds.")
    read_key, read_value = _compile_read(key), _compile_read(value)
    step = "" if place.flattened else "entry"

    def read(node: Node) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for entry in _numbered(node, step, place):
            if not isinstance(entry, dict) or key.wire not in entry or value.wire not in entry:
                raise _malformed(f"An entry of {place.name} lacks its key or its value.")
            name = read_key(entry[key.wire])
            if name in values:
                raise _malformed(f"The key {name} of {place.name} was given more than once.")
            values[name] = read_value(entry[value.wire])
        return values

    return read


def _numbered(node: Node, step: str, place: Member) -> list[Node]:
    """The elements below a list's parameter, which are numbered from 1 without a gap."""
    below = node.get(step) if step and isinstance(node, dict) and len(node) == 1 else node
    if (step and below is node) or not isinstance(below, dict):
        raise _malformed(f"The parameters of the list {place.name} are not {place.name}.{step}.N.")
    try:
        return [below[str(number)] for number in range(1, len(below) + 1)]
    except KeyError:
        raise _malformed(f"The elements of {place.name} are not numbered 1, 2, 3.") from None


def _refuse_branch(place: Member) -> str:
    raise _malformed(f"{place.name} is one value, and the request has parameters below it.")


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedInput", message[:_LONGEST_SHOWN])


def _invalid(problems: list[Problem]) -> ServiceError:
    # IAM has a sentence of its own for the names of its entities.
    named = [problem for problem in problems if _is_name(problem)]
    if named and len(named) == len(problems):
        message = (
            f"The specified value for {named[0].where} is invalid. It must contain only "
            "alphanumeric characters and/or the following: +=,.@_-"
        )
        return ServiceError("ValidationError", message)
    return ServiceError("ValidationError", summarize(problems))


def _is_name(problem: Problem) -> bool:
    return problem.shape.pattern == _NAME_PATTERN and problem.constraint.endswith(_NAME_PATTERN)
