"""Reading a trail while others write it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daypass.audit.segments import segment_numbers, segment_path

_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two lines: the number of a segment, and bytes from its start."""

    segment: int = 0
    offset: int = 0


def read_from(
    directory: Path, start: Position, end: Position, most_bytes: int
) -> tuple[list[bytes], Position]:
    """Whole lines, without newlines, from `start` on and before `end`; and the position after them.

    At most about `most_bytes` of them. A start in a segment that is gone means the next one.
    """
    lines: list[bytes] = []
    at, left = start, most_bytes
    for number in segment_numbers(directory):
        if number < start.segment or number > end.segment or left <= 0:
            continue
        offset = at.offset if number == at.segment else 0
        with segment_path(directory, number).open("rb") as file:
            file.seek(offset)
            limit = end.offset - offset if number == end.segment else left
            text = file.read(max(min(left, limit), 0))
            if text and b"\n" not in text:
                text += file.readline()
        whole = text[: text.rfind(b"\n") + 1]
        lines += whole.splitlines()
        left -= len(whole)
        at = Position(number, offset + len(whole))
        if len(whole) < len(text) or left <= 0:
            break
    return lines, at


def last_lines(directory: Path, count: int) -> tuple[list[bytes], Position]:
    """The last lines of the trail, oldest first, and the position after them."""
    found: deque[bytes] = deque()
    at = Position()
    for number in reversed(segment_numbers(directory)):
        text = segment_path(directory, number).read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        at = max(at, Position(number, len(whole)))
        lines = whole.splitlines()
        found.extendleft(reversed(lines[max(len(lines) - (count - len(found)), 0) :]))
        if len(found) >= count:
            break
    return list(found), at


def follow(directory: Path, start: Position) -> Iterator[bytes]:
    """The lines that come after a position, for ever."""
    at = start
    while True:
        newest = max(segment_numbers(directory), default=0)
        end = Position(newest, 1 << 62)
        lines, at = read_from(directory, at, end, 1 << 24)
        yield from lines
        if not lines:
            if at.segment < newest:
                at = Position(at.segment + 1)
            else:
                time.sleep(_POLL_SECONDS)
