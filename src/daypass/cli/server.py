"""`daypass serve`, `init`, `env` and `ca`: the server, and what one needs to use it."""

import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from daypass.cli.failure import Failure
from daypass.cli.options import data_option, output_option
from daypass.cli.present import print_fields, print_json
from daypass.server import (
    FUNCTION_NETWORKS,
    ISOLATION_LEVELS,
    Config,
    FunctionSettings,
    LimitSettings,
    Ready,
    RootCredentials,
    ca_path,
    initialize,
    read_url_host,
    root_credentials,
    running,
    usual_concurrency,
)
from daypass.server import serve as serve_until_stopped

_LIMITS: Final = LimitSettings()
# Variables that would win over the keys `env` prints, or go with other keys.
_CLEARED: Final = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
)


@click.command()
@data_option
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:9311", show_default=True)
@click.option("--region", help="Of a new data directory.  [default: us-east-1]")
@click.option("--account-id", metavar="ID", help="Of a new data directory.  [default: random]")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--tls", is_flag=True, help="Listen with TLS too, certified by a CA of its own.")
@click.option("--tls-listen", metavar="HOST:PORT", help="Where; implies --tls.")
@click.option(
    "--explain-to-caller/--no-explain-to-caller",
    default=None,
    help="Tell refused callers why.  [default: only on loopback addresses]",
)
@click.option(
    "--oidc-allow-private",
    is_flag=True,
    help="Let OpenID providers be at private addresses, and speak plain HTTP there.",
)
@click.option(
    "--issuer-url",
    metavar="URL",
    help="Where others reach this server as an issuer of tokens.  [default: where it listens]",
)
@click.option(
    "--isolation",
    type=click.Choice(ISOLATION_LEVELS),
    help="Keep functions apart at this level or do not start.  [default: the strongest there is]",
)
@click.option(
    "--function-network",
    type=click.Choice(FUNCTION_NETWORKS),
    help="What functions reach: this server alone by AWS's names, the outside too, or all that "
    "this machine does.  [default: aws where it can be had]",
)
@click.option(
    "--issuance-rate",
    type=click.FloatRange(0),
    metavar="N",
    default=_LIMITS.principal_rate,
    show_default=True,
    help="Sessions a second issued to one principal, by each process. 0: no limit.",
)
@click.option(
    "--address-rate",
    type=click.FloatRange(0),
    metavar="N",
    default=_LIMITS.address_rate,
    show_default=True,
    help="The same of one address.",
)
@click.option(
    "--live-sessions",
    type=click.IntRange(0),
    metavar="N",
    default=_LIMITS.live_sessions,
    show_default=True,
    help="Sessions of one principal that have not expired. 0: no limit.",
)
@click.option("--function-session", type=click.IntRange(1), default=3600, hidden=True)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    metavar="N",
    help="Invocations at once, in all processes.  [default: as many as the machine has 32 MiB for, "
    "100 to 1000]",
)
@click.option(
    "--url-permissions",
    type=click.Choice(["both", "url"]),
    default="both",
    show_default=True,
    help="What a Function URL's caller needs: InvokeFunctionUrl and InvokeFunction, as Lambda asks "
    "since October 2025, or the first alone.",
)
@click.option(
    "--url-host",
    "url_hosts",
    metavar="HOST=ID",
    multiple=True,
    help="A host name of one's own for the Function URL of this id. Repeatable.",
)
@click.option("--clock-offset", type=float, default=0.0, hidden=True)
@output_option
def serve(
    data: Path,
    listen: str,
    region: str | None,
    account_id: str | None,
    workers: int,
    tls: bool,
    tls_listen: str | None,
    explain_to_caller: bool | None,
    oidc_allow_private: bool,
    issuer_url: str | None,
    isolation: str | None,
    function_session: int,
    issuance_rate: float,
    address_rate: float,
    live_sessions: int,
    concurrency: int | None,
    url_permissions: str,
    url_hosts: tuple[str, ...],
    function_network: str | None,
    clock_offset: float,
    output: str,
) -> None:
    """Run STS, IAM, Lambda with Function URLs, and S3 on one port, until interrupted.

    The first start makes the data directory, an account and its root access key, and prints the
    key this once. With --output json one line says the addresses when the server is ready.

    \b
    Example: daypass serve --data ./daypass-data --listen 127.0.0.1:9311
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        functions = FunctionSettings(
            usual_concurrency() if concurrency is None else concurrency,
            url_permissions == "both",
            dict(map(read_url_host, url_hosts)),
        )
    except ValueError as error:
        raise Failure(str(error)) from error
    config = Config(
        data=data,
        listen=listen,
        region=region,
        account_id=account_id,
        workers=workers,
        tls=tls or tls_listen is not None,
        tls_listen=tls_listen,
        explain_to_caller=explain_to_caller,
        oidc_allow_private=oidc_allow_private,
        issuer_url=issuer_url,
        isolation=isolation,
        function_session=function_session,
        limits=LimitSettings(issuance_rate, address_rate, live_sessions),
        functions=functions,
        function_network=function_network,
        clock_offset=clock_offset,
    )
    serve_until_stopped(config, _announce_json if output == "json" else _Announcement(data))


def _announce_json(ready: Ready) -> None:
    data: dict[str, object] = {
        "Endpoint": ready.endpoint_url,
        "TlsEndpoint": ready.tls_endpoint_url,
        "Region": ready.region,
        "AccountId": ready.account_id,
        "Isolation": ready.isolation,
        "FunctionNetwork": ready.function_network,
    }
    if ready.created is not None:
        data |= {
            "AccessKeyId": ready.created.access_key_id,
            "SecretAccessKey": ready.created.secret_access_key,
        }
    print_json(data)


class _Announcement:
    """Says for people that the server is ready."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, ready: Ready) -> None:
        created = ready.created
        print_fields(
            {
                "Endpoint": ready.endpoint_url,
                "TLS endpoint": ready.tls_endpoint_url or "",
                "Region": ready.region,
                "Account": ready.account_id,
                "Data": str(self._data),
                "Functions": ready.isolation,
                "Their network": ready.function_network,
                "Root access key": created.access_key_id if created else "",
                "Root secret key": created.secret_access_key if created else "",
            }
        )
        if created:
            click.echo("\nThe root key is shown this once; `daypass env` hands it to a shell.")
        click.echo(
            f'\nIn another shell: eval "$(daypass env --data {shlex.quote(str(self._data))})"'
        )
        click.echo("Ctrl-C stops the server.")


@click.command()
@data_option
@click.option("--account-id", metavar="ID", help="Twelve digits.  [default: random]")
@click.option("--region", help="[default: us-east-1]")
@output_option
def init(data: Path, account_id: str | None, region: str | None, output: str) -> None:
    """Make a data directory with an account and the access key of its root user, and print them.

    \b
    Example: daypass init --data ./daypass-data --region eu-west-1 --output json
    """
    made = initialize(data, account_id, region)
    if output == "json":
        print_json(
            {
                "AccountId": made.account_id,
                "Region": made.region,
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": made.secret_access_key,
            }
        )
        return
    print_fields(
        {
            "Account": made.account_id,
            "Region": made.region,
            "Root access key": made.access_key_id,
            "Root secret key": made.secret_access_key,
        }
    )


@click.command()
@data_option
@output_option
def env(data: Path, output: str) -> None:
    """Print the exports with which AWS tools use the server that runs on this data directory, as
    its root user.

    \b
    Example: eval "$(daypass env --data ./daypass-data)"
    """
    ready = running(data)
    if ready is None:
        raise Failure(
            f"No server runs on {data}.",
            "Its address is known only while it runs.",
            f"Start it: daypass serve --data {shlex.quote(str(data))}",
        )
    variables = _variables(ready, root_credentials(data))
    if output == "json":
        print_json(variables)
        return
    click.echo(f"unset {' '.join(_CLEARED)}")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _variables(ready: Ready, root: RootCredentials) -> Mapping[str, str]:
    return {
        "AWS_ENDPOINT_URL": ready.endpoint_url,
        # The SDKs for Python read only the second.
        "AWS_REGION": ready.region,
        "AWS_DEFAULT_REGION": ready.region,
        "AWS_ACCESS_KEY_ID": root.access_key_id,
        "AWS_SECRET_ACCESS_KEY": root.secret_access_key,
    }


@click.command()
@data_option
@output_option
def ca(data: Path, output: str) -> None:
    """Print the path of the certificate that signs a server's TLS certificates.

    \b
    Example: export AWS_CA_BUNDLE="$(daypass ca --data ./daypass-data)"
    """
    path = ca_path(data)
    if output == "json":
        print_json({"Path": str(path)})
    else:
        click.echo(str(path))


COMMANDS: Final = {"serve": serve, "init": init, "env": env, "ca": ca}
