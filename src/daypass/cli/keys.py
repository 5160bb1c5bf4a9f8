"""`daypass keys list` and `rotate`: the keys that seal session tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from daypass.cli.options import data_option, output_option
from daypass.cli.present import iso_time, print_json
from daypass.server import key_ring, rotate_keys
from daypass.tokens import LONGEST_SESSION, KeyState, RingKey

_ORDER: Final = (KeyState.ACTIVE, KeyState.PREPARED, KeyState.RETIRED)


@click.group()
def keys() -> None:
    """The keys of a data directory that seal session tokens. No command shows a key itself."""


@keys.command("list")
@data_option
@output_option
def list_(data: Path, output: str) -> None:
    """List the keys: the active one seals, the prepared one is next, retired ones only open.

    \b
    Example: daypass keys list --data ./daypass-data
    """
    _show(key_ring(data), output)


@keys.command()
@data_option
@output_option
def rotate(data: Path, output: str) -> None:
    """Seal new sessions with the prepared key from the next request on, and prepare another.

    Works beside a running server and without one. Sessions that live go on living: the key that
    sealed them opens them until the last has expired.

    \b
    Example: daypass keys rotate --data ./daypass-data
    """
    _show(rotate_keys(data), output)


def _show(ring: Sequence[RingKey], output: str) -> None:
    ordered = sorted(ring, key=lambda key: (_ORDER.index(key.state), -key.since))
    if output == "json":
        shown = [
            {"KeyId": key.id, "State": key.state.value, "Since": iso_time(key.since)}
            for key in ordered
        ]
        print_json({"Keys": shown})
        return
    for key in ordered:
        until = ""
        if key.state is KeyState.RETIRED:
            until = f"  opens until {iso_time(key.since + LONGEST_SESSION)} at the latest"
        click.echo(f"{key.id}  {key.state.value:8}  since {iso_time(key.since)}{until}")


COMMANDS: Final = {"keys": keys}
