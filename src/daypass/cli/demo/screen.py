"""What the story looks like: for each exchange what was sent, what came back, and why."""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypedDict

from rich.console import Console, Group, RenderableType
from rich.highlighter import JSONHighlighter
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_SECRETS: Final = frozenset({"SecretAccessKey", "SessionToken"})
_LINES: Final = 24


class CheckReport(TypedDict):
    """One thing that had to be so."""

    Text: str
    Ok: bool


class StepReport(TypedDict):
    """A step and what was checked in it."""

    Number: int
    Title: str
    Checks: list[CheckReport]


class Verdict(TypedDict):
    """The whole story's outcome."""

    Ok: bool
    Steps: list[StepReport]


@dataclass(slots=True)
class Screen:
    """Shows the story as it happens, and keeps what was checked. quiet: keeps it alone."""

    quiet: bool = False
    _steps: list[StepReport] = field(default_factory=list)
    _console: Console = field(default_factory=lambda: Console(highlight=False))

    def __post_init__(self) -> None:
        self._console.quiet = self.quiet

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Shows that something takes its time."""
        if self._console.is_terminal and not self.quiet:
            with self._console.status(f"{what} …"):
                yield
        else:
            self.note(f"{what} …")
            yield

    def note(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))

    def scene(self, title: str, facts: Mapping[str, str]) -> None:
        """The setting, in a box."""
        table = Table.grid(padding=(0, 2))
        for label, value in facts.items():
            table.add_row(Text(label, style="bold"), Text(value))
        self._console.print(Panel(table, title=title, title_align="left", border_style="blue"))

    def step(self, number: int, title: str, text: str) -> None:
        """Begins a step."""
        self._steps.append({"Number": number, "Title": title, "Checks": []})
        self._console.print()
        self._console.print(
            Text.assemble((f" {number} ", "bold white on blue"), (f" {title}", "bold"))
        )
        self._console.print(Padding(Text(text, style="dim"), (0, 0, 0, 4)))

    def sent(self, text: str, note: str = "", documents: Sequence[str] = ()) -> None:
        """What was sent: a command, or a request. note: with whose credentials. documents: the
        JSON of its arguments."""
        lines = [Text(text, style="cyan")]
        lines += [Text(document, style="magenta") for document in documents]
        lines += [Text(note, style="dim")] if note else []
        self._row("→", Group(*lines))

    def answer(self, text: str) -> None:
        """What came back; secrets in JSON are masked."""
        shown = masked(text)
        if shown.startswith(("{", "[")):
            self._row("←", JSONHighlighter()(shown))
        else:
            self._row("←", Text(shown))

    def why(self, text: str) -> None:
        """Daypass's explanation."""
        if text:
            self._row("why", Text(text, style="yellow"))

    def check(self, text: str, ok: bool) -> None:
        """Something that must be so."""
        self._steps[-1]["Checks"].append({"Text": text, "Ok": ok})
        mark = Text("✓", style="bold green") if ok else Text("✗", style="bold red")
        self._row(mark, Text(text, style="green" if ok else "bold red"))

    def verdict(self) -> Verdict:
        """Shows the outcome, and returns it."""
        failed = [
            (step["Number"], check["Text"])
            for step in self._steps
            for check in step["Checks"]
            if not check["Ok"]
        ]
        count = sum(len(step["Checks"]) for step in self._steps)
        self._console.print()
        if failed:
            lines = [Text(f"step {number}: {text}") for number, text in failed]
            self._console.print(
                Panel(Group(*lines), title="Not as it should be", border_style="red")
            )
        else:
            text = f"All {count} checks of {len(self._steps)} steps are as they should be."
            self._console.print(Panel(Text(text, style="green"), border_style="green"))
        return {"Ok": not failed, "Steps": self._steps}

    def _row(self, mark: str | Text, content: RenderableType) -> None:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=3, justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(mark, content)
        self._console.print(Padding(table, (0, 0, 0, 2)))


def masked(text: str) -> str:
    """The text as it may be shown: JSON indented and without secrets, and not too long."""
    try:
        value = json.loads(text)
    except ValueError:
        shown = _from_xml(text.strip())
    else:
        if not isinstance(value, dict | list):
            return text
        shown = json.dumps(_mask(value), indent=2, ensure_ascii=False)
    lines = shown.splitlines()
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"… ({len(lines) - _LINES} more lines)"]
    return "\n".join(lines)


def _from_xml(text: str) -> str:
    """What S3's errors and listings say, without their markup; any other text as it is."""
    if "<Error>" in text:
        code, message = (_elements(text, name) for name in ("Code", "Message"))
        return re.sub(r"<\?xml.*", f"{': '.join(code + message)}", text, flags=re.DOTALL)
    if "<ListBucketResult" in text:
        return re.sub(r"<\?xml.*", "\n".join(_elements(text, "Key")), text, flags=re.DOTALL)
    return text


def _elements(text: str, name: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(f"<{name}>([^<]*)</{name}>", text)]


def _mask(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            name: _masked_secret(item) if name in _SECRETS else _mask(item)
            for name, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_mask(item) for item in value]
    return value


def _masked_secret(value: object) -> str:
    return f"••• ({len(str(value))} characters)"
