"""`daypass invoke`: run a function, and show what it answers and logs."""

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session

from daypass.cli.failure import Failure
from daypass.cli.logs import printable
from daypass.cli.options import connection_options, output_option
from daypass.cli.present import print_json
from daypass.client import environment_region

# Seconds: Lambda's longest invocation, and a little more.
_LONGEST: Final = 910


@click.command()
@click.argument("function")
@click.argument("payload", default="{}")
@click.option("--event", "asynchronous", is_flag=True, help="Hand it over, and do not wait.")
@click.option("--log", is_flag=True, help="Show the end of its log, on stderr.")
@click.option("--stream", is_flag=True, help="Show what it streams as it comes.")
@click.option("--qualifier", metavar="VERSION|ALIAS", help="Which version of it.")
@connection_options
@output_option
def invoke(
    function: str,
    payload: str,
    asynchronous: bool,
    log: bool,
    stream: bool,
    qualifier: str | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Invoke FUNCTION with PAYLOAD, which is JSON, @FILE, or - for standard input.

    The answer goes to stdout. An error of the function ends it with 1.

    \b
    Examples:
      daypass invoke hello '{"name": "Ann"}' --log
      daypass invoke hello @event.json --qualifier live --output json
      echo '{}' | daypass invoke hello - --event
    """
    if asynchronous and (log or stream):
        raise click.UsageError("--event does not wait, so there is no --log and no --stream.")
    client = Session(profile=profile).create_client(
        "lambda",
        region_name=region or environment_region(),
        endpoint_url=endpoint_url,
        # A function is not run twice because it takes long.
        config=Config(read_timeout=_LONGEST, retries={"total_max_attempts": 1}),
    )
    request: dict[str, Any] = {"FunctionName": function, "Payload": _read(payload)}
    if qualifier is not None:
        request["Qualifier"] = qualifier
    if log:
        request["LogType"] = "Tail"
    if stream:
        _stream(client, request, output)
        return
    if asynchronous:
        request["InvocationType"] = "Event"
    answer = client.invoke(**request)
    _show(answer, answer["Payload"].read(), output)


def _read(payload: str) -> bytes:
    """The payload, which must be JSON."""
    if payload == "-":
        content = sys.stdin.buffer.read()
    elif payload.startswith("@"):
        try:
            content = Path(payload[1:]).read_bytes()
        except OSError as error:
            raise click.BadParameter(
                f"{payload[1:]}: {error.strerror}.", param_hint="PAYLOAD"
            ) from error
    else:
        content = payload.encode()
    try:
        json.loads(content)
    except ValueError as error:
        raise click.BadParameter(
            f"it is not JSON: {error}. A text needs quotes of its own, as in '\"text\"'.",
            param_hint="PAYLOAD",
        ) from None
    return content


def _show(answer: Mapping[str, Any], payload: bytes, output: str) -> None:
    tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    error = answer.get("FunctionError")
    if output == "json":
        result = {
            "StatusCode": answer["StatusCode"],
            "RequestId": answer["ResponseMetadata"]["RequestId"],
            "ExecutedVersion": answer.get("ExecutedVersion"),
            "FunctionError": error,
            "Payload": _parsed(payload),
            "Log": tail or None,
        }
        print_json({name: value for name, value in result.items() if value is not None})
        if error is not None:
            sys.exit(1)
        return
    _show_log(tail)
    if error is not None:
        raise _failed(payload)
    if payload:
        sys.stdout.flush()
        sys.stdout.buffer.write(payload.rstrip(b"\n") + b"\n")
    elif answer["StatusCode"] == 202:
        click.echo(f"accepted as {answer['ResponseMetadata']['RequestId']}", err=True)


def _stream(client: BaseClient, request: Mapping[str, Any], output: str) -> None:
    if output == "json":
        raise click.UsageError("--stream shows bytes as they come, not JSON.")
    complete: Mapping[str, Any] = {}
    for event in client.invoke_with_response_stream(**request)["EventStream"]:
        if "PayloadChunk" in event:
            sys.stdout.buffer.write(event["PayloadChunk"]["Payload"])
            sys.stdout.buffer.flush()
        else:
            complete = event["InvokeComplete"]
    if sys.stdout.isatty():
        click.echo()
    _show_log(base64.b64decode(complete.get("LogResult", "")).decode(errors="replace"))
    if "ErrorCode" in complete:
        raise _failed(complete.get("ErrorDetails", "").encode())


def _show_log(tail: str) -> None:
    for line in tail.splitlines():
        click.echo(click.style(printable(line), dim=True), err=True)


def _parsed(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace") or None


def _failed(payload: bytes) -> Failure:
    error = _parsed(payload)
    if not isinstance(error, dict):
        return Failure("The function failed.", printable(str(error)))
    frames = error.get("stackTrace") or error.get("trace") or []
    trace = [printable(str(line)) for line in frames if str(line).strip()]
    why = f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}"
    return Failure(
        "The function failed.",
        "\n       ".join([printable(why), *trace]),
        "Its log says more: --log, or `daypass logs`.",
        str(error.get("errorType", "")),
    )


COMMANDS: Final = {"invoke": invoke}
