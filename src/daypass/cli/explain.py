"""`daypass explain`: why something was refused, from whatever there is of it."""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import iso_time, print_fields, print_json, print_table, printable
from daypass.client.errors import ClientError
from daypass.client.explain.denials import encoded_message
from daypass.client.explain.errors import explain_error
from daypass.client.explain.har import Entry, NoHarError, is_har, read_har
from daypass.client.explain.messages import explain_message
from daypass.client.explain.told import Told
from daypass.client.sts import decode_authorization_message

if TYPE_CHECKING:
    from daypass.sigv4 import Credentials

_REQUEST_ID: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_MESSAGE: Final = re.compile("[A-Za-z0-9_=+/-]{80,}").fullmatch
_LARGEST: Final = 256 * 1024 * 1024  # bytes of a file
_COLORS: Final = {"ok": "green", "unsigned": None}


@click.command()
@click.argument("what", required=False)
@click.option("--all", "everything", is_flag=True, help="Of a HAR file, also what went well.")
@identity_options
@output_option
def explain(what: str | None, everything: bool, who: Identity, output: str) -> None:
    """Say why a request was refused.

    WHAT is the id of a request to a Daypass server, an encoded authorization message, an error as
    it was printed, or a file with one; without WHAT it is read from standard input. A file may also
    be a browser's recording (HAR): each request is judged, and where the credentials at hand are
    those that signed it, the mistake in a signature is looked for.

    \b
    Examples:
      daypass explain 0f8fad5b-d9cb-469f-a165-70867728950e
      aws s3 ls s3://bucket 2>&1 | daypass explain
      daypass explain recording.har
    """
    text = _text(what)
    if _REQUEST_ID(text):
        _print(_of_request(text.lower(), who), output)
        return
    encoded = text if _MESSAGE(text) else encoded_message(text)
    if encoded:
        _print(_of_message(encoded, who), output)
        return
    if is_har(text):
        try:
            entries = read_har(text, _credentials(who))
        except NoHarError as error:
            raise Failure(
                str(error), remedy="Save it anew from the browser's network tab."
            ) from error
        _print_entries(entries, everything, output)
        return
    told = explain_error(text, _credentials(who))
    if told is None:
        raise Failure(
            "There is no refusal in it.",
            "It is no request id, no encoded message, no HAR file and no error of AWS's form.",
            "Paste the whole answer, with its headers if they are at hand (daypass call -i).",
        )
    _print(told, output)


def _text(what: str | None) -> str:
    if what is None or what == "-":
        if sys.stdin.isatty():
            click.echo("Paste the refused answer, then Ctrl-D:", err=True)
        return sys.stdin.buffer.read(_LARGEST).decode("utf-8", "replace").strip()
    path = Path(what)
    try:
        if len(what) < 1024 and path.is_file():
            return path.read_bytes()[:_LARGEST].decode("utf-8", "replace").strip()
    except OSError as error:
        raise Failure(f"{what} cannot be read.", f"{error.strerror}.") from error
    return what.strip()


def _credentials(who: Identity) -> "Credentials | None":
    """Those at hand, if there are any: they only help to find more."""
    try:
        return who.provider().credentials()
    except ClientError:
        return None


def _of_request(request_id: str, who: Identity) -> Told:
    from daypass.cli.own_api import ask  # noqa: PLC0415 - httpx takes 0.1 s

    found = ask(
        who.connection, f"/{request_id}", "The request is not explained.", under="/requests"
    )["Refusal"]
    return told_of(found)


def told_of(refusal: dict[str, Any]) -> Told:
    """A refusal as the server keeps it."""
    code, message = refusal["Code"], refusal.get("Message", "")
    # What the code means in general, unless the server knows better.
    general = explain_error(f"({code}): {message}")
    why = [text for text in (refusal.get("Explanation"), message) if text]
    asked = refusal.get("Operation") or f"{refusal['Method']} {refusal['Path']}"
    facts = {
        "Request": f"{refusal['Method']} {refusal['Path']}",
        "Service": refusal["Service"],
        "Operation": refusal.get("Operation", ""),
        "Principal": refusal.get("Principal", ""),
        "Access key": refusal.get("AccessKeyId", ""),
        "From": refusal.get("Client", ""),
        "When": iso_time(refusal["Time"]),
        "Answer": f"{refusal['Status']} {code}",
    }
    return Told(
        f"{asked} was refused with {code}.",
        tuple(why),
        () if refusal.get("Detail") or general is None else general.do,
        {label: value for label, value in facts.items() if value},
        refusal.get("Detail", "").partition("\n\n")[2],
    )


def _of_message(encoded: str, who: Identity) -> Told:
    session = who.session()
    decoded = decode_authorization_message(session.credentials(), session.settings(), encoded)
    try:
        return explain_message(decoded)
    except ValueError:
        return Told("The service decoded it to this.", detail=decoded)


def _print(told: Told, output: str) -> None:
    if output == "json":
        print_json(told.data())
        return
    told = replace(
        told,
        what=printable(told.what),
        facts={label: printable(text) for label, text in told.facts.items()},
        detail="\n".join(map(printable, told.detail.splitlines())),
    )
    click.echo(click.style(told.what, bold=True))
    for label, texts in (("why", told.why), ("do ", told.do)):
        for text in texts:
            click.echo(f"  {click.style(label, bold=True)}  {printable(text)}")
    if told.facts:
        click.echo()
        print_fields(told.facts)
    if told.detail:
        click.echo()
        click.echo(told.detail)


def _print_entries(entries: Sequence[Entry], everything: bool, output: str) -> None:
    counts = Counter(entry.verdict for entry in entries)
    shown = [
        entry
        for entry in entries
        if everything or (entry.verdict != "ok" and (entry.why or entry.scope))
    ]
    if output == "json":
        print_json({"Counts": dict(counts), "Requests": [entry.data() for entry in shown]})
        return
    for entry in shown:
        color = _COLORS.get(entry.verdict, "red")
        verdict = click.style(entry.verdict, fg=color, bold=True)
        click.echo(
            f"{entry.number:>4}  {verdict}  {entry.status}  {entry.method} {printable(entry.url)}"
        )
        if entry.scope:
            click.echo(
                f"      signed by {printable(entry.access_key_id)} for {printable(entry.scope)}"
            )
        if entry.why:
            click.echo(f"      {click.style('why', bold=True)}  {printable(entry.why)}")
    if shown:
        click.echo()
    print_table(("VERDICT", "REQUESTS"), [(name, f"{count}") for name, count in counts.items()])


COMMANDS: Final = {"explain": explain}
