"""`daypass whoami`: whose credentials these are."""

import time
from typing import Final

import click

from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import iso_time, print_fields, print_json, time_left
from daypass.client.session import Session


@click.command()
@identity_options
@output_option
def whoami(who: Identity, output: str) -> None:
    """Ask STS who the current credentials are; say where they come from and how long they last.

    \b
    Examples:
      daypass whoami
      daypass whoami --profile work --output json
    """
    facts, expiration = describe(who.session())
    if output == "json":
        print_json(facts)
        return
    left = ""
    if expiration is not None:
        left = f"{facts['Expiration']}  ({time_left(expiration - time.time())} left)"
    print_fields({"ARN": facts.pop("Arn"), **facts, "Expiration": left})


def describe(session: Session) -> tuple[dict[str, str], float | None]:
    """What there is to say of a session's credentials, and when they end, Unix seconds."""
    identity = session.identity()
    credentials = session.credentials()
    kind, name, session_name = _parts(identity.arn)
    until = credentials.expiration
    facts = {
        "Arn": identity.arn,
        "Account": identity.account,
        "UserId": identity.unique_id,
        "Kind": kind,
        "Name": name,
        "Session": session_name,
        "AccessKeyId": credentials.access_key_id,
        "Expiration": iso_time(until) if until is not None else "",
        "Source": session.source().said,
        "Region": session.region or "",
        "Endpoint": session.settings().place().url,
    }
    return {label: value for label, value in facts.items() if value}, until


def _parts(arn: str) -> tuple[str, str, str]:
    """The kind of identity, its name, and the session's name, from its ARN."""
    kind, _, name = arn.split(":", 5)[5].partition("/")
    if kind == "assumed-role":
        role, _, session = name.rpartition("/")
        return "role session", role, session
    if kind == "federated-user":
        return "federated user", name, ""
    return kind, name.rpartition("/")[2], ""


COMMANDS: Final = {"whoami": whoami}
