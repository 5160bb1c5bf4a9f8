"""`daypass sign`: a signed request, for other programs to send."""

import re
import sys
import time
from typing import Final
from urllib.parse import urlsplit

import click

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import print_json
from daypass.cli.request import GivenRequest, request_options
from daypass.cli.written import ABOUT_TOKENS, as_curl, as_http
from daypass.client import resolve
from daypass.client.call.asked import Asked, headers_of
from daypass.client.call.body import Body
from daypass.client.call.urls import wire_url
from daypass.client.signed import SET_BY_SIGNING
from daypass.client.signer import Signer

_LARGEST: Final = 64 * 1024 * 1024  # bytes of a request on standard input
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE: Final = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP/[0-9.]+)?"
).fullmatch


@click.command()
@request_options
@click.option(
    "--format",
    "style",
    type=click.Choice(["headers", "http", "curl"]),
    default="headers",
    show_default=True,
    help="The headers to add, the whole request, or a command for curl.",
)
@click.option("--service", help="Of the signature.  [default: inferred from the URL]")
@identity_options
@output_option
def sign(given: GivenRequest, style: str, service: str | None, who: Identity, output: str) -> None:
    """Sign a request, and print what another program needs to send it.

    With - for the URL, an HTTP/1.1 request is read from standard input. What is printed is good for
    some 15 minutes, and carries the session token if there is one.

    \b
    Examples:
      daypass sign https://….lambda-url.eu-west-1.on.aws/orders -d @order.json
      daypass sign https://bucket.s3.eu-west-1.amazonaws.com/key --format curl
      daypass sign - --format http < request.txt
    """
    if given.url == "https://-":
        given = _from_standard_input()
    scope = resolve(given.url, service, who.connection.region, who.configured_region)
    signer = Signer(who.provider(), lambda _url: scope, time.time, unsigned_payload=False)
    signed = signer.sign(Asked(given.method, given.url, given.headers, given.body).outgoing())
    if output == "json":
        print_json(
            {
                "Method": given.method,
                "Url": given.url,
                "Headers": dict(headers_of(signed)),
                "Service": scope.service,
                "Region": scope.region,
            }
        )
        return
    click.echo(f"signed for {scope.service} in {scope.region} ({scope.because})", err=True)
    if style == "curl":
        click.echo(as_curl(signed, given.body, given.files))
    elif style == "http":
        click.echo(as_http(signed, given.body))
    else:
        ours = SET_BY_SIGNING | {"host"}
        for name, value in signed.request.headers:
            if name.lower() in ours:
                click.echo(f"{name}: {value}")
    if signed.credentials.session_token and sys.stdout.isatty():
        click.echo(ABOUT_TOKENS, err=True)


def _from_standard_input() -> GivenRequest:
    """Raises `Failure` for what is no request."""
    text = sys.stdin.buffer.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise _unreadable(f"It is longer than {_LARGEST >> 20} MiB.")
    end = _END_OF_HEAD.search(text)
    head, content = (text[: end.start()], text[end.end() :]) if end else (text.rstrip(), b"")
    first, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    found = _REQUEST_LINE(first.strip())
    if found is None:
        raise _unreadable("Its first line is not METHOD TARGET HTTP/1.1.")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _unreadable("A line of its head is not NAME: VALUE.")
        headers.append((name, value.strip()))
    url = _url_of(found[2], [value for name, value in headers if name.lower() == "host"])
    kept = [one for one in headers if one[0].lower() not in ("host", "content-length")]
    return GivenRequest(found[1], url, kept, Body([content]) if content else None)


def _url_of(target: str, hosts: list[str]) -> str:
    if "://" in target:
        return wire_url(target)
    if len(hosts) != 1 or not target.startswith("/"):
        raise _unreadable("Its target is no path, or it has not one Host header.")
    name = urlsplit(f"//{hosts[0]}").hostname or ""
    local = name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")
    return wire_url(f"{'http' if local else 'https'}://{hosts[0]}{target}")


def _unreadable(why: str) -> Failure:
    return Failure("Standard input is no request.", why, "Give it as HTTP/1.1 writes requests.")


COMMANDS: Final = {"sign": sign}
