"""`daypass assume`: a role's temporary credentials, printed for a shell or a program."""

import shlex
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from daypass.cli.options import (
    Connection,
    Duration,
    TextOrFile,
    connection_options,
    output_option,
)
from daypass.cli.present import iso_time, print_json
from daypass.client import AssumedRole, AssumeRole, Endpoint, RoleRequest, standard_chain

Command = TypeVar("Command", bound=Callable[..., Any])


def role_options(command: Command) -> Command:
    """What can be asked of a role session beside the role."""
    for option in (
        click.option("--external-id", metavar="ID", help="What the trust policy may ask for."),
        click.option(
            "--policy-arn",
            "policy_arns",
            metavar="ARN",
            multiple=True,
            help="A managed policy that narrows the session; may be repeated.",
        ),
        click.option(
            "--policy", type=TextOrFile(), help="A session policy that narrows the session."
        ),
        click.option("--duration", type=Duration(), help="900 to 43200 seconds.  [default: 1h]"),
        click.option("--session-name", default="daypass", show_default=True),
    ):
        command = option(command)
    return command


def assume_role_with(request: RoleRequest, connection: Connection) -> AssumedRole:
    """Assume the role with the credentials of the connection. Raises `ClientError`."""
    at = Endpoint(connection.region, connection.endpoint_url, connection.profile)
    return AssumeRole(request, standard_chain(connection.profile), at).assume()


@click.command()
@click.argument("role_arn")
@click.option(
    "--format",
    "style",
    type=click.Choice(["env", "json", "credential-process"]),
    help="env: exports for a shell (the default); credential-process: for ~/.aws/config.",
)
@role_options
@connection_options
@output_option
def assume(
    role_arn: str,
    style: str | None,
    session_name: str,
    duration: int | None,
    policy: str | None,
    policy_arns: tuple[str, ...],
    external_id: str | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Assume a role and print its temporary credentials.

    \b
    Examples:
      eval "$(daypass assume arn:aws:iam::111122223333:role/reader)"
      credential_process = daypass assume --format credential-process arn:…   (in ~/.aws/config)
    """
    request = RoleRequest(role_arn, session_name, duration, external_id, policy, policy_arns)
    assumed = assume_role_with(request, Connection(profile, region, endpoint_url))
    _WRITERS[style or ("json" if output == "json" else "env")](assumed)


def _write_env(assumed: AssumedRole) -> None:
    made = assumed.credentials
    variables = {
        "AWS_ACCESS_KEY_ID": made.access_key_id,
        "AWS_SECRET_ACCESS_KEY": made.secret_access_key,
        "AWS_SESSION_TOKEN": made.session_token or "",
        "AWS_CREDENTIAL_EXPIRATION": iso_time(made.expiration or 0),
    }
    # AWS_SECURITY_TOKEN would win over the new token in SDKs that still read it.
    click.echo("unset AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    if sys.stdout.isatty():
        click.echo(f'To use them: eval "$(daypass assume … )"   ({assumed.arn})', err=True)


def _write_json(assumed: AssumedRole) -> None:
    made = assumed.credentials
    print_json(
        {
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret_access_key,
            "SessionToken": made.session_token,
            "Expiration": iso_time(made.expiration or 0),
            "Arn": assumed.arn,
            "AssumedRoleId": assumed.unique_id,
        }
    )


def _write_credential_process(assumed: AssumedRole) -> None:
    # AWS CLI user guide, "Sourcing credentials with an external process": Version is a number,
    # and the time has a zone, or SDKs fail.
    made = assumed.credentials
    print_json(
        {
            "Version": 1,
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret_access_key,
            "SessionToken": made.session_token,
            "Expiration": iso_time(made.expiration or 0),
        }
    )


_WRITERS: Final[dict[str, Callable[[AssumedRole], None]]] = {
    "env": _write_env,
    "json": _write_json,
    "credential-process": _write_credential_process,
}

COMMANDS: Final = {"assume": assume}
