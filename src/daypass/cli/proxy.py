"""`daypass proxy`: a proxy on loopback that signs what goes through it."""

import time
from contextlib import ExitStack
from typing import Final

import click
import httpx

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import print_json, printable
from daypass.cli.serving import end_of_service
from daypass.cli.tls import trusting
from daypass.client import Scope, resolve
from daypass.client.local.allowed import AllowList, BadPatternError
from daypass.client.local.http import LocalServer
from daypass.client.local.peers import tells_users_apart
from daypass.client.local.proxy import Passing, SigningProxy
from daypass.client.loopback import LoopbackTransport
from daypass.client.signer import Signer

_CONNECTIONS: Final = 64


@click.command()
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: a free one]")
@click.option(
    "--max-body",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    metavar="MIB",
    help="Of bodies that are read before they are signed; those for S3 go through as they come.",
)
@click.option("--any-user", is_flag=True, help="Serve every user, where the system cannot tell.")
@click.option("--cacert", metavar="FILE", help="Trust this authority alone.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of each request on stderr.")
@click.option("--service", help="Of the signature.  [default: inferred from the host]")
@identity_options
@output_option
def proxy(
    hosts: tuple[str, ...],
    port: int,
    max_body: int,
    any_user: bool,
    cacert: str | None,
    quiet: bool,
    service: str | None,
    who: Identity,
    output: str,
) -> None:
    """Sign what programs send through a port of this machine, until it is interrupted.

    HOST is a name, all names below a domain (*.on.aws), or a URL without a path; other hosts are
    refused. With one name, everything goes there. With several, the Host header says where, or the
    program uses it as its http proxy.

    \b
    Examples:
      daypass proxy search-logs-abc.eu-west-1.es.amazonaws.com --port 9200
      daypass proxy '*.lambda-url.eu-west-1.on.aws' --role arn:aws:iam::111122223333:role/reader
    """
    if not any_user and not tells_users_apart():
        raise Failure(
            "The proxy is not started.",
            "This system does not say which user connects, and each could sign as you.",
            "Use --any-user if nobody else is on this machine.",
        )
    try:
        allowed = AllowList(hosts)
    except BadPatternError as error:
        raise click.BadParameter(str(error), param_hint="HOST") from error

    def scope(url: str) -> Scope:
        return resolve(url, service, who.connection.region, who.configured_region)

    def log(method: str, path: str, status: int) -> None:
        if not quiet:
            click.echo(f"{status}  {method} {printable(path[:200])}", err=True)

    def warn(text: str) -> None:
        click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {text}", err=True)

    signer = Signer(who.provider(), scope, time.time, unsigned_payload=False)
    passing = Passing(allowed, scope, max_body << 20, warn)
    with ExitStack() as opened:
        wait_for_end = opened.enter_context(end_of_service())
        limits = httpx.Limits(max_connections=_CONNECTIONS)
        client = opened.enter_context(
            httpx.Client(transport=LoopbackTransport(trusting(cacert), limits), trust_env=False)
        )
        handler = SigningProxy(client, signer, passing)
        try:
            server = LocalServer(
                handler, port, any_user=any_user, check_host=False, log=log,
                connections=_CONNECTIONS,
            )  # fmt: skip
        except OSError as error:
            why = f"{error.strerror}."
            raise Failure(f"Port {port} cannot be used.", why, "Choose another --port.") from error
        handler.serve_at(server.port)
        opened.enter_context(server)
        _announce(server.url, output)
        wait_for_end()


def _announce(url: str, output: str) -> None:
    if output == "json":
        print_json({"Url": url})
    else:
        click.echo(url)
        click.echo("Signing what comes there; Ctrl-C ends it.", err=True)


COMMANDS: Final = {"proxy": proxy}
