"""`daypass logs`: what a function wrote, and what it writes."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.session import Session

from daypass.cli.failure import Failure
from daypass.cli.options import Duration, connection_options, output_option
from daypass.client import environment_region

# Seconds between questions for what is new.
_PAUSE: Final = 1.0


@click.command()
@click.argument("function")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option(
    "--since", type=Duration(), default="10m", show_default=True, help="How far back: 90s, 15m, 1h."
)
@click.option(
    "--filter", "pattern", metavar="PATTERN", help="Only what matches, as CloudWatch Logs has it."
)
@connection_options
@output_option
def logs(
    function: str,
    follow: bool,
    since: int,
    pattern: str | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Show the log of FUNCTION, a name or an ARN, or of a log group that begins with a slash.

    With --output json each line is one event, as FilterLogEvents gives it.

    \b
    Examples:
      daypass logs hello --since 1h
      daypass logs hello --follow --filter ERROR
    """
    session = Session(profile=profile)
    where = {"region_name": region or environment_region(), "endpoint_url": endpoint_url}
    client = session.create_client("logs", **where)
    group = function
    if not function.startswith("/"):
        group = log_group(session.create_client("lambda", **where), function)
    start = int((time.time() - since) * 1000)
    show = _show_json if output == "json" else _show_text
    for event in read_events(client, group, start, follow=follow, pattern=pattern):
        show(event)


def log_group(functions: BaseClient, function: str) -> str:
    """The log group of a function: the one it is configured with, else the usual one of its name,
    which outlives it."""
    try:
        configured = functions.get_function_configuration(FunctionName=function)
        return str(configured["LoggingConfig"]["LogGroup"])
    except (ClientError, KeyError):
        pass
    name = function.partition(":function:")[2].partition(":")[0] or function.partition(":")[0]
    return f"/aws/lambda/{name}"


def read_events(
    client: BaseClient, group: str, start: int, *, follow: bool, pattern: str | None
) -> Iterator[Mapping[str, Any]]:
    """The events of a group from a time on (Unix ms), each once; with follow, without an end."""
    asked: dict[str, Any] = {"logGroupName": group, "interleaved": True}
    if pattern is not None:
        asked["filterPattern"] = pattern
    seen: dict[str, int] = {}
    while True:
        try:
            events = list(_ask(client, {**asked, "startTime": start}))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            if not follow:
                raise _no_log(group) from error
            events = []
        for event in events:
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                yield event
        if not follow:
            return
        # A line may come a little later than one of its time: look back, and show none twice.
        start = max(start, max(seen.values(), default=start) - 5_000)
        seen = {event: moment for event, moment in seen.items() if moment >= start}
        time.sleep(_PAUSE)


def _ask(client: BaseClient, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator("filter_log_events").paginate(**asked):
        yield from page["events"]


def _no_log(group: str) -> Failure:
    return Failure(
        f"There is no log {group}.",
        "No such function has run yet, or its role does not allow logs:CreateLogGroup, "
        "logs:CreateLogStream and logs:PutLogEvents.",
        "Invoke it. The managed policy service-role/AWSLambdaBasicExecutionRole allows its role "
        "all three.",
        "ResourceNotFoundException",
    )


def _show_json(event: Mapping[str, Any]) -> None:
    click.echo(json.dumps(event))


def _show_text(event: Mapping[str, Any]) -> None:
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    first, *rest = printable(event["message"]).split("\n")
    click.echo(f"{click.style(stamp, dim=True)}  {first}")
    for line in rest:
        click.echo(f"{' ' * len(stamp)}  {line}")


def printable(message: str) -> str:
    """A message without its line end, as it may be shown: what a function wrote must not write on
    the operator's terminal. Runtimes join the lines of one event with carriage returns."""
    text = message.rstrip().replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char if char.isprintable() or char in "\t\n" else repr(char)[1:-1] for char in text
    )


COMMANDS: Final = {"logs": logs}
