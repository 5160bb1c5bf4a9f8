"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """NOTE: it works, but may not do what one thinks. PROBLEM: it does not work."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """about: the check's name. what: what it found. remedy: what to do, if anything."""

    about: str
    state: State
    what: str
    remedy: str = ""


def ok(about: str, what: str) -> Finding:
    return Finding(about, State.OK, what)


def note(about: str, what: str, remedy: str = "") -> Finding:
    return Finding(about, State.NOTE, what, remedy)


def problem(about: str, what: str, remedy: str = "") -> Finding:
    return Finding(about, State.PROBLEM, what, remedy)
