"""Asking the person at the terminal, whatever stdin, stdout and stderr are connected to.

An SDK that runs `credential_process` captures both outputs: what is asked there is never seen.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO


class NoTerminalError(Exception):
    """This process has no terminal."""


def ask(question: str) -> str:
    """The line that is typed in answer, without blanks around it. Raises `NoTerminalError`."""
    with _terminal() as (typed, shown):
        shown.write(question)
        shown.flush()
        line = typed.readline()
    if not line:
        raise NoTerminalError
    return line.strip()


@contextmanager
def _terminal() -> Iterator[tuple[TextIO, TextIO]]:
    names = ("CONIN$", "CONOUT$") if os.name == "nt" else ("/dev/tty", "/dev/tty")
    with ExitStack() as opened:
        try:
            typed = opened.enter_context(open(names[0], encoding="utf-8"))
            shown = opened.enter_context(open(names[1], "w", encoding="utf-8"))
        except OSError as error:
            raise NoTerminalError from error
        yield typed, shown
