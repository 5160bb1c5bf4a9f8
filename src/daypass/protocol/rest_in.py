"""Reading the input of a REST operation from its path, query, headers and body."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from daypass.protocol.faults import RestFaults
from daypass.protocol.malformed import (
    MalformedBodyError,
    MalformedEncodingError,
    MalformedValueError,
)
from daypass.protocol.message import Body, Request
from daypass.protocol.percent import Pairs, decode_query, decode_segment
from daypass.protocol.shapes import Member, OperationModel, Shape
from daypass.protocol.text_in import Scalar, compile_scalar, read_line
from daypass.protocol.validation import Problem, Strictness, compile_check

ReadBody = Callable[[bytes], Any]
CompileBody = Callable[[Member], ReadBody]
Decode = Callable[[Request, str, bytes | Body], dict[str, Any]]

# An element of a header's list: quoted, with \ before what it escapes, or plain.
_LIST_ELEMENT: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|$)')


def compile_decode(
    operation: OperationModel, faults: RestFaults, strictness: Strictness, compile_body: CompileBody
) -> Decode:
    """A closure that reads and validates the input of an operation. Raises `ServiceError`."""
    members = operation.input.members
    read_labels = _compile_labels(operation, faults)
    read_query = _compile_query(operation.input, faults)
    read_headers = _compile_headers(operation.input, faults)
    read_body = _compile_body(operation, faults, compile_body)
    check = compile_check(operation.input, strictness)

    def decode(request: Request, path: str, body: bytes | Body) -> dict[str, Any]:
        values: dict[str, Any] = {}
        read_labels(path, values)
        if request.query:
            read_query(query_pairs(request.query, faults), values)
        read_headers(request, values)
        read_body(body, values)
        if check is not None:
            problems: list[Problem] = []
            check(values, "", problems)
            if problems:
                raise faults.invalid(members, problems)
        return values

    return decode


def query_pairs(query: str, faults: RestFaults) -> Pairs:
    """The query's pairs. Raises the service's error for one that cannot be read."""
    try:
        return decode_query(query)
    except MalformedEncodingError as error:
        raise faults.malformed_uri(str(error)) from None


def _compile_labels(
    operation: OperationModel, faults: RestFaults
) -> Callable[[str, dict[str, Any]], None]:
    by_wire = {m.wire: m for m in operation.input.members.values() if m.location == "uri"}
    template = operation.uri.partition("?")[0].split("/")[1:]
    labels: list[tuple[int, Member, Scalar]] = []
    for index, segment in enumerate(template):
        if segment.startswith("{"):
            member = by_wire[segment.strip("{+}")]
            labels.append((index, member, compile_scalar(member, "iso8601")))
    # A greedy label is the last segment and keeps every "/" after its first.
    splits = len(template) - 1 if template[-1].endswith("+}") else -1

    def read(path: str, values: dict[str, Any]) -> None:
        segments = path.removeprefix("/").split("/", splits)
        for index, member, scalar in labels:
            try:
                text = decode_segment(segments[index])
                values[member.name] = scalar(text)
            except MalformedEncodingError as error:
                raise faults.malformed_uri(str(error)) from None
            except MalformedValueError:
                raise faults.malformed_value(member, text) from None

    return read


def _compile_query(shape: Shape, faults: RestFaults) -> Callable[[Pairs, dict[str, Any]], None]:
    scalars: dict[str, tuple[Member, Scalar]] = {}
    lists: dict[str, tuple[Member, Scalar]] = {}
    for member in shape.members.values():
        if member.location == "querystring":
            element = member.shape.element
            if member.wire.startswith("response-") and member.shape.kind == "string":
                scalars[member.wire] = member, read_line
            elif element is None:
                scalars[member.wire] = member, compile_scalar(member, "iso8601")
            else:
                lists[member.wire] = member, compile_scalar(element, "iso8601")

    def read(pairs: Pairs, values: dict[str, Any]) -> None:
        for name, text in pairs:
            found = scalars.get(name) or lists.get(name)
            if found is None:
                continue
            member, scalar = found
            try:
                value = scalar(text)
            except MalformedValueError:
                raise faults.malformed_value(member, text) from None
            if name in lists:
                values.setdefault(member.name, []).append(value)
            elif member.name in values:
                raise faults.repeated(member)
            else:
                values[member.name] = value

    return read


@dataclass(frozen=True, slots=True)
class _Header:
    member: Member
    read: Callable[[str], Any]
    single: bool


def _compile_headers(shape: Shape, faults: RestFaults) -> Callable[[Request, dict[str, Any]], None]:
    bindings: dict[str, _Header] = {}
    prefix, prefixed = "", ""
    for name, member in shape.members.items():
        if member.location == "header":
            bindings[member.wire.lower()] = _header(member)
        elif member.location == "headers":
            prefix, prefixed = member.wire.lower(), name

    def read(request: Request, values: dict[str, Any]) -> None:
        for name, text in request.headers.items():
            binding = bindings.get(name)
            if binding is not None:
                if binding.single and name in request.repeated:
                    raise faults.repeated(binding.member)
                try:
                    values[binding.member.name] = binding.read(text)
                except MalformedValueError:
                    if not _may_be_ignored(name):
                        raise faults.malformed_value(binding.member, text) from None
            elif prefix and name.startswith(prefix):
                values.setdefault(prefixed, {})[name[len(prefix) :]] = text

    return read


def _header(member: Member) -> _Header:
    element = member.shape.element
    if element is None:
        single = member.wire.lower().startswith(("x-amz-", "content-"))
        return _Header(member, compile_scalar(member, "rfc822"), single)
    scalar = compile_scalar(element, "rfc822")
    return _Header(member, lambda text: [scalar(item) for item in split_list(text)], single=False)


def _may_be_ignored(name: str) -> bool:
    """A conditional whose date cannot be read is no condition (RFC 9110 section 13.1.3)."""
    return name in ("if-modified-since", "if-unmodified-since")


def split_list(text: str) -> list[str]:
    """The elements of a header that is a list, quoted where they hold commas."""
    elements: list[str] = []
    position = 0
    while position < len(text):
        match = _LIST_ELEMENT.match(text, position)
        if match is None:
            raise MalformedValueError("not a list of values between commas")
        quoted, plain = match[1], match[2]
        elements.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = match.end()
    return elements


def _compile_body(
    operation: OperationModel, faults: RestFaults, compile_body: CompileBody
) -> Callable[[bytes | Body, dict[str, Any]], None]:
    shape = operation.input
    payload = shape.members.get(shape.payload)
    if payload is None:
        place = body_place(shape, operation.input_root)
        return _nothing if place is None else _whole_body(compile_body(place), faults)
    if payload.streaming:
        return _streamed(payload.name)
    if payload.shape.kind == "blob":
        return _raw_body(payload.name)
    if payload.shape.kind == "string":
        return _text_body(payload.name, faults)
    return _payload_body(payload.name, compile_body(payload), faults)


def body_place(shape: Shape, root: str) -> Member | None:
    """The members of a structure that make up the body together, as one; None if there are none."""
    members = {name: member for name, member in shape.members.items() if not member.location}
    if not members:
        return None
    return Member(shape.name, replace(shape, members=members), root or shape.wire or shape.name)


def _nothing(body: bytes | Body, values: dict[str, Any]) -> None:
    """The operation takes no body: what came is ignored, as AWS does."""


def _streamed(name: str) -> Callable[[bytes | Body, dict[str, Any]], None]:
    def read(body: bytes | Body, values: dict[str, Any]) -> None:
        values[name] = body

    return read


def _raw_body(name: str) -> Callable[[bytes | Body, dict[str, Any]], None]:
    def read(body: bytes | Body, values: dict[str, Any]) -> None:
        if body:
            values[name] = body

    return read


def _text_body(name: str, faults: RestFaults) -> Callable[[bytes | Body, dict[str, Any]], None]:
    def read(body: bytes | Body, values: dict[str, Any]) -> None:
        try:
            text = _whole(body).decode()
        except UnicodeDecodeError:
            raise faults.malformed_body("it is not UTF-8") from None
        if text:
            values[name] = text

    return read


def _payload_body(
    name: str, read_body: ReadBody, faults: RestFaults
) -> Callable[[bytes | Body, dict[str, Any]], None]:
    def read(body: bytes | Body, values: dict[str, Any]) -> None:
        whole = _whole(body)
        if whole:
            values[name] = _read_or_refuse(read_body, whole, faults)

    return read


def _whole_body(
    read_body: ReadBody, faults: RestFaults
) -> Callable[[bytes | Body, dict[str, Any]], None]:
    def read(body: bytes | Body, values: dict[str, Any]) -> None:
        found: Mapping[str, Any] = _read_or_refuse(read_body, _whole(body), faults)
        # INVARIANT: what the path, query and headers say is never overwritten by the body.
        for name, value in found.items():
            values.setdefault(name, value)

    return read


def _read_or_refuse(read_body: ReadBody, body: bytes, faults: RestFaults) -> Any:
    try:
        return read_body(body)
    except MalformedBodyError as error:
        raise faults.malformed_body(str(error)) from None


def _whole(body: bytes | Body) -> bytes:
    if isinstance(body, Body):
        raise TypeError("Only an operation that streams takes its body unread.")
    return body
