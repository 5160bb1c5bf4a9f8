"""Where statements stand in the text of a policy, as IAM's simulations report it."""

import json
from dataclasses import dataclass
from typing import Final

from daypass.policy.documents import Policy

WHITE_SPACE: Final = " \t\r\n"
DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text. line counts from 1, column from 0, as in IAM's `Position`."""

    line: int
    column: int


def statement_positions(policy: Policy) -> tuple[tuple[Position, Position], ...]:
    """The first place of each statement and the place after its last, in document order."""
    text = policy.text
    start = _value_of(text, "Statement")
    if text[start] == "{":
        return ((_position(text, start), _position(text, _end(text, start))),)
    found = []
    place = _skip(text, start + 1)
    while text[place] != "]":
        end = _end(text, place)
        found.append((_position(text, place), _position(text, end)))
        place = _next(text, end)
    return tuple(found)


def _value_of(text: str, name: str) -> int:
    """Where the value of a key of the outermost object begins."""
    place = _skip(text, _skip(text, 0) + 1)
    while True:
        key, place = DECODER.raw_decode(text, place)
        place = _skip(text, _skip(text, place) + 1)
        if key == name:
            return place
        place = _next(text, _end(text, place))


def _end(text: str, start: int) -> int:
    return DECODER.raw_decode(text, start)[1]


def _next(text: str, end: int) -> int:
    """The next value, key or closing bracket."""
    place = _skip(text, end)
    return _skip(text, place + 1) if text[place] == "," else place


def _skip(text: str, place: int) -> int:
    while text[place] in WHITE_SPACE:
        place += 1
    return place


def _position(text: str, offset: int) -> Position:
    line_start = text.rfind("\n", 0, offset) + 1
    return Position(text.count("\n", 0, offset) + 1, offset - line_start)
