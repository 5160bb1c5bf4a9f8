"""`daypass doctor`: what is wrong, or surprising, with how credentials are found."""

import logging
from collections.abc import Iterator
from typing import Final

import click

from daypass.cli.failure import FAILED, OK
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import print_json
from daypass.client.errors import ClientError
from daypass.client.health.files import check_files, check_profiles
from daypass.client.health.findings import Finding, State, ok, problem
from daypass.client.health.precedence import check_precedence
from daypass.client.health.service import check_cache, check_credentials, check_endpoint

_COLORS: Final = {State.OK: "green", State.NOTE: "yellow", State.PROBLEM: "red"}


@click.command()
@click.option("--offline", is_flag=True, help="Ask no service.")
@identity_options
@output_option
def doctor(offline: bool, who: Identity, output: str) -> int:
    """Check files, precedence, endpoint, clock, credentials and cache; say what to fix.

    Ends with 1 if something does not work. Nothing is changed, and nobody is asked for a code.

    \b
    Examples:
      daypass doctor
      daypass doctor --profile work --output json
    """
    logging.getLogger("daypass").setLevel(logging.ERROR)  # what it warns of is found here
    findings = list(examine(who, offline=offline))
    healthy = all(one.state is not State.PROBLEM for one in findings)
    if output == "json":
        print_json({"Healthy": healthy, "Findings": [_members(one) for one in findings]})
    else:
        _print(findings)
    return OK if healthy else FAILED


def examine(who: Identity, *, offline: bool) -> Iterator[Finding]:
    """All checks, one after the other."""
    session = who.session()
    try:
        settings = session.settings()
    except ClientError as error:
        yield problem("config file", f"{error.what} {error.why}".strip(), error.remedy)
        return
    yield from check_files(settings.configuration)
    yield from check_profiles(settings)
    try:
        source = session.source()
    except ClientError as error:
        yield problem("precedence", f"{error.what} {error.why}".strip(), error.remedy)
        return
    yield from check_precedence(settings, source)
    if offline:
        yield ok("endpoint", "Not asked, nor for credentials: --offline.")
    else:
        yield from check_endpoint(settings)
        yield from check_credentials(session)
    yield from check_cache()


def _print(findings: list[Finding]) -> None:
    width = max(len(one.about) for one in findings)
    for one in findings:
        mark = click.style(one.state.value.ljust(len(State.PROBLEM)), fg=_COLORS[one.state])
        click.echo(f"{mark}  {one.about.ljust(width)}  {one.what}")
        if one.remedy:
            blank = " " * (len(State.PROBLEM) + width + 4)
            click.echo(f"{blank}{click.style('do', bold=True)} {one.remedy}")


def _members(one: Finding) -> dict[str, str]:
    members = {"Check": one.about, "State": one.state.value, "What": one.what, "Do": one.remedy}
    return {name: text for name, text in members.items() if text}


COMMANDS: Final = {"doctor": doctor}
