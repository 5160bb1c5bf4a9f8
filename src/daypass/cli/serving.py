"""What commands that serve until they are interrupted have in common."""

import signal
import threading
from types import FrameType
from typing import Final

_LONGEST: Final = 200  # characters of a path in a log


def end_of_service() -> threading.Event:
    """Set by an interrupt and by SIGTERM, which are both a good end."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return ended


def printable(path: str) -> str:
    """What a client sent, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in path[:_LONGEST])
