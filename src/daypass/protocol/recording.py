"""What of an operation's input and output may be written down, compiled once from its model.

Values go by their shape. What the model calls sensitive is hidden, and so is what it ought to;
bytes and streams are left out. Members are named as CloudTrail names them: roleArn, policyDocument.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from daypass.protocol.shapes import Shape
from daypass.protocol.timestamps import iso8601_seconds

Recorded = dict[str, Any]
Recorder = Callable[[Mapping[str, Any]], Recorded]
_Value = Callable[[Any], Any]

# CloudTrail's own words.
HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
# Credentials, one-time codes, and texts that hold what others may not see, none of which the
# models mark.
_SECRET_MEMBERS: Final = frozenset(
    {
        "AuthenticationCode1",
        "AuthenticationCode2",
        "ClientContext",
        "ContextAssertion",
        "DecodedMessage",
        "EncodedMessage",
        "EventSourceToken",
        "LogResult",
        "SessionToken",
        "TokenCode",
        "logEvents",
    }
)
# Characters of one value. The longest policy document in use fits.
_LONGEST: Final = 24 * 1024


def compile_recorder(shape: Shape) -> Recorder:
    """What records a structure of this shape."""
    members = {
        name: (name[0].lower() + name[1:], _compile_value(name, member.shape, member.streaming))
        for name, member in shape.members.items()
    }

    def record(structure: Mapping[str, Any]) -> Recorded:
        recorded: Recorded = {}
        for name, value in structure.items():
            known = members.get(name)
            if known is None or value is None:
                continue
            wire, form = known
            if form is not None:
                recorded[wire] = form(value)
        return recorded

    return record


def _compile_value(name: str, shape: Shape, streaming: bool) -> _Value | None:
    """What records a value; None leaves it out."""
    if shape.sensitive or name in _SECRET_MEMBERS:
        return _hide
    if streaming or shape.streaming or shape.event_stream or shape.kind == "blob":
        return None
    if shape.kind == "structure":
        return compile_recorder(shape)
    if shape.kind == "list":
        assert shape.element is not None
        element = _compile_value("", shape.element.shape, streaming=False)
        return None if element is None else lambda items: [element(item) for item in items]
    if shape.kind == "map":
        assert shape.value is not None
        value = _compile_value("", shape.value.shape, streaming=False)
        return None if value is None else lambda items: {key: value(items[key]) for key in items}
    if shape.kind == "string":
        return _cut
    return _moment if shape.kind == "timestamp" else _same


def _hide(_value: object) -> str:
    return HIDDEN


def _same(value: object) -> object:
    return value


def _cut(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _moment(value: datetime | float | str) -> str:
    # S3 keeps an Expires that is no time as it was sent.
    return _cut(value) if isinstance(value, str) else iso8601_seconds(value)
