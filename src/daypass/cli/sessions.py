"""`daypass sessions`: see what was issued, what descends from it, and end it before its time."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote

import click

from daypass.cli.options import Connection, connection_options, output_option
from daypass.cli.own_api import ask
from daypass.cli.present import iso_time, print_fields, print_json


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


def _selection_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--revoked", is_flag=True, help="Also those that are revoked."),
        click.option("--provider", metavar="ARN", help="That this identity provider vouched for."),
        click.option("--user", metavar="NAME", help="Of this user, and what descends from them."),
        click.option("--role", metavar="NAME", help="Of this role."),
    ):
        command = option(command)
    return command


@sessions.command("list")
@_selection_options
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
@connection_options
@output_option
def list_(
    role: str | None,
    user: str | None,
    provider: str | None,
    revoked: bool,
    limit: int,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """List the sessions that live, the newest first.

    \b
    Example: daypass sessions list --role reader
    """
    query = _query(role, user, provider, revoked)
    found = list(islice(_all(Connection(profile, region, endpoint_url), query), limit))
    if output == "json":
        print_json({"Sessions": found})
        return
    for one in found:
        click.echo(_line(one))


@sessions.command()
@click.argument("accessor")
@connection_options
@output_option
def show(
    accessor: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Show one session, by its accessor.

    \b
    Example: daypass sessions show fvp7wm7ctbpwqvsu
    """
    connection = Connection(profile, region, endpoint_url)
    session = ask(connection, f"/{quote(accessor, '')}", "No session is shown.")["Session"]
    if output == "json":
        print_json(session)
        return
    print_fields(
        {
            "Accessor": session["Accessor"],
            "State": session["State"],
            "Whose": _whose(session),
            "Access key": session["AccessKeyId"],
            "Issued": iso_time(session["Issued"]),
            "Expires": iso_time(session["Expires"]),
            "Last used": _last_use(session),
            "Issued to": " < ".join(session.get("Ancestors", [])),
            "Provider": session.get("Provider", ""),
            "Source identity": session.get("SourceIdentity", ""),
            "Tags": ", ".join(f"{key}={value}" for key, value in session.get("Tags", {}).items()),
            "Transitive": ", ".join(session.get("TransitiveTagKeys", [])),
            "MFA": "yes" if session["MfaAuthenticated"] else "no",
        }
    )


@sessions.command()
@_selection_options
@connection_options
@output_option
def tree(
    role: str | None,
    user: str | None,
    provider: str | None,
    revoked: bool,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Show the sessions under those they were issued to.

    \b
    Example: daypass sessions tree --user alice
    """
    query = _query(role, user, provider, revoked)
    found = list(_all(Connection(profile, region, endpoint_url), query))
    # Whose parent is not shown stands at the root.
    children: dict[str, list[dict[str, Any]]] = defaultdict(list)
    shown = {one["Accessor"] for one in found}
    for one in sorted(found, key=itemgetter("Issued")):
        parent = one.get("Parent", "")
        children[parent if parent in shown else ""].append(one)
    if output == "json":
        print_json({"Sessions": _nested(children, "")})
        return
    for depth, one in _flattened(children, "", 0):
        click.echo(f"{'   ' * (depth - 1)}{'└─ ' if depth else ''}{_line(one)}")


def _nested(children: Mapping[str, list[dict[str, Any]]], parent: str) -> list[dict[str, Any]]:
    return [
        {**one, "Children": _nested(children, one["Accessor"])} for one in children.get(parent, [])
    ]


def _flattened(
    children: Mapping[str, list[dict[str, Any]]], parent: str, depth: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    for one in children.get(parent, []):
        yield depth, one
        yield from _flattened(children, one["Accessor"], depth + 1)


def _query(
    role: str | None, user: str | None, provider: str | None, revoked: bool
) -> dict[str, str | int]:
    named = {"RoleName": role, "UserName": user, "Provider": provider}
    query: dict[str, str | int] = {name: value for name, value in named.items() if value}
    if len(query) > 1:
        raise click.UsageError("Give one of --role, --user and --provider.")
    if revoked:
        query["IncludeRevoked"] = "true"
    return query


def _all(connection: Connection, query: Mapping[str, str | int]) -> Iterator[dict[str, Any]]:
    """Every session, page by page."""
    token: dict[str, str | int] = {}
    while True:
        page = ask(connection, "", "No sessions are shown.", query={**query, **token})
        yield from page["Sessions"]
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _line(session: Mapping[str, Any]) -> str:
    state = "" if session["State"] == "live" else f"  {session['State']}"
    return (
        f"{session['Accessor']}  {_whose(session)}  issued {iso_time(session['Issued'])}"
        f"  expires {iso_time(session['Expires'])}  {_last_use(session)}{state}"
    )


def _whose(session: Mapping[str, Any]) -> str:
    """Like "assumed-role reader/alice-at-work"."""
    names = [session.get("SubjectName", "root"), session.get("SessionName", "")]
    return f"{session['Kind']} {'/'.join(filter(None, names))}"


def _last_use(session: Mapping[str, Any]) -> str:
    if "LastUsed" not in session:
        return "not used"
    return f"used {iso_time(session['LastUsed'])} from {session.get('LastAddress', '?')}"


@sessions.command()
@click.option("--session", metavar="ACCESSOR", help="This session.")
@click.option("--access-key-id", metavar="ID", help="The session with this temporary key.")
@click.option("--role", metavar="NAME", help="All sessions of this role.")
@click.option("--user", metavar="NAME", help="All sessions issued to this user.")
@click.option("--provider", metavar="ARN", help="All sessions this identity provider vouched for.")
@click.option("--all", "everything", is_flag=True, help="All sessions of the account.")
@click.option("--before", type=Moment(), help="Only those issued until then.  [default: now]")
@connection_options
@output_option
def revoke(
    session: str | None,
    access_key_id: str | None,
    role: str | None,
    user: str | None,
    provider: str | None,
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
        "Provider": provider,
    }
    body: dict[str, object] = {member: value for member, value in named.items() if value}
    if len(body) + everything != 1:
        raise click.UsageError(
            "Say what to revoke: one of --session, --access-key-id, --role, --user, --provider and "
            "--all."
        )
    if before is not None or everything:
        body["Before"] = before if before is not None else int(time.time())
    content = ask(
        Connection(profile, region, endpoint_url), "/revoke", "Nothing was revoked.", body=body
    )
    if output == "json":
        print_json(content)
        return
    revoked = content["Revoked"]
    target = f"{revoked['Kind']} {revoked.get('Target', '')}".strip()
    click.echo(f"revoked: {target}, issued until {iso_time(revoked['Before'])}")


@sessions.command()
@connection_options
@output_option
def limits(profile: str | None, region: str | None, endpoint_url: str | None, output: str) -> None:
    """Show who has how many sessions, who is locked out, and what was refused for being too much.

    A server with several worker processes counts in each, and one of them answers.

    \b
    Example: daypass sessions limits
    """
    connection = Connection(profile, region, endpoint_url)
    found = ask(connection, "/limits", "No limits are shown.", under="")
    if output == "json":
        print_json(found)
        return
    print_fields(
        {
            "Process": f"{found['Process']}",
            "Sessions a second": f"{_limit(found['PrincipalRate'])} to one principal, "
            f"{_limit(found['AddressRate'])} to one address",
            "Live sessions": f"{_limit(found['LiveSessions'])} of one principal",
            "Refused": ", ".join(
                f"{count} by {name}" for name, count in found["Throttled"].items() if count
            )
            or "none",
            "Listed": f"{found['SessionsListed']}, and {found['SessionsUnlisted']} dropped",
            "Audit": f"{found['AuditEventsLost']} events lost",
        }
    )
    for one in found["Principals"]:
        click.echo(f"{one['Sessions']:>9}  {one['Arn']}")
    for one in found["LockedOut"]:
        click.echo(
            f"locked out for {one['SecondsLeft']} s: {one['Name']} from {one['Address']}, after "
            f"{one['Failures']} failures in a row"
        )


def _limit(value: float) -> str:
    return f"{value:g}" if value else "no limit"


COMMANDS: Final = {"sessions": sessions}
