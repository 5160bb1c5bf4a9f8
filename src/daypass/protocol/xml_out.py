"""XML answers as text: each shape of the model becomes a closure that writes it, once.

A tree would cost ten times the text (measured on listings of 1,000 keys).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from operator import call
from typing import Any, Final, NamedTuple

from daypass.protocol.shapes import Member, ModelError, Shape
from daypass.protocol.timestamps import Format, iso8601_seconds, rfc822, unix_seconds

Write = Callable[[Any], str]

# What XML 1.0 cannot carry in any form (section 2.2): most controls, surrogates, non-characters.
_UNCARRIED: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_SPECIAL: Final = re.compile(f'[&<>"\r{_UNCARRIED}]')
# A carriage return as itself would be read as a line feed.
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}

# Beyond these a structure's template is made anew each time; no operation comes near.
_MOST_TEMPLATES: Final = 64


def escape(text: str) -> str:
    """Text as XML character data or an attribute's value; U+FFFD for what XML cannot carry."""
    # Two tests at C speed clear nearly every key and name: nothing unprintable, nothing special.
    if text.isprintable() and "&" not in text and "<" not in text and ">" not in text:
        return text.replace('"', "&quot;") if '"' in text else text
    return _SPECIAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\ufffd")


class Element(NamedTuple):
    """How a value is written: its text between two constants (empty for a flattened list)."""

    opening: str
    text: Write
    closing: str


def compile_element(tag: str, place: Member, timestamp: Format) -> Element:
    """How values at this place are written, as elements of this name."""
    shape = place.shape
    opening, closing = f"<{tag}{place.namespace}>", f"</{tag}>"
    if shape.kind == "structure":
        if any(member.attribute for member in shape.members.values()):
            return Element("", _attributed(tag, place, timestamp), "")
        return Element(opening, compile_content(shape, timestamp), closing)
    if shape.kind == "list":
        if place.flattened:
            return Element("", _items(tag, place, timestamp), "")
        return Element(opening, _items("", place, timestamp), closing)
    if shape.kind == "map":
        if place.flattened:
            return Element("", _entries(tag, place, timestamp), "")
        return Element(opening, _entries("entry", place, timestamp), closing)
    return Element(opening, compile_text(place, timestamp), closing)


def compile_text(place: Member, timestamp: Format) -> Write:
    """How a scalar is written, its special characters escaped."""
    kind = place.shape.kind
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind in ("integer", "long"):
        return int.__repr__
    if kind in ("float", "double"):
        return _float_text
    if kind == "blob":
        return lambda value: b64encode(value).decode("ascii")
    if kind == "timestamp":
        return timestamp_format(place.timestamp_format, timestamp)
    return _EnumTexts(place.shape.enum).__getitem__ if place.shape.enum else escape


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
    """How the members of a structure that belong in the body are written."""
    return _Content(shape, timestamp).write


class _Content:
    """The writer of a structure's members.

    The answers of one operation have few different sets of members; each set gets a template when
    it is first seen.
    """

    def __init__(self, shape: Shape, timestamp: Format) -> None:
        self._shape = shape.name
        self._elements = {
            name: compile_element(element_name(member), member, timestamp)
            for name, member in shape.members.items()
            if not member.location and not member.attribute
        }
        self._templates: dict[tuple[str, ...], tuple[str, tuple[Write, ...]]] = {}

    def write(self, values: Mapping[str, Any]) -> str:
        """The members that are not None, as elements one after another."""
        if None in values.values():
            values = {name: value for name, value in values.items() if value is not None}
        names = tuple(values)
        template, texts = self._templates.get(names) or self._template(names)
        return template % tuple(map(call, texts, values.values()))

    def write_all(self, items: Sequence[Mapping[str, Any]], opening: str, closing: str) -> str:
        """Many structures, each between two constants.

        A listing's entries nearly always have the same members: they are then written column by
        column, without a step in Python for each (1,000 entries in half the time).
        """
        names = tuple(items[0]) if items else ()
        columns = list(zip(*[item.values() for item in items], strict=False))
        alike = all(tuple(item) == names for item in items)
        if not columns or not alike or any(None in column for column in columns):
            return "".join([f"{opening}{self.write(item)}{closing}" for item in items])
        template, texts = self._templates.get(names) or self._template(names)
        written = [map(text, column) for text, column in zip(texts, columns, strict=True)]
        return "".join(map(f"{opening}{template}{closing}".__mod__, zip(*written, strict=True)))

    def _template(self, names: tuple[str, ...]) -> tuple[str, tuple[Write, ...]]:
        """The text around the values of these members, and how each value is written."""
        elements = [self._element(name) for name in names]
        pieces = [f"{element.opening}%s{element.closing}" for element in elements]
        made = "".join(pieces), tuple(element.text for element in elements)
        if len(self._templates) < _MOST_TEMPLATES:
            self._templates[names] = made
        return made

    def _element(self, name: str) -> Element:
        if name not in self._elements:
            raise KeyError(f"{self._shape} has no member {name} in its body; see its model.")
        return self._elements[name]


def element_name(member: Member) -> str:
    """The XML element of a member: of a flattened list, its elements' own name if it has one."""
    element = member.shape.element
    if member.flattened and element is not None and element.named:
        return element.wire
    return member.wire


def _attributed(tag: str, place: Member, timestamp: Format) -> Write:
    """A structure some of whose members are attributes of its element."""
    shape = place.shape
    attributes = {name: member.wire for name, member in shape.members.items() if member.attribute}
    content = compile_content(shape, timestamp)

    def write(values: Mapping[str, Any]) -> str:
        written = "".join(
            f' {wire}="{escape(values[name])}"'
            for name, wire in attributes.items()
            if values.get(name) is not None
        )
        rest = {name: value for name, value in values.items() if name not in attributes}
        return f"<{tag}{place.namespace}{written}>{content(rest)}</{tag}>"

    return write


def _items(tag: str, place: Member, timestamp: Format) -> Write:
    """The elements of a list, named `tag` or as the list says."""
    item = place.shape.element
    if item is None:
        raise ModelError(f"The list {place.shape.name} does not say what it holds.")
    opening, text, closing = compile_element(tag or item.wire, item, timestamp)
    if item.shape.kind == "structure" and opening:
        content = _Content(item.shape, timestamp)
        return lambda values: content.write_all(values, opening, closing)
    return lambda values: "".join([f"{opening}{text(value)}{closing}" for value in values])


def _entries(tag: str, place: Member, timestamp: Format) -> Write:
    """The entries of a map, each an element with a key and a value."""
    key, value = place.shape.key, place.shape.value
    if key is None or value is None:
        raise ModelError(f"The map {place.shape.name} does not say what it holds.")
    before, key_text, between = compile_element(key.wire, key, timestamp)
    opening, value_text, closing = compile_element(value.wire, value, timestamp)
    return lambda values: "".join(
        [
            f"<{tag}>{before}{key_text(name)}{between}{opening}{value_text(item)}{closing}</{tag}>"
            for name, item in values.items()
        ]
    )


class _EnumTexts(dict[str, str]):
    """The texts of known values, which need no look at their characters; others are escaped."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__((value, escape(value)) for value in known)

    def __missing__(self, value: str) -> str:
        return escape(value)


def _float_text(value: float) -> str:
    return "NaN" if isnan(value) else repr(value).replace("inf", "Infinity")
