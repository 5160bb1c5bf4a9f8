"""`daypass exec`: a command with temporary credentials in its environment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import click

from daypass.cli.assume import assume_role_with, role_options
from daypass.cli.failure import NOT_EXECUTABLE, NOT_FOUND, Failure
from daypass.cli.identity import Identity
from daypass.cli.options import Connection, connection_options, output_option
from daypass.cli.present import iso_time
from daypass.client import Profile, RoleRequest, environment_region, standard_chain
from daypass.sigv4 import Credentials

# Every variable from which some SDK takes credentials, or a profile that names some. One left
# behind may win over those handed on.
CLEARED: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)


def cleared_environment(
    environ: Mapping[str, str], region: str | None, endpoint_url: str | None
) -> dict[str, str]:
    """The environment without what names credentials."""
    result = {name: value for name, value in environ.items() if name not in CLEARED}
    if region:
        result["AWS_REGION"] = result["AWS_DEFAULT_REGION"] = region
    if endpoint_url:
        result["AWS_ENDPOINT_URL"] = endpoint_url
    return result


def child_environment(
    environ: Mapping[str, str],
    credentials: Credentials,
    region: str | None,
    endpoint_url: str | None,
) -> dict[str, str]:
    """The environment without what conflicts, and with these credentials."""
    result = cleared_environment(environ, region, endpoint_url)
    result["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
    result["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
    if credentials.session_token:
        result["AWS_SESSION_TOKEN"] = credentials.session_token
    if credentials.expiration is not None:
        result["AWS_CREDENTIAL_EXPIRATION"] = iso_time(credentials.expiration)
    return result


@click.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("--role", "role_arn", metavar="ARN", help="The role to assume first.")
@click.option(
    "--server",
    "kind",
    type=click.Choice(["container", "imds"]),
    help="Serve the credentials to COMMAND while it runs, so that any SDK in it renews them.",
)
@role_options
@connection_options
@output_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(
    role_arn: str | None,
    kind: str | None,
    session_name: str,
    duration: int | None,
    policy: str | None,
    policy_arns: tuple[str, ...],
    external_id: str | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND with a role's temporary credentials in its environment, and end with its code.

    Without --role it gets those of the profile. Variables of other credentials are removed.

    \b
    Examples:
      daypass exec --role arn:aws:iam::111122223333:role/reader -- aws s3 ls
      daypass exec --server container --role arn:… -- a-job-of-many-hours
    """
    del output  # for errors alone
    connection = Connection(profile, region, endpoint_url)
    request = None
    if role_arn:
        request = RoleRequest(role_arn, session_name, duration, external_id, policy, policy_arns)
    if kind is not None:
        _run_with_server(command, kind, Identity(connection, request))
    if request is not None:
        credentials = assume_role_with(request, connection).credentials
    else:
        credentials = standard_chain(profile).credentials()
    where = region or region_of(profile)
    _run(command, child_environment(os.environ, credentials, where, endpoint_url))


def region_of(profile: str | None) -> str | None:
    """The region of the environment or the profile."""
    # Read here, because the child does not see the profile any more.
    return (None if profile else environment_region()) or Profile(profile).region()


def _run_with_server(command: Sequence[str], kind: str, who: Identity) -> NoReturn:
    # Late: who hands on variables alone does not wait for it.
    from daypass.cli.serve_credentials import run_with_server  # noqa: PLC0415
    from daypass.client.local.handing_on import Kind  # noqa: PLC0415

    environment = cleared_environment(os.environ, who.region(), who.connection.endpoint_url)
    with _told(command[0]):
        sys.exit(run_with_server(command, Kind(kind), who, environment))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    with _told(command[0]):
        if os.name == "nt":  # there, exec would return to the shell before the command ends
            ended = subprocess.run(command, env=environment, check=False)  # noqa: S603
            sys.exit(ended.returncode)
        os.execvpe(command[0], list(command), environment)  # noqa: S606 - the user's own command


@contextmanager
def _told(name: str) -> Iterator[None]:
    """A command that cannot be run, told as shells do."""
    try:
        yield
    except FileNotFoundError as error:
        raise _cannot_run(name, "There is no such command.", NOT_FOUND) from error
    except OSError as error:
        raise _cannot_run(name, f"{error.strerror}.", NOT_EXECUTABLE) from error


def _cannot_run(name: str, why: str, code: int) -> Failure:
    return Failure(f"Cannot run {name}.", why, "Check its name and PATH.", exit_code=code)


COMMANDS: Final = {"exec": execute}
