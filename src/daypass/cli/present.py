"""Writing results: a JSON object for programs, or lines for people."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click


def print_json(data: Mapping[str, object]) -> None:
    """One line of JSON on stdout."""
    click.echo(json.dumps(data))


def print_fields(fields: Mapping[str, str]) -> None:
    """`label  value` lines on stdout, aligned; empty values are left out."""
    shown = {label: value for label, value in fields.items() if value}
    width = max(map(len, shown), default=0)
    for label, value in shown.items():
        click.echo(f"{click.style(label.ljust(width), bold=True)}  {value}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout under a header, in aligned columns that are never cut or wrapped."""
    titles = [click.style(title, bold=True) for title in header]
    table = [titles, *rows]
    widths = [
        max(len(click.unstyle(cell)) for cell in column) for column in zip(*table, strict=True)
    ]
    for row in table:
        padded = [
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(row, widths, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def printable(text: str) -> str:
    """What others wrote, fit for a terminal: nothing in it moves the cursor or hides text."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def iso_time(seconds: float) -> str:
    """Unix seconds as AWS writes times: 2026-01-31T12:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_left(seconds: float) -> str:
    """A duration in seconds for people: `1 h 5 min`."""
    if seconds <= 0:
        return "none: they have expired"
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
