"""`daypass exec`: a command with temporary credentials in its environment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import click

from daypass.cli.failure import NOT_EXECUTABLE, NOT_FOUND, Failure
from daypass.cli.formats import CLEARED, variables_of
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.sigv4 import Credentials


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
    cleared = cleared_environment(environ, region, endpoint_url)
    return cleared | variables_of(credentials, region)


@click.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option(
    "--server",
    "kind",
    type=click.Choice(["container", "imds"]),
    help="Serve the credentials to COMMAND while it runs, so that any SDK in it renews them.",
)
@identity_options
@output_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(kind: str | None, who: Identity, output: str, command: tuple[str, ...]) -> None:
    """Run COMMAND with a role's temporary credentials in its environment, and end with its code.

    Without --role it gets those of the profile. Variables of other credentials are removed.

    \b
    Examples:
      daypass exec --role arn:aws:iam::111122223333:role/reader -- aws s3 ls
      daypass exec --profile work -- make deploy
      daypass exec --server container --role arn:… -- a-job-of-many-hours
    """
    del output  # for errors alone
    if kind is not None:
        _run_with_server(command, kind, who)
    session = who.session()
    credentials = session.credentials()
    # The child does not see the profile any more.
    region, endpoint_url = session.region, who.connection.endpoint_url
    _run(command, child_environment(os.environ, credentials, region, endpoint_url))


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
