"""XML answers as text: each shape of the model becomes a closure that writes it, once.

A tree would cost ten times the text (measured on listings of 1,000 keys).
"""

import re
from base64 import b64encode
from collections.abc import Callable
from math import isnan
from typing import Any, Final

from daypass.protocol.shapes import Member, Shape
from daypass.protocol.timestamps import Format, iso8601_seconds, rfc822, unix_seconds

Write = Callable[[Any], str]

# What XML 1.0 cannot carry in any form (section 2.2): most controls, surrogates, non-characters.
_UNCARRIED: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_SPECIAL: Final = re.compile(f'[&<>"\r{_UNCARRIED}]')
# A carriage return as itself would be read as a line feed.
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


def escape(text: str) -> str:
    """Text as XML character data or an attribute's value; U+FFFD for what XML cannot carry."""
    # Two tests at C speed clear nearly every key and name: nothing unprintable, nothing special.
    if text.isprintable() and "&" not in text and "<" not in text and ">" not in text:
        return text.replace('"', "&quot;") if '"' in text else text
    return _SPECIAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\ufffd")


class Writers(dict[str, Write]):
    """The writers of a structure by member; asking for another member is an error of the server."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape.name

    def __missing__(self, member: str) -> Write:
        raise KeyError(f"{self._shape} has no member {member}; see its service model.")


def compile_element(tag: str, place: Member, timestamp: Format) -> Write:
    """A closure that writes a value as an element of this name (or elements, if flattened)."""
    shape = place.shape
    opening, closing = f"<{tag}{place.namespace}>", f"</{tag}>"
    if shape.kind == "structure":
        return _structure_element(tag, place, timestamp)
    if shape.kind == "list":
        return _list_element(tag, place, timestamp)
    if shape.kind == "map":
        return _map_element(tag, place, timestamp)
    if shape.kind in ("integer", "long"):
        return lambda value: f"{opening}{value:d}{closing}"
    if shape.enum:
        return _enum_element(opening, closing, frozenset(shape.enum))
    if shape.kind in ("string", "character"):
        return lambda value: f"{opening}{escape(value)}{closing}"
    text = compile_text(place, timestamp)
    return lambda value: f"{opening}{text(value)}{closing}"


def compile_text(place: Member, timestamp: Format) -> Write:
    """A closure that writes a scalar without its element, with no need of escaping but strings."""
    kind = place.shape.kind
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind in ("integer", "long"):
        return lambda value: f"{value:d}"
    if kind in ("float", "double"):
        return _float_text
    if kind == "blob":
        return lambda value: b64encode(value).decode("ascii")
    if kind == "timestamp":
        return timestamp_format(place.timestamp_format, timestamp)
    return escape


def timestamp_format(name: str, default: Format) -> Format:
    """The format that a member asks for by name, or the default of its place."""
    if name == "rfc822":
        return rfc822
    if name == "unixTimestamp":
        return lambda moment: f"{unix_seconds(moment):.0f}"
    if name == "iso8601" and default is rfc822:
        return iso8601_seconds
    return default


def compile_content(shape: Shape, timestamp: Format) -> Write:
    """A closure that writes the members of a structure that belong in the body."""
    writers = Writers(shape)
    for name, member in shape.members.items():
        if not member.location and not member.attribute:
            writers[name] = compile_element(element_name(member), member, timestamp)

    def write(values: dict[str, Any]) -> str:
        return "".join(
            [writers[name](value) for name, value in values.items() if value is not None]
        )

    return write


def element_name(member: Member) -> str:
    """The XML element of a member: of a flattened list, its elements' own name if it has one."""
    element = member.shape.element
    if member.flattened and element is not None and element.named:
        return element.wire
    return member.wire


def _structure_element(tag: str, place: Member, timestamp: Format) -> Write:
    shape = place.shape
    attributes = {name: member.wire for name, member in shape.members.items() if member.attribute}
    content = compile_content(shape, timestamp)
    opening, closing = f"<{tag}{place.namespace}>", f"</{tag}>"
    if not attributes:
        return lambda values: f"{opening}{content(values)}{closing}"

    def write(values: dict[str, Any]) -> str:
        written = "".join(
            f' {wire}="{escape(values[name])}"'
            for name, wire in attributes.items()
            if values.get(name) is not None
        )
        rest = {name: value for name, value in values.items() if name not in attributes}
        return f"<{tag}{place.namespace}{written}>{content(rest)}{closing}"

    return write


def _list_element(tag: str, place: Member, timestamp: Format) -> Write:
    element = place.shape.element
    if element is None:
        raise ValueError(f"The list {place.shape.name} does not say what it holds.")
    if place.flattened:
        item = compile_element(tag, element, timestamp)
        return lambda values: "".join([item(value) for value in values])
    item = compile_element(element.wire, element, timestamp)
    opening, closing = f"<{tag}{place.namespace}>", f"</{tag}>"
    return lambda values: f"{opening}{''.join([item(value) for value in values])}{closing}"


def _map_element(tag: str, place: Member, timestamp: Format) -> Write:
    key, value = place.shape.key, place.shape.value
    if key is None or value is None:
        raise ValueError(f"The map {place.shape.name} does not say what it holds.")
    write_key = compile_element(key.wire, key, timestamp)
    write_value = compile_element(value.wire, value, timestamp)
    entry = tag if place.flattened else "entry"
    opening, closing = ("", "") if place.flattened else (f"<{tag}{place.namespace}>", f"</{tag}>")

    def write(values: dict[str, Any]) -> str:
        entries = [
            f"<{entry}>{write_key(name)}{write_value(item)}</{entry}>"
            for name, item in values.items()
        ]
        return f"{opening}{''.join(entries)}{closing}"

    return write


def _enum_element(opening: str, closing: str, known: frozenset[str]) -> Write:
    """Known values need no look at their characters; S3 may hold others, which are escaped."""
    ready = {value: f"{opening}{escape(value)}{closing}" for value in known}

    def write(value: str) -> str:
        return ready.get(value) or f"{opening}{escape(value)}{closing}"

    return write


def _float_text(value: float) -> str:
    return "NaN" if isnan(value) else repr(value).replace("inf", "Infinity")
