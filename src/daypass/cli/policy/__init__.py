"""`daypass policy`: IAM policies checked, simulated and explained, with files or a server's own."""

from typing import Final

import click

from daypass.cli.policy.explain import explain
from daypass.cli.policy.lint import lint_command
from daypass.cli.policy.simulate import simulate


@click.group()
def policy() -> None:
    """IAM policies: find mistakes, decide requests as AWS does, and say why.

    \b
    Example: daypass policy lint policy.json
    """


for command in (lint_command, simulate, explain):
    policy.add_command(command)

COMMANDS: Final = {"policy": policy}
