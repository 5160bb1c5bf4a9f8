"""XML bodies read without trust: no DOCTYPE, no entities, no network, bounded depth."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any, Final

from lxml import etree

from daypass.protocol.malformed import MalformedBodyError, MalformedValueError
from daypass.protocol.shapes import Member, ModelError, Shape
from daypass.protocol.text_in import compile_scalar

Read = Callable[[Any], Any]

# libxml2 takes time with the square of an element's attributes: 40 s for a body of 1 MB. The
# documents of S3 have two for each grant of an ACL, and a key may hold what looks like one.
_MOST_ATTRIBUTES: Final = 5000
_ATTRIBUTE: Final = re.compile("=\\s*[\"']")


def parse_root(body: bytes, *tags: str) -> "etree._Element":
    """The root element, which must be named so in any namespace. Raises `MalformedBodyError`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("it is not UTF-8") from None
    # A DOCTYPE is where entities are declared (billion laughs, external files): refused unread.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise MalformedBodyError("a DOCTYPE is not allowed")
    if text.count("=") > _MOST_ATTRIBUTES and len(_ATTRIBUTE.findall(text)) > _MOST_ATTRIBUTES:
        raise MalformedBodyError(f"it has more than {_MOST_ATTRIBUTES} attributes")
    parser = etree.XMLParser(
        # The declared encoding is not believed; the check above saw the text as UTF-8.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedBodyError(f"it is not well-formed: {error.msg}") from None
    if root.getroottree().docinfo.doctype:
        raise MalformedBodyError("a DOCTYPE is not allowed")
    if _local(root) not in tags:
        raise MalformedBodyError(f"the root element is {_local(root)}, not {' or '.join(tags)}")
    return root


def compile_reader(place: Member) -> Read:
    """A closure that reads an element of this shape. Its errors are `MalformedBodyError`."""
    shape = place.shape
    if shape.kind == "structure":
        return _read_structure(shape)
    if shape.kind == "list":
        return _read_list(shape)
    if shape.kind == "map":
        raise ModelError(f"No XML body of a known service holds a map ({shape.name}).")
    if shape.kind == "blob":
        return _read_blob
    scalar = compile_scalar(place, "iso8601")
    keep = shape.kind in ("string", "character")

    def read(element: "etree._Element") -> Any:
        text = _text(element)
        try:
            return scalar(text if keep else text.strip())
        except MalformedValueError as error:
            raise MalformedBodyError(f"{_local(element)} is {error}") from None

    return read


def _read_structure(shape: Shape) -> Read:
    readers: dict[str, tuple[str, Read, bool]] = {}
    attributes: dict[str, str] = {}
    for name, member in shape.members.items():
        if member.attribute:
            attributes[member.wire.rpartition(":")[2]] = name
        elif member.flattened and member.shape.element is not None:
            element = member.shape.element
            wire = element.wire if element.named else member.wire
            readers[wire] = (name, compile_reader(element), True)
        elif not member.location:
            readers[member.wire] = (name, compile_reader(member), False)

    def read(element: "etree._Element") -> dict[str, Any]:
        values: dict[str, Any] = {}
        if attributes:
            for qualified, text in element.attrib.items():
                local = str(qualified).rpartition("}")[2]
                if local in attributes:
                    values[attributes[local]] = str(text)
        _refuse_text(element, element.text)
        for child in element:
            _refuse_text(element, child.tail)
            reader = readers.get(_local(child))
            if reader is None:
                raise MalformedBodyError(f"{_local(child)} has no place in {_local(element)}")
            name, read_child, many = reader
            if many:
                values.setdefault(name, []).append(read_child(child))
            elif name in values:
                raise MalformedBodyError(f"{_local(child)} comes more than once")
            else:
                values[name] = read_child(child)
        return values

    return read


def _read_list(shape: Shape) -> Read:
    element = shape.element
    if element is None:
        raise ModelError(f"The list {shape.name} does not say what it holds.")
    wire, read_item = element.wire, compile_reader(element)

    def read(parent: "etree._Element") -> list[Any]:
        _refuse_text(parent, parent.text)
        values = []
        for child in parent:
            _refuse_text(parent, child.tail)
            if _local(child) != wire:
                raise MalformedBodyError(f"{_local(child)} has no place in {_local(parent)}")
            values.append(read_item(child))
        return values

    return read


def _read_blob(element: "etree._Element") -> bytes:
    try:
        return b64decode(_text(element).strip(), validate=True)
    except (Base64Error, ValueError):
        raise MalformedBodyError(f"{_local(element)} is not base64") from None


def _local(element: "etree._Element") -> str:
    """The element's name without its namespace, which S3's clients write in several ways."""
    return str(element.tag).rpartition("}")[2]


def _text(element: "etree._Element") -> str:
    if len(element):
        raise MalformedBodyError(f"{_local(element)} holds elements where text is expected")
    return element.text or ""


def _refuse_text(element: "etree._Element", text: str | None) -> None:
    if text and not text.isspace():
        raise MalformedBodyError(f"{_local(element)} holds text where elements are expected")
