"""`daypass login`: a profile's credentials, with all that has to be typed for them."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import click

from daypass.cli.completing import complete_profiles
from daypass.cli.failure import Failure
from daypass.cli.options import output_option
from daypass.cli.present import print_fields, print_json, time_left
from daypass.cli.recent import remember_profile
from daypass.cli.whoami import describe
from daypass.client.errors import CredentialsUnavailableError
from daypass.client.mfa import MfaCodes
from daypass.client.session import Session

# What to do, as the client's errors say it, and the command that does it.
_BY_AWS_CLI: Final = {
    "Run `aws sso login`.": ("aws", "sso", "login"),
    "Run `aws login`.": ("aws", "login"),
}


@click.command()
@click.argument("profile", required=False, shell_complete=complete_profiles)
@click.option("--mfa-code", metavar="CODE", help="A code, not to be asked for at the terminal.")
@output_option
def login(profile: str | None, mfa_code: str | None, output: str) -> None:
    """Get a profile's credentials now, with all that has to be typed, and keep them.

    Codes of MFA devices are asked for here, so that nothing asks later: in a build, or from an
    SDK. For IAM Identity Center and `aws login` the AWS CLI opens the browser.

    \b
    Example: daypass login work
    """
    session = Session(profile, cache=True, mfa=MfaCodes(mfa_code))
    try:
        facts, until = describe(session)
    except CredentialsUnavailableError as error:
        command = _BY_AWS_CLI.get(error.remedy)
        if command is None:
            raise
        _run_aws_cli([*command, *(("--profile", profile) if profile else ())], error)
        session = Session(profile, cache=True)
        facts, until = describe(session)
    remember_profile(session.settings().profile_name)
    if output == "json":
        print_json(facts)
        return
    left = time_left(until - time.time()) if until is not None else "until they are deleted"
    print_fields({"ARN": facts["Arn"], "From": facts["Source"], "For": left})


def _run_aws_cli(command: Sequence[str], error: CredentialsUnavailableError) -> None:
    if shutil.which(command[0]) is None:
        raise error
    click.echo(f"{error.why} Running {' '.join(command)}.", err=True)
    # What it says is for the person; stdout is for the result.
    ended = subprocess.run(command, stdout=sys.stderr, check=False)  # noqa: S603
    if ended.returncode != 0:
        raise Failure(error.what, f"{' '.join(command)} ended with {ended.returncode}.")


COMMANDS: Final = {"login": login}
