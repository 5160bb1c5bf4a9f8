"""`daypass audit tail` and `verify`: what the server recorded, and whether all of it is there."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from daypass.audit import Broken, follow, last_lines
from daypass.audit import verify as verify_trail
from daypass.cli.failure import Failure
from daypass.cli.options import data_option, output_option
from daypass.cli.present import print_fields, print_json


@click.group()
def audit() -> None:
    """The audit trail of a data directory: who did what, and how it was decided."""


@audit.command()
@data_option
@click.option("-n", "--lines", type=click.IntRange(0), default=20, show_default=True)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on as events come.")
@output_option
def tail(data: Path, lines: int, following: bool, output: str) -> None:
    """Show the last events, oldest first. With --output json, whole, in CloudTrail's shape.

    \b
    Example: daypass audit tail --follow --output json | jq 'select(.errorCode)'
    """
    directory = _trail(data)
    last, position = last_lines(directory, lines)
    _show(last, output)
    if following:
        _show(follow(directory, position), output)


@audit.command()
@data_option
@click.option("--holds", metavar="HASH", help="A hash that must be in it, noted at another time.")
@output_option
def verify(data: Path, holds: str | None, output: str) -> None:
    """Check that no event was changed, removed or added: each line carries the hash of the last.

    Note the hash it prints in another place: whoever can write the files can write a new chain, but
    none that holds this hash.

    \b
    Example: daypass audit verify --data ./daypass-data
    """
    found = verify_trail(_trail(data), holds)
    if isinstance(found, Broken):
        where = f"{found.path}, line {found.line}" if found.line else f"{found.path}"
        raise Failure(
            f"The chain is broken at {where}.",
            found.why,
            "What stands before it is whole. Compare the rest with a copy.",
        )
    if output == "json":
        print_json(
            {
                "Lines": found.lines,
                "Segments": found.segments,
                "FirstSegment": found.first,
                "LastHash": found.last_hash,
            }
        )
        return
    print_fields(
        {
            "Lines": f"{found.lines}, unbroken",
            "Segments": f"{found.segments}",
            "Begins at": f"segment {found.first}" if found.first > 1 else "",
            "Last hash": found.last_hash,
        }
    )


def _trail(data: Path) -> Path:
    directory = data / "audit"
    if not directory.is_dir():
        raise Failure(
            f"{data} holds no audit trail.",
            "A server makes it when it first starts.",
            "Name the server's directory with --data.",
        )
    return directory


def _show(lines: Iterable[bytes], output: str) -> None:
    for line in lines if output == "json" else _sentences(lines):
        click.echo(line)


def _sentences(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        try:
            yield _sentence(json.loads(line))
        except (ValueError, AttributeError, TypeError):
            yield "(a line that is no event)"


def _sentence(event: dict[str, Any]) -> str:
    """One event on one line."""
    identity = event.get("userIdentity", {})
    who = identity.get("arn") or identity.get("invokedBy") or identity.get("principalId") or "-"
    parts = [
        str(event.get("eventTime", "-")),
        f"{str(event.get('eventSource', '-')).partition('.')[0]}:{event.get('eventName', '-')}",
        f"by {who}",
    ]
    if "sourceIPAddress" in event:
        parts.append(f"from {event['sourceIPAddress']}")
    session = event.get("additionalEventData", {}).get("session")
    if session:
        parts.append(f"issued {session.get('accessor')}")
    if "errorCode" in event:
        parts.append(f"refused: {event['errorCode']}")
    # What a client wrote must not write on the operator's terminal.
    return "  ".join(part if part.isprintable() else repr(part) for part in parts)


COMMANDS: Final = {"audit": audit}
