"""`daypass profiles`: what is in ~/.aws/config, and choosing one of it."""

import sys
from collections.abc import Sequence
from typing import Final

import click

from daypass.cli.failure import Failure
from daypass.cli.options import output_option
from daypass.cli.picker import Choice, pick
from daypass.cli.present import print_json, print_table
from daypass.cli.recent import recent_first, remember_profile
from daypass.client.config import read_configuration
from daypass.client.profiles import ProfileSummary, summaries
from daypass.client.settings import read_settings
from daypass.client.terminal import NoTerminalError


@click.command()
@click.option("--pick", "picking", is_flag=True, help="Choose one, and print its name.")
@click.option("--list", "listing", is_flag=True, help="The list, at a terminal, too.")
@output_option
def profiles(picking: bool, listing: bool, output: str) -> None:
    """List the profiles, those used last first; at a terminal, choose one by typing parts of it.

    \b
    Examples:
      daypass profiles --list
      daypass exec --profile "$(daypass profiles --pick)" -- aws s3 ls
    """
    found = summaries(read_configuration())
    names = recent_first([one.name for one in found])
    ordered = sorted(found, key=lambda one: names.index(one.name))
    if output == "json":
        print_json({"Profiles": [_members(one) for one in ordered]})
    elif picking or (not listing and sys.stdout.isatty() and sys.stdin.isatty() and found):
        click.echo(pick_profile(ordered))
    elif found:
        _print(ordered)
    else:
        click.echo("There are no profiles.", err=True)


def pick_profile(ordered: Sequence[ProfileSummary]) -> str:
    """The name of the profile that is chosen at the terminal, which is remembered. Raises
    `Failure` if none is."""
    choices = [Choice(one.name, f"{one.kind}  {one.of}  {one.region}".rstrip()) for one in ordered]
    try:
        name = pick(choices)
    except NoTerminalError:
        raise Failure(
            "No profile was chosen.", "There is no terminal to choose one at.", "Name one."
        ) from None
    if name is None:
        raise Failure("No profile was chosen.")
    remember_profile(name)
    return name


def _print(ordered: Sequence[ProfileSummary]) -> None:
    current = read_settings().profile_name
    rows = [
        (
            f"{one.name} *" if one.name == current else one.name,
            *(one.kind, one.of or "-", one.source or "-", one.region or "-"),
        )
        for one in ordered
    ]
    print_table(("PROFILE", "KIND", "OF", "FROM", "REGION"), rows)


def _members(one: ProfileSummary) -> dict[str, object]:
    return {
        "Name": one.name,
        "Kind": one.kind,
        "Of": one.of,
        "From": one.source,
        "Region": one.region,
        "NeedsDaypass": one.needs_daypass,
    }


COMMANDS: Final = {"profiles": profiles}
