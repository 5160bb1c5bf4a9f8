"""`daypass use` and `shell-init`: one profile for a whole shell."""

import os
import sys
import time
from typing import Final

import click
from click.shell_completion import get_completion_class

from daypass.cli import formats
from daypass.cli.completing import complete_profiles
from daypass.cli.formats import variables_of
from daypass.cli.options import output_option
from daypass.cli.present import time_left
from daypass.cli.profiles import pick_profile
from daypass.cli.recent import recent_first, remember_profile
from daypass.cli.shells import FUNCTIONS
from daypass.client.config import read_configuration
from daypass.client.mfa import MfaCodes
from daypass.client.profiles import summaries
from daypass.client.session import Session
from daypass.client.settings import missing_profile

_REGION: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Names the profile for the prompt, and tells what `use` has set.
_USED: Final = "DAYPASS_PROFILE"
_SHELLS: Final = {"bash": "env", "zsh": "env", "fish": "fish", "powershell": "powershell"}
_shell_option: Final = click.option(
    "--shell", type=click.Choice(tuple(_SHELLS)), default="bash", show_default=True
)


@click.command()
@click.argument("profile", required=False, shell_complete=complete_profiles)
@click.option(
    "--export",
    "what",
    type=click.Choice(["auto", "profile", "credentials"]),
    default="auto",
    help="profile: only its name, so that SDKs renew by themselves; credentials: temporary ones, "
    "for what SDKs cannot do (MFA, tags).  [default: auto, as the profile needs]",
)
@click.option("--off", is_flag=True, help="Back to a shell without a profile.")
@click.option("--mfa-code", metavar="CODE", help="A code, not to be asked for at the terminal.")
@_shell_option
@output_option
def use(
    profile: str | None, what: str, off: bool, mfa_code: str | None, shell: str, output: str
) -> None:
    """Switch this shell to a profile; without a name, choose one.

    It needs `daypass shell-init` in the shell's start file. Other variables of credentials are
    removed, and the profile's name stands in DAYPASS_PROFILE, for a prompt.

    \b
    Examples:
      daypass use work
      daypass use --off
    """
    del output  # for errors alone: the rest is the shell's
    write = formats.SHELLS[_SHELLS[shell]]
    # What an earlier `use` has set, and this one may not.
    before = (_USED, *_REGION) if _USED in os.environ else ()
    if off:
        click.echo(write({}, before))
        return
    name = profile or _chosen()
    session = Session(name, cache=True, mfa=MfaCodes(mfa_code))
    configuration = session.settings().configuration
    found = {one.name: one for one in summaries(configuration)}.get(name)
    if found is None:
        raise missing_profile(name, configuration)
    needed = what == "credentials" or (what == "auto" and found.needs_daypass)
    variables = variables_of(session.credentials()) if needed else {"AWS_PROFILE": name}
    if found.region:
        variables |= dict.fromkeys(_REGION, found.region)
    remember_profile(name)
    click.echo(write({**variables, _USED: name}, before))
    _say(session, name, shell, temporary=needed)


def _chosen() -> str:
    found = summaries(read_configuration())
    names = recent_first([one.name for one in found])
    return pick_profile(sorted(found, key=lambda one: names.index(one.name)))


def _say(session: Session, name: str, shell: str, *, temporary: bool) -> None:
    if sys.stdout.isatty():
        click.echo(
            f'Nothing has changed: put eval "$(daypass shell-init {shell})" into the start file '
            "of the shell first.",
            err=True,
        )
    elif temporary:
        until = session.credentials().expiration
        left = f" for {time_left(until - time.time())}" if until is not None else ""
        click.echo(f"{name}: credentials{left}; `daypass use {name}` renews them.", err=True)


@click.command("shell-init")
@click.argument("shell", type=click.Choice(tuple(_SHELLS)))
def shell_init(shell: str) -> None:
    """Print what lets `daypass use` switch a shell, and completes the words of every command.

    \b
    Examples, for the start file of the shell:
      eval "$(daypass shell-init bash)"          ~/.bashrc; zsh: ~/.zshrc
      daypass shell-init fish | source           ~/.config/fish/config.fish
      daypass shell-init powershell | Out-String | Invoke-Expression      $PROFILE
    """
    complete = get_completion_class(shell)
    assert complete is not None
    root = click.get_current_context().find_root().command
    click.echo(FUNCTIONS[shell])
    click.echo(complete(root, {}, "daypass", "_DAYPASS_COMPLETE").source())


COMMANDS: Final = {"use": use, "shell-init": shell_init}
