"""`daypass assume`: a role's temporary credentials, printed for a shell or a program."""

import sys
from dataclasses import replace
from typing import Final

import click

from daypass.cli import formats
from daypass.cli.completing import complete_targets
from daypass.cli.identity import Identity, refuse_terms, terms_options
from daypass.cli.options import output_option
from daypass.cli.present import iso_time, print_json
from daypass.client.role_requests import AssumedRole

_FORMATS: Final = (*formats.SHELLS, "json", "ini", "credential-process")


@click.command()
@click.argument(
    "target", metavar="[ROLE_ARN|PROFILE]", required=False, shell_complete=complete_targets
)
@click.option(
    "--format",
    "style",
    type=click.Choice(_FORMATS),
    help="env (the default), fish, powershell, cmd: for a shell; json; ini: a section of "
    "~/.aws/credentials; credential-process: what SDKs read.",
)
@terms_options
@output_option
def assume(target: str | None, style: str | None, who: Identity, output: str) -> None:
    """Assume a role, or the role of a profile, and print its temporary credentials.

    A session is kept, encrypted, and printed again while it is good: `daypass cache`. Without a
    role they are those of the profile that counts.

    \b
    Examples:
      eval "$(daypass assume arn:aws:iam::111122223333:role/reader)"
      eval "$(daypass assume work --mfa-code 123456)"
      daypass assume arn:… --tag Project=alpha --source-identity alice --format json
      daypass assume work --format fish | source
    """
    who = for_target(target, who)
    session = who.session()
    assumed = session.assumed()
    chosen = style or ("json" if output == "json" else "env")
    if chosen == "json":
        _print_json(assumed)
    elif chosen == "credential-process":
        click.echo(formats.process(assumed.credentials))
    elif chosen == "ini":
        click.echo(
            formats.ini(assumed.credentials, who.connection.profile or "daypass", session.region)
        )
    else:
        click.echo(formats.SHELLS[chosen](formats.variables_of(assumed.credentials)))
        if sys.stdout.isatty():
            click.echo(f'To use them: eval "$(daypass assume … )"   ({assumed.arn})', err=True)


def for_target(target: str | None, who: Identity) -> Identity:
    """A target is the ARN of a role, or the name of a profile."""
    if target is not None and target.startswith("arn:"):
        return who.as_role(target)
    refuse_terms(who)
    where = who.connection
    if target is None:
        return who
    if where.profile not in (None, target):
        raise click.UsageError(f"{target} is no role's ARN, and --profile names another profile.")
    return replace(who, connection=replace(where, profile=target))


def _print_json(assumed: AssumedRole) -> None:
    made = assumed.credentials
    members = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
        "Expiration": iso_time(made.expiration) if made.expiration is not None else None,
        "Arn": assumed.arn,
        "AssumedRoleId": assumed.unique_id,
    }
    print_json({name: value for name, value in members.items() if value})


COMMANDS: Final = {"assume": assume}
