"""Writing the output of a REST operation to status, headers and body."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from daypass.protocol.message import Response
from daypass.protocol.rest_in import body_place
from daypass.protocol.shapes import Member, OperationModel
from daypass.protocol.timestamps import rfc822
from daypass.protocol.xml_out import compile_text

WriteBody = Callable[[Any], bytes]
CompileBody = Callable[[Member], WriteBody]
Encode = Callable[[Mapping[str, Any] | None, str], Response]
_Place = Callable[[Any, Response], None]

_PLAIN: Final = re.compile(r"[\t\x20-\x7e]*").fullmatch
# RFC 9110 section 5.6.2.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_EVENT_STREAM: Final = "application/vnd.amazon.eventstream"


def compile_encode(
    operation: OperationModel, compile_body: CompileBody, content_type: str, raw_type: str
) -> Encode:
    """A closure that writes the output of an operation.

    content_type: of structured bodies. raw_type: of a body that is one blob or string, where the
    output names no other.
    """
    shape = operation.output
    if shape is None:
        return lambda _output, _request_id: Response(operation.status)
    places = {
        name: place
        for name, member in shape.members.items()
        if (place := _compile_place(member)) is not None
    }
    write_body = _compile_body(operation, compile_body, content_type, raw_type)

    def encode(output: Mapping[str, Any] | None, _request_id: str) -> Response:
        response = Response(operation.status)
        body: dict[str, Any] = {}
        for name, value in (output or {}).items():
            place = places.get(name)
            if value is None:
                continue
            if place is None:
                body[name] = value
            else:
                place(value, response)
        write_body(body, response)
        return response

    return encode


def header_text(text: str) -> str:
    """Text as a header value: as it is if printable ASCII, else encoded as RFC 2047 says.

    So no value can end its header and begin another, and S3's clients see what was stored.
    """
    if _PLAIN(text):
        return text
    try:
        raw = text.encode("latin-1")
        raw.decode()
    except UnicodeError:
        raw = text.encode("utf-8", "replace")
    return f"=?UTF-8?B?{b64encode(raw).decode('ascii')}?="


def _compile_place(member: Member) -> _Place | None:
    """Where a member goes that is not of the body."""
    if member.location == "statusCode":
        return _set_status
    if member.location == "header":
        return _header(member)
    if member.location == "headers":
        return _header_map(member.wire.lower())
    return None


def _set_status(value: Any, response: Response) -> None:
    response.status = value


def _header(member: Member) -> _Place:
    name = member.wire.lower()
    element = member.shape.element
    if element is not None:
        text = _compile_header_text(element)
        return lambda value, response: response.headers.append(
            (name, ",".join([text(item) for item in value]))
        )
    text = _compile_header_text(member)
    return lambda value, response: response.headers.append((name, text(value)))


def _compile_header_text(member: Member) -> Callable[[Any], str]:
    if member.shape.kind in ("string", "character"):
        return header_text
    return compile_text(member, rfc822)


def _header_map(prefix: str) -> _Place:
    def write(value: dict[str, str], response: Response) -> None:
        for name, text in value.items():
            # What cannot be a header's name cannot be sent; S3 leaves such metadata out too.
            if _TOKEN(name):
                response.headers.append((prefix + name, header_text(text)))

    return write


def _compile_body(
    operation: OperationModel, compile_body: CompileBody, content_type: str, raw_type: str
) -> _Place:
    shape = operation.output
    if shape is None:
        return _no_body
    payload = shape.members.get(shape.payload)
    if payload is None:
        place = body_place(shape, "")
        return _no_body if place is None else _structured(compile_body(place), content_type)
    if payload.shape.event_stream:
        return _raw(payload.name, _EVENT_STREAM)
    if payload.shape.scalar:
        return _raw(payload.name, raw_type)
    return _payload(payload.name, compile_body(payload), content_type)


def _no_body(body: dict[str, Any], _response: Response) -> None:
    if body:
        raise KeyError(f"The operation's output has no members {sorted(body)}.")


def _structured(write: WriteBody, content_type: str) -> _Place:
    def write_body(body: dict[str, Any], response: Response) -> None:
        response.headers.append(("content-type", content_type))
        response.body = write(body)

    return write_body


def _payload(name: str, write: WriteBody, content_type: str) -> _Place:
    def write_body(body: dict[str, Any], response: Response) -> None:
        if name in body:
            response.headers.append(("content-type", content_type))
            response.body = write(body[name])

    return write_body


def _raw(name: str, raw_type: str) -> _Place:
    def write_body(body: dict[str, Any], response: Response) -> None:
        value = body.get(name)
        if value is not None:
            if all(header != "content-type" for header, _ in response.headers):
                response.headers.append(("content-type", raw_type))
            response.body = value.encode() if isinstance(value, str) else value

    return write_body
