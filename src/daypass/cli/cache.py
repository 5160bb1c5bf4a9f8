"""`daypass cache`: the sessions that are kept between runs."""

import time
from typing import Final

import click

from daypass.cli.options import output_option
from daypass.cli.present import iso_time, print_json, print_table, time_left
from daypass.client.cache.entries import Entry
from daypass.client.cache.keys import where
from daypass.client.cache.store import Store


@click.group()
def cache() -> None:
    """Show and drop the sessions that are kept between runs, encrypted."""


@cache.command()
@output_option
def ls(output: str) -> None:
    """List them, without their secrets, those that end first at the top.

    \b
    Example: daypass cache ls --output json
    """
    store = Store()
    entries = store.entries()
    if output == "json":
        print_json(
            {
                "Directory": str(store.places.sessions),
                "Key": where(store.places.key),
                "Sessions": [_members(entry) for entry in entries],
            }
        )
        return
    if not entries:
        click.echo("No sessions are kept.")
        return
    now = time.time()
    rows = [
        (
            one.label.kind,
            one.label.name,
            one.label.profile or "-",
            one.label.endpoint or "-",
            one.credentials.access_key_id,
            time_left(one.left(now)),
        )
        for one in entries
    ]
    print_table(("KIND", "OF", "PROFILE", "ENDPOINT", "ACCESS KEY", "LEFT"), rows)


def _members(entry: Entry) -> dict[str, str]:
    label = entry.label
    members = {
        "Kind": label.kind,
        "Of": label.name,
        "Profile": label.profile,
        "Endpoint": label.endpoint,
        "Arn": entry.arn,
        "AccessKeyId": entry.credentials.access_key_id,
        "Issued": iso_time(entry.issued),
        "Expiration": iso_time(entry.credentials.expiration or 0),
    }
    return {name: value for name, value in members.items() if value}


@cache.command()
@output_option
def clear(output: str) -> None:
    """Drop all of them. They stay valid where they were issued: `daypass sessions revoke`.

    \b
    Example: daypass cache clear
    """
    count = Store().clear()
    if output == "json":
        print_json({"Dropped": count})
    else:
        click.echo(f"Dropped {count} session{'' if count == 1 else 's'}.")


COMMANDS: Final = {"cache": cache}
