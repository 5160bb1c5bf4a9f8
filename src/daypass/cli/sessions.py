"""`daypass sessions revoke`: end sessions before their time."""

import os
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

import click
import httpx

from daypass.cli.failure import Failure
from daypass.cli.options import connection_options, output_option
from daypass.cli.present import iso_time, print_json
from daypass.client import Auth


class Moment(click.ParamType[int]):
    """A time, like 2026-01-31T12:00:00Z, as Unix seconds."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time like 2026-01-31T12:00:00Z.", param, ctx)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@click.group()
def sessions() -> None:
    """The sessions that a Daypass server has issued."""


@sessions.command()
@click.option("--session", metavar="ACCESSOR", help="This session.")
@click.option("--access-key-id", metavar="ID", help="The session with this temporary key.")
@click.option("--role", metavar="NAME", help="All sessions of this role.")
@click.option("--user", metavar="NAME", help="All sessions issued to this user.")
@click.option("--all", "everything", is_flag=True, help="All sessions of the account.")
@click.option("--before", type=Moment(), help="Only those issued until then.  [default: now]")
@connection_options
@output_option
def revoke(
    session: str | None,
    access_key_id: str | None,
    role: str | None,
    user: str | None,
    everything: bool,
    before: int | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Revoke sessions, and those that descend from them, from the next request on.

    \b
    Example: daypass sessions revoke --role reader
    """
    named = {
        "Accessor": session,
        "AccessKeyId": access_key_id,
        "RoleName": role,
        "UserName": user,
    }
    body: dict[str, object] = {member: value for member, value in named.items() if value}
    if len(body) + everything != 1:
        raise click.UsageError(
            "Say what to revoke: one of --session, --access-key-id, --role, --user and --all."
        )
    if before is not None or everything:
        body["Before"] = before if before is not None else int(time.time())
    answer = httpx.post(
        f"{_endpoint(endpoint_url)}/_daypass/sessions/revoke",
        json=body,
        auth=Auth(service="daypass", region=region, profile=profile),
    )
    _report(answer, output)


def _endpoint(given: str | None) -> str:
    endpoint = given or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise Failure(
            "No server is named.",
            "AWS itself has no such operation.",
            'Pass --endpoint-url, or eval "$(daypass env --data DIR)" first.',
        )
    return endpoint.rstrip("/")


def _report(answer: httpx.Response, output: str) -> None:
    try:
        content = answer.json()
    except ValueError:
        content = {}
    if answer.is_error:
        code = answer.headers.get("x-amzn-errortype", str(answer.status_code)).partition(":")[0]
        message = content.get("message") or content.get("Message") or answer.reason_phrase
        why = unquote(answer.headers.get("x-daypass-explanation", "")) or message
        raise Failure("Nothing was revoked.", f"{code}: {why}", code=code)
    if output == "json":
        print_json(content)
        return
    revoked = content["Revoked"]
    target = f"{revoked['Kind']} {revoked.get('Target', '')}".strip()
    click.echo(f"revoked: {target}, issued until {iso_time(revoked['Before'])}")


COMMANDS: Final = {"sessions": sessions}
