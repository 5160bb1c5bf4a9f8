"""Percent-decoding, done once and strictly, of paths, queries and forms."""

import re
from urllib.parse import unquote_to_bytes

from daypass.protocol.malformed import MalformedEncodingError

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search

# Those of ARNs, of JSON and of blanks, by far the most there are.
# INVARIANT: what they stand for is neither "%" nor a hexadecimal digit, so that no new escape comes
# about, nor a broken one is made whole.
_COMMON = (
    ("%3A", ":"),
    ("%2F", "/"),
    ("%22", '"'),
    ("%2C", ","),
    ("%7B", "{"),
    ("%7D", "}"),
    ("%5B", "["),
    ("%5D", "]"),
    ("%2A", "*"),
    ("%20", " "),
)

Pairs = list[tuple[str, str]]


def decode_segment(text: str) -> str:
    """A piece of a path. Raises `MalformedEncodingError`."""
    if not text.isascii():
        raise MalformedEncodingError("it holds characters that must be percent-encoded")
    return _unescape(text)


def decode_query(query: str) -> Pairs:
    """The name and value pairs of a query, in their order. Raises `MalformedEncodingError`."""
    if not query:
        return []
    if not query.isascii():
        raise MalformedEncodingError("it holds characters that must be percent-encoded")
    return _pairs(query)


def decode_form(body: bytes) -> Pairs:
    """The pairs of an `application/x-www-form-urlencoded` body. Raises `MalformedEncodingError`."""
    if not body:
        return []
    try:
        return _pairs(body.decode())
    except UnicodeDecodeError:
        raise MalformedEncodingError("it is not UTF-8") from None


def _pairs(text: str) -> Pairs:
    pairs: Pairs = []
    for piece in text.replace("+", " ").split("&"):
        name, _, value = piece.partition("=")
        if piece:
            pairs.append((_unescape(name), _unescape(value)))
    return pairs


def _unescape(text: str) -> str:
    if "%" in text:
        for escape, character in _COMMON:
            text = text.replace(escape, character)
    if "%" in text:
        if _BROKEN_ESCAPE(text):
            raise MalformedEncodingError("a % is not followed by two hexadecimal digits")
        try:
            text = unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            raise MalformedEncodingError("it does not decode to UTF-8") from None
    if "\x00" in text:
        raise MalformedEncodingError("it holds a NUL")
    return text
