"""Values of botocore's shapes, drawn by hypothesis within the model's own constraints."""

import re
import string
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

# Characters that each transport has its own way of spoiling. botocore itself writes a carriage
# return into XML in a form that reads as a line feed; it has tests of its own.
_AWKWARD = "&<>\"'%+ =;,/?#\t\n\u00e9\u4e2d\U0001f600.~-_*[]"
_TOKEN = string.ascii_letters + string.digits + "-_."

# A value for patterns that no short text of letters fits, by what is in them; the patterns
# themselves have tests of their own.
_PATTERNED = {
    "s3express": "arn:aws:s3:::bucket",
    "\\/?.+\\/.+": "bucket/key",
    ":iam::": "arn:aws:iam::123456789012:role/service/one",
    "code-signing-config:csc": (
        "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdefg"
    ),
    "capacity-provider:": "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:one",
    "layer:": "arn:aws:lambda:eu-west-1:123456789012:layer:one:1",
    "(function:)?": "one-function",
    ":function:": "arn:aws:lambda:eu-west-1:123456789012:function:one",
}


def values(shape: Shape) -> Strategy:
    """Valid values of a shape, as they stand in a body."""
    if isinstance(shape, StructureShape):
        # A structure without members leaves no trace in a form.
        return structures(shape).filter(bool) if shape.members else st.just({})
    if isinstance(shape, ListShape):
        low = shape.metadata.get("min", 1)
        high = min(shape.metadata.get("max", 4), low + 3)
        return st.lists(values(shape.member), min_size=low, max_size=high)
    if isinstance(shape, MapShape):
        return st.dictionaries(values(shape.key), values(shape.value), max_size=2)
    return _scalars(shape)


def structures(shape: StructureShape) -> Strategy:
    """Valid structures; the member that is the whole body is always there and never empty."""
    required = {}
    optional = {}
    for name, member in shape.members.items():
        if member.serialization.get("eventstream"):
            continue
        payload = shape.serialization.get("payload") == name
        place = required if payload or name in shape.required_members else optional
        place[name] = _placed(member)
    return st.fixed_dictionaries(required, optional=optional)


def _placed(member: Shape) -> Strategy:
    location = member.serialization.get("location")
    if member.name == "Policy" and member.type_name == "string":
        return st.text(_AWKWARD, min_size=1, max_size=20)
    if location == "statusCode":
        return st.sampled_from([200, 202])
    if location in ("header", "headers"):
        return _header_values(member)
    if location == "querystring" and isinstance(member, ListShape):
        return st.lists(values(member.member), min_size=1, max_size=3)
    if location == "querystring" and member.name.startswith("Response"):
        return _header_values(member)  # what the answer's headers shall say
    if member.serialization.get("xmlAttribute"):
        return st.sampled_from(member.enum)
    if location == "uri" and member.type_name == "string" and not member.metadata.get("pattern"):
        return st.text(_AWKWARD + _TOKEN, min_size=1, max_size=12)
    return values(member)


def _header_values(member: Shape) -> Strategy:
    """Header text cannot begin or end with blanks, or hold line ends."""
    token = st.text(_TOKEN, min_size=1, max_size=10)
    if isinstance(member, MapShape):
        return st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=6), token)
    if isinstance(member, ListShape):
        return st.lists(_header_values(member.member), min_size=1, max_size=3)
    if member.type_name == "string" and not member.enum and not member.metadata.get("pattern"):
        return st.text(_TOKEN + ',;"= ', max_size=12).map(lambda text: f"x{text}x")
    return values(member)


def _scalars(shape: Shape) -> Strategy:
    kind = shape.type_name
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if kind in ("integer", "long"):
        bound = 2**31 if kind == "integer" else 2**63
        return st.integers(
            low if low is not None else -bound, high if high is not None else bound - 1
        )
    if kind in ("float", "double"):
        return st.floats(low or 0, high or 1000)
    if kind == "boolean":
        return st.booleans()
    if kind == "blob":
        return st.binary(min_size=low or 0, max_size=20)
    if kind == "timestamp":
        return st.integers(1, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
    if shape.enum:
        return st.sampled_from(shape.enum)
    return _strings(shape.metadata.get("pattern", ""), low or 0, high)


@lru_cache(maxsize=512)
def _strings(pattern: str, low: int, high: int | None) -> Strategy:
    for part, value in _PATTERNED.items():
        if part in pattern:
            return st.just(value)
    most = max(low, min(high or 12, low + 12))
    if not pattern:
        return st.text(_AWKWARD + _TOKEN, min_size=low, max_size=most)
    if "\\p{L}" in pattern:
        return st.text("ab\u00e9\u4e2d 9_.:/=+-@", min_size=max(low, 1), max_size=most)
    # Letters are in nearly every class of the models; where they do not fit, the pattern is drawn.
    simple = st.text("bcdefghijk", min_size=max(low, min(2, most)), max_size=most)
    if all(re.fullmatch(pattern, "bcdefghijk"[:2] * n) for n in (1, max(1, most // 2))):
        return simple
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True).filter(
        lambda text: low <= len(text) <= (high or len(text))
    )
