"""Scalars that arrive as text: form and query parameters, headers, path labels, XML elements."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from daypass.protocol.malformed import MalformedValueError
from daypass.protocol.shapes import Member
from daypass.protocol.timestamps import parse_iso8601, parse_rfc822, parse_seconds

Scalar = Callable[[str], Any]

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}").fullmatch
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?").fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]").search
_RANGES: Final = {"integer": 2**31, "long": 2**63}


def compile_scalar(place: Member, timestamp: str) -> Scalar:
    """A closure that reads text as this scalar; `timestamp` names the format times have here.

    Its errors are `MalformedValueError`.
    """
    kind = place.shape.kind
    if kind in _RANGES:
        return _integer(_RANGES[kind])
    if kind in ("float", "double"):
        return _float
    if kind == "boolean":
        return _boolean
    if kind == "blob":
        return _blob
    if kind == "timestamp":
        return _timestamp(place.timestamp_format or timestamp)
    return _string


def _string(text: str) -> str:
    return text


def read_line(text: str) -> str:
    """Text that is to become a header: one line. Raises `MalformedValueError`."""
    if _CONTROL(text):
        raise MalformedValueError("text with control characters")
    return text


def _integer(bound: int) -> Scalar:
    def read(text: str) -> int:
        if _INTEGER(text) is None or not -bound <= int(text) < bound:
            raise MalformedValueError("not an integer or not within integer range")
        return int(text)

    return read


def _float(text: str) -> float:
    number = float(text) if _NUMBER(text) else float("nan")
    if not isfinite(number):
        raise MalformedValueError("not a number")
    return number


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise MalformedValueError("neither true nor false")
    return lowered == "true"


def _blob(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise MalformedValueError("not base64") from None


def _timestamp(form: str) -> Scalar:
    def read(text: str) -> Any:
        try:
            if form == "rfc822":
                return parse_rfc822(text)
            if form == "unixTimestamp":
                return parse_seconds(_float(text))
            return parse_iso8601(text)
        except ValueError:
            raise MalformedValueError("not a date and time") from None

    return read
