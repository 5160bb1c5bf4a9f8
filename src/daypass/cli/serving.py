"""What commands that serve until they are interrupted have in common."""

import signal
import threading
from types import FrameType


def end_of_service() -> threading.Event:
    """Set by an interrupt and by SIGTERM, which are both a good end."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return ended
