"""JSON bodies: read without trust and written as the model says."""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from math import isfinite
from typing import Any, Final, Never

from daypass.protocol.malformed import MalformedBodyError
from daypass.protocol.shapes import Member, ModelError, Shape
from daypass.protocol.timestamps import iso8601_seconds, parse_iso8601, parse_seconds, rfc822
from daypass.protocol.timestamps import unix_seconds as _unix_seconds

Convert = Callable[[Any], Any]

_DEEPEST: Final = 64
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_RANGES: Final = {"integer": 2**31, "long": 2**63}


def parse_object(body: bytes) -> dict[str, Any]:
    """The object that a body holds; no body is an empty one. Raises `MalformedBodyError`."""
    if not body.strip():
        return {}
    _check_depth(body)
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_unrepeated, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise MalformedBodyError("it is not UTF-8") from None
    except MalformedBodyError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(f"it is not well-formed: {error}") from None
    if not isinstance(value, dict):
        raise MalformedBodyError("it is not an object")
    return value


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return
    depth = 0
    for token in _TOKENS.finditer(body):
        if token[0] in b"[{":
            depth += 1
            if depth > _DEEPEST:
                raise MalformedBodyError(f"it is nested deeper than {_DEEPEST} levels")
        elif token[0] in b"]}":
            depth -= 1


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One reader takes the first of two equal keys and another the last: neither is believed."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise MalformedBodyError("an object holds the same key twice")
    return values


def _refuse_constant(name: str) -> Never:
    raise MalformedBodyError(f"{name} is not JSON")


def compile_reader(place: Member) -> Convert:
    """A closure that checks and converts a parsed value. Its errors are `MalformedBodyError`."""
    shape = place.shape
    if shape.kind == "structure":
        return _read_structure(shape)
    if shape.kind == "list":
        return _read_list(shape)
    if shape.kind == "map":
        return _read_map(shape)
    if shape.kind in _RANGES:
        return _read_integer(_RANGES[shape.kind])
    return _SCALARS[shape.kind]


def _read_structure(shape: Shape) -> Convert:
    readers = [
        (member.wire, name, compile_reader(member))
        for name, member in shape.members.items()
        if not member.location
    ]

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedBodyError(f"{_kind(value)} can not be converted to a Structure")
        return {
            name: inner(value[wire]) for wire, name, inner in readers if value.get(wire) is not None
        }

    return read


def _read_list(shape: Shape) -> Convert:
    if shape.element is None:
        raise ModelError(f"The list {shape.name} does not say what it holds.")
    inner = compile_reader(shape.element)

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise MalformedBodyError(f"{_kind(value)} can not be converted to a List")
        return [inner(item) for item in value]

    return read


def _read_map(shape: Shape) -> Convert:
    if shape.value is None:
        raise ModelError(f"The map {shape.name} does not say what it holds.")
    inner = compile_reader(shape.value)

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MalformedBodyError(f"{_kind(value)} can not be converted to a Map")
        return {key: inner(item) for key, item in value.items()}

    return read


def _read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedBodyError(f"{_kind(value)} can not be converted to a String")
    return value


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MalformedBodyError(f"{_kind(value)} can not be converted to a Boolean")
    return value


def _read_integer(bound: int) -> Convert:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not -bound <= value < bound:
            raise MalformedBodyError(f"{_kind(value)} can not be converted to an Integer")
        return value

    return read


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise MalformedBodyError(f"{_kind(value)} can not be converted to a Double")
    return value


def _read_blob(value: Any) -> bytes:
    try:
        return b64decode(_read_string(value), validate=True)
    except (Base64Error, ValueError) as error:
        if isinstance(error, MalformedBodyError):
            raise
        raise MalformedBodyError("a binary value is not base64") from None


def _read_timestamp(value: Any) -> Any:
    try:
        return parse_iso8601(value) if isinstance(value, str) else parse_seconds(_read_float(value))
    except MalformedBodyError:
        raise
    except ValueError:
        raise MalformedBodyError(f"{_kind(value)} can not be converted to a Timestamp") from None


_SCALARS: Final[dict[str, Convert]] = {
    "string": _read_string,
    "character": _read_string,
    "boolean": _read_boolean,
    "float": _read_float,
    "double": _read_float,
    "blob": _read_blob,
    "timestamp": _read_timestamp,
}


def _kind(value: Any) -> str:
    """What Coral, AWS's service framework, calls the kind of a JSON value in its errors."""
    if value is None:
        return "NULL_VALUE"
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    return "START_ARRAY" if isinstance(value, list) else "START_OBJECT"


def compile_writer(place: Member) -> Convert:
    """A closure that turns a value into what `json.dumps` takes."""
    shape = place.shape
    if shape.kind == "structure":
        return _write_structure(shape)
    if shape.kind == "list" and shape.element is not None:
        inner = compile_writer(shape.element)
        return lambda value: [inner(item) for item in value]
    if shape.kind == "map" and shape.value is not None:
        inner = compile_writer(shape.value)
        return lambda value: {key: inner(item) for key, item in value.items()}
    if shape.kind == "blob":
        return lambda value: b64encode(value).decode("ascii")
    if shape.kind == "timestamp":
        formats: dict[str, Convert] = {"iso8601": iso8601_seconds, "rfc822": rfc822}
        return formats.get(place.timestamp_format, _unix_seconds)
    return lambda value: value


def _write_structure(shape: Shape) -> Convert:
    writers = {
        name: (member.wire, compile_writer(member))
        for name, member in shape.members.items()
        if not member.location
    }

    def write(values: dict[str, Any]) -> dict[str, Any]:
        written = {}
        for name, value in values.items():
            if name not in writers:
                raise KeyError(f"{shape.name} has no member {name}; see its service model.")
            if value is not None:
                wire, inner = writers[name]
                written[wire] = inner(value)
        return written

    return write


def dump(value: Any) -> bytes:
    """A body in AWS's compact form."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
