"""`daypass console`: signed in to the AWS console with temporary credentials."""

import secrets
import threading
import webbrowser
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import click

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import Duration, output_option
from daypass.cli.present import print_json
from daypass.client.console import (
    ConsoleHosts,
    SignInRefusedError,
    console_hosts,
    destination,
    get_signin_token,
    sign_in_url,
)
from daypass.client.session import Session
from daypass.client.sts import get_federation_token
from daypass.sigv4 import Credentials

# What GetFederationToken leaves of the user's own permissions: all.
_ALL: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
)
_SHORTEST: Final = 900
_LONGEST: Final = 43_200
_ISSUER: Final = "https://daypass.invalid/"
_BROWSER_SECONDS: Final = 60.0


@click.command()
@click.argument("page", default="")
@click.option(
    "--console-duration",
    type=Duration(),
    help="Of the console's session, 15m to 12h.  [default: what is left of the credentials']",
)
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser, print nothing.")
@click.option(
    "--federation-endpoint",
    metavar="URL",
    envvar="DAYPASS_FEDERATION_ENDPOINT",
    show_envvar=True,
    help="In place of AWS's.",
)
@click.option("--issuer", default=_ISSUER, metavar="URL", help="Where to sign in again afterwards.")
@identity_options
@output_option
def console(
    page: str,
    console_duration: int | None,
    in_browser: bool,
    federation_endpoint: str | None,
    issuer: str,
    who: Identity,
    output: str,
) -> None:
    """Print a URL that signs in to the AWS console, good for 15 minutes.

    PAGE is a service's name, like s3, or a URL of the console's. Keys of an IAM user are first made
    into a session with all of the user's permissions (GetFederationToken).

    \b
    Examples:
      daypass console --profile dev --open
      daypass console s3 --role arn:aws:iam::111122223333:role/reader
    """
    duration = console_duration
    if duration is not None and not _SHORTEST <= duration <= _LONGEST:
        raise click.BadParameter("it is 15 minutes to 12 hours.", param_hint="--console-duration")
    session = who.session()
    region = session.region or "us-east-1"
    hosts = console_hosts(region)
    endpoint = (federation_endpoint or _of_aws(session, hosts)).rstrip("/")
    credentials = session.credentials()
    if credentials.session_token is None:
        credentials = get_federation_token(
            credentials, session.settings(), "daypass", _ALL, duration
        )
        duration = None  # It is the federation token's.
    token = _token(endpoint, credentials, duration, session)
    url = sign_in_url(endpoint, token, destination(hosts, region, page), issuer)
    if in_browser:
        _open(url)
    elif output == "json":
        print_json({"Url": url})
    else:
        click.echo(url)
        click.echo("Whoever opens it within 15 minutes is signed in.", err=True)


def _of_aws(session: Session, hosts: ConsoleHosts) -> str:
    """AWS's federation endpoint, unless the credentials are not AWS's."""
    place = session.settings().place().url
    name = urlsplit(place).hostname or ""
    if name.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")):
        return hosts.federation
    raise Failure(
        "There is no console to sign in to.",
        f"The credentials are of {place}, and AWS's console does not take them; a Daypass server "
        "has a web page of its own, and no federation endpoint.",
        "Use credentials of AWS, or name a --federation-endpoint.",
    )


def _token(endpoint: str, credentials: Credentials, duration: int | None, session: Session) -> str:
    bundle = session.settings().ca_bundle()
    try:
        return get_signin_token(endpoint, credentials, duration, bundle)
    except SignInRefusedError as error:
        if duration is None or error.status != 400:
            raise
        # AWS takes no duration for the session of a role that another role's session assumed.
        token = get_signin_token(endpoint, credentials, None, bundle)
        click.echo(
            "Without the duration: the credentials come of one role through another, and the "
            "console's session ends with theirs.",
            err=True,
        )
        return token


def _open(url: str) -> None:
    """Open it without its ever being an argument of a process, which others can list."""
    from daypass.client.local.http import (  # noqa: PLC0415 - for this alone
        LocalRequest,
        LocalResponse,
        LocalServer,
        plain,
    )

    paths, fetched = {f"/{secrets.token_urlsafe(16)}"}, threading.Event()
    (path,) = paths

    def sent() -> Iterator[bytes]:
        yield b""
        fetched.set()  # The head went out before it.

    def answer(request: LocalRequest) -> LocalResponse:
        if request.path not in paths:
            return plain(404, "There is nothing here.")
        paths.clear()
        headers = [
            ("location", url),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("content-length", "0"),
        ]
        return LocalResponse(303, headers, sent())

    with LocalServer(answer) as server:
        if not webbrowser.open(f"{server.url}{path}"):
            raise Failure("No browser was found.", remedy="Leave out --open, and open the URL.")
        if not fetched.wait(_BROWSER_SECONDS):
            raise Failure(
                "The browser did not come.",
                f"It asked for nothing in {_BROWSER_SECONDS:.0f} s.",
                "Leave out --open, and open the URL.",
            )


COMMANDS: Final = {"console": console}
