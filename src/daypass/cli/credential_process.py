"""`daypass credential-process`: what an SDK runs to get credentials."""

import os
from typing import Final

import click

from daypass.cli import formats
from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.client.processes import PROFILE_CHAIN

# SDKs run the process at each use of credentials that have less than 900 s left.
_LEAST_LIFE: Final = 960.0


@click.command("credential-process")
@identity_options
@output_option
def credential_process(who: Identity, output: str) -> None:
    """Print credentials as SDKs read them from `credential_process` in ~/.aws/config.

    They come from the cache while they are good, and are renewed before the SDK would ask again.
    A code of an MFA device is asked for at the terminal, though stdout and stderr are the SDK's.

    \b
    Example, in ~/.aws/config:
      [profile reader]
      credential_process = daypass credential-process --role arn:… --profile base
    """
    del output  # it is always JSON; errors may be, too
    session = who.session(_LEAST_LIFE)
    name = session.settings().profile_name
    asked = os.environ.get(PROFILE_CHAIN, "").split(",")
    if name in asked:
        raise Failure(
            f"The profile {name} gets its credentials from itself.",
            f"Its credential_process runs Daypass for it: {' → '.join((*asked, name))}.",
            "Let the process name another profile.",
        )
    click.echo(formats.process(session.credentials()))


COMMANDS: Final = {"credential-process": credential_process}
