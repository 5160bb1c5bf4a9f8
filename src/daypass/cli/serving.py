"""What commands that serve until they are interrupted have in common."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def end_of_service() -> Iterator[Callable[[], object]]:
    """What waits for an interrupt or SIGTERM, which are both a good end, also if it came before."""
    # A handler in Python runs between two steps of the main thread: one that takes a lock which
    # that thread holds waits for ever, and one that comes just before it sleeps does not wake it.
    # What the interpreter's own handler writes here does.
    woken, wakes = socket.socketpair()
    with woken, wakes:
        wakes.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(wakes.fileno())
        try:
            yield lambda: woken.recv(1)
        finally:
            signal.set_wakeup_fd(-1)
