"""`daypass whoami`: whose credentials these are."""

import os
import time
from typing import Final

import click

from daypass.cli.options import Connection, connection_options, output_option
from daypass.cli.present import iso_time, print_fields, print_json, time_left
from daypass.client import Endpoint, Identity, standard_chain
from daypass.client.sts import caller_identity
from daypass.sigv4 import Credentials


@click.command()
@connection_options
@output_option
def whoami(profile: str | None, region: str | None, endpoint_url: str | None, output: str) -> None:
    """Ask STS who the current credentials are, and say how long they last.

    \b
    Example: daypass whoami --output json
    """
    connection = Connection(profile, region, endpoint_url)
    credentials = standard_chain(profile).credentials()
    identity = caller_identity(credentials, Endpoint(region, endpoint_url, profile))
    facts = _facts(identity, credentials, connection)
    if output == "json":
        print_json(facts)
        return
    left = ""
    if credentials.expiration is not None:
        left = f"{facts['Expiration']}  ({time_left(credentials.expiration - time.time())} left)"
    print_fields({"ARN": facts.pop("Arn"), **facts, "Expiration": left})


def _facts(identity: Identity, credentials: Credentials, connection: Connection) -> dict[str, str]:
    kind, name, session = _describe(identity.arn)
    facts = {
        "Arn": identity.arn,
        "Account": identity.account,
        "UserId": identity.unique_id,
        "Kind": kind,
        "Name": name,
        "Session": session,
        "AccessKeyId": credentials.access_key_id,
        "Expiration": iso_time(credentials.expiration) if credentials.expiration else "",
        "Source": _source(connection),
    }
    return {label: value for label, value in facts.items() if value}


def _describe(arn: str) -> tuple[str, str, str]:
    """The kind of identity, its name, and the session's name, from its ARN."""
    kind, _, name = arn.split(":", 5)[5].partition("/")
    if kind == "assumed-role":
        role, _, session = name.rpartition("/")
        return "role session", role, session
    if kind == "federated-user":
        return "federated user", name, ""
    return kind, name.rpartition("/")[2], ""


def _source(connection: Connection) -> str:
    if connection.profile:
        return f"the profile {connection.profile}"
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return "the environment"
    named = os.environ.get("AWS_DEFAULT_PROFILE") or os.environ.get("AWS_PROFILE")
    return f"the profile {named}" if named else "the AWS SDK's chain"


COMMANDS: Final = {"whoami": whoami}
