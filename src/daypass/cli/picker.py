"""Choosing one of many by typing parts of its name, at the terminal."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TextIO

from daypass.client.terminal import NoTerminalError

_ROWS: Final = 12
_COLUMNS: Final = 80  # where the terminal does not say


class Choice(NamedTuple):
    """name: what is chosen, and what typed letters are looked for in. note: shown beside it."""

    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picking:
    """What has been typed, and which of the matches is marked. done: it is over."""

    choices: Sequence[Choice]
    typed: str = ""
    marked: int = 0
    done: bool = False
    chosen: str | None = None

    def matches(self) -> list[Choice]:
        """Those that have the typed letters in this order, the closest first."""
        scored = [(_distance(self.typed, one.name), one) for one in self.choices]
        found = [(score, one) for score, one in scored if score is not None]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def after(self, key: str) -> "Picking":
        """The state after a key: a letter, or the name of a key."""
        count = len(self.matches())
        if key == "enter" and count:
            return replace(self, done=True, chosen=self.matches()[self.marked].name)
        if key == "escape":
            return replace(self, done=True)
        if key == "down":
            return replace(self, marked=min(self.marked + 1, max(count - 1, 0)))
        if key == "up":
            return replace(self, marked=max(self.marked - 1, 0))
        if key == "backspace":
            return replace(self, typed=self.typed[:-1], marked=0)
        if len(key) == 1 and key.isprintable():
            return replace(self, typed=self.typed + key, marked=0)
        return self

    def lines(self, width: int) -> list[str]:
        """What is shown, each line cut to the width."""
        matches = self.matches()
        first = max(0, self.marked - _ROWS + 1)
        shown = matches[first : first + _ROWS]
        widest = max((len(one.name) for one in self.choices), default=0)
        lines = [f"> {self.typed}   {len(matches)}/{len(self.choices)}"]
        for place, one in enumerate(shown, first):
            mark = ">" if place == self.marked else " "
            lines.append(f"{mark} {one.name.ljust(widest)}  {one.note}".rstrip())
        return [_plain(line)[: max(width - 1, 10)] for line in lines]


def pick(choices: Sequence[Choice]) -> str | None:
    """The name that is chosen, None if nothing is. Raises `NoTerminalError`."""
    with _terminal() as (keys, shown):
        state = Picking(choices)
        drawn = 0
        while not state.done:
            lines = state.lines(_width(shown))
            shown.write(_erase(drawn) + "\r\n".join(lines))
            shown.flush()
            drawn = len(lines)
            state = state.after(next(keys, "escape"))
        shown.write(_erase(drawn))
        shown.flush()
    return state.chosen


def _distance(typed: str, name: str) -> int | None:
    """How far the letters are spread in the name, less where they stand together at its start;
    None if they are not all there."""
    text, at, total = name.lower(), -1, 0
    for letter in typed.lower():
        found = text.find(letter, at + 1)
        if found < 0:
            return None
        total += found - at - 1
        at = found
    return total


def _plain(text: str) -> str:
    """Names come from a file, and must not move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _erase(lines: int) -> str:
    up = f"\x1b[{lines - 1}A" if lines > 1 else ""
    return f"\r{up}\x1b[J"


def _width(shown: TextIO) -> int:
    try:
        return os.get_terminal_size(shown.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS


# -- keys -----------------------------------------------------------------------------------------

_NAMES: Final = {
    "\r": "enter",
    "\n": "enter",
    "\x03": "escape",
    "\x04": "escape",
    "\x1b": "escape",
    "\x7f": "backspace",
    "\b": "backspace",
    "\x0e": "down",  # Ctrl-N
    "\x10": "up",  # Ctrl-P
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
}


_KEY: Final = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|.", re.DOTALL)


def named_keys(read: Callable[[], str]) -> Iterator[str]:
    """The keys in what arrives, in pieces of any number of them. Ends at an empty one."""
    while piece := read():
        for key in _KEY.findall(piece):
            name = _NAMES.get(key, key)
            if name == key and key.startswith("\x1b"):
                continue  # a key that means nothing here
            yield name


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _terminal() -> Iterator[tuple[Iterator[str], TextIO]]:
        with ExitStack() as opened:
            try:
                shown = opened.enter_context(open("CONOUT$", "w", encoding="utf-8"))
            except OSError as error:
                raise NoTerminalError from error

            def read() -> str:
                letter = msvcrt.getwch()
                if letter in ("\x00", "\xe0"):  # an arrow, by a second letter
                    return {"H": "\x1b[A", "P": "\x1b[B"}.get(msvcrt.getwch(), "\x1b[?")
                return letter

            yield named_keys(read), shown

else:
    import termios
    import tty

    @contextmanager
    def _terminal() -> Iterator[tuple[Iterator[str], TextIO]]:
        with ExitStack() as opened:
            try:
                descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
            except OSError as error:
                raise NoTerminalError from error
            opened.callback(os.close, descriptor)
            shown = opened.enter_context(open(os.dup(descriptor), "w", encoding="utf-8"))
            before = termios.tcgetattr(descriptor)
            opened.callback(termios.tcsetattr, descriptor, termios.TCSADRAIN, before)
            tty.setraw(descriptor)
            yield named_keys(lambda: os.read(descriptor, 64).decode(errors="replace")), shown
