"""Whether the lines of a trail are those that were written, in their order and all of them."""

from dataclasses import dataclass
from pathlib import Path

from daypass.audit.segments import (
    NO_HASH,
    hash_of,
    link_of,
    read_head,
    segment_numbers,
    segment_path,
)


@dataclass(frozen=True, slots=True)
class Verified:
    """An unbroken chain. first: the number of its first segment; what came before is elsewhere.

    last_hash: of its last line. Noted in another place, it shows later whether this much is still
    there: whoever can write the files can write a whole new chain.
    """

    lines: int
    segments: int
    first: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain is broken. line: counted from 1. why: a sentence."""

    path: Path
    line: int
    why: str


def verify(directory: Path, holds: str | None = None) -> Verified | Broken:
    """Follow the chain from its first line to its last. holds: a hash that must be in it."""
    head_path = directory / "head"
    # Read first: what is written meanwhile comes after it.
    head = read_head(head_path.read_bytes()) if head_path.exists() else (0, 0, "")
    numbers = segment_numbers(directory)
    if not numbers:
        return Broken(directory, 0, "There is no segment here.")
    walk = _Walk(NO_HASH if numbers[0] == 1 else None, holds)
    for expected, number in enumerate(numbers, numbers[0]):
        path = segment_path(directory, number)
        if number != expected:
            missing = segment_path(directory, expected)
            return Broken(missing, 0, "This segment is missing between two others.")
        broken = walk.through(path, number, head, newest=number == numbers[-1])
        if broken is not None:
            return broken
    if head[0] and not walk.met_head:
        return Broken(
            path,
            walk.line + 1,
            "The trail once went further, or ended otherwise: lines are missing.",
        )
    if holds is not None and not walk.held:
        return Broken(path, walk.line, "The hash that it must hold is of none of its lines.")
    return Verified(walk.lines, len(numbers), numbers[0], walk.previous or NO_HASH)


class _Walk:
    """One way through all segments. previous: None where any first link is taken."""

    def __init__(self, previous: str | None, holds: str | None) -> None:
        self.previous = previous
        self.holds = holds
        self.held = holds is None or holds == previous
        self.met_head = False
        self.lines = 0
        self.line = 0

    def through(
        self, path: Path, number: int, head: tuple[int, int, str], *, newest: bool
    ) -> Broken | None:
        self.line = 0
        end = 0
        with path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    # A line on its way, or one whose writer died: it was acknowledged to nobody.
                    return None if newest else Broken(path, self.line + 1, "The line is torn.")
                line = raw[:-1]
                self.line += 1
                end += len(raw)
                link = link_of(line)
                if link is None:
                    return Broken(path, self.line, "The line names no line before it.")
                if self.previous is not None and link != self.previous:
                    return self._mismatch(path)
                self.previous = hash_of(line)
                self.lines += 1
                self.held = self.held or self.previous == self.holds
                if head[:2] == (number, end):
                    if head[2] != self.previous:
                        return Broken(path, self.line, "The line is not the one that was written.")
                    self.met_head = True
        return None

    def _mismatch(self, path: Path) -> Broken:
        if self.line == 1:
            return Broken(path, 1, "The line does not follow the last one of the segment before.")
        why = "The line was changed after it was written, or lines after it were removed or added."
        return Broken(path, self.line - 1, why)
