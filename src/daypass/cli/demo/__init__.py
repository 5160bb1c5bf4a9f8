"""`daypass demo`: the whole story, on a server of its own, with the clients people really use."""

import signal
import sys
from types import FrameType
from typing import Final

import click

from daypass.cli.demo.examples import find_examples
from daypass.cli.demo.node import node_modules
from daypass.cli.demo.refusals import REFUSALS
from daypass.cli.demo.screen import Screen
from daypass.cli.demo.stage import UnexpectedError, open_stage
from daypass.cli.demo.story import STORY, set_the_scene, tell
from daypass.cli.failure import FAILED, Failure
from daypass.cli.options import output_option
from daypass.cli.present import print_json


@click.command()
@output_option
def demo(output: str) -> None:
    """Show the whole story on a server of its own: users, roles, functions, Function URLs and a
    bucket, driven by the real AWS CLI, boto3, and Node.js where there is one.

    Every step shows what was sent, what came back and why, and is checked. Nothing is left
    behind but downloaded Node packages in the cache directory.

    \b
    Example: daypass demo
    """
    # Ended from outside, it still stops its server and leaves nothing behind.
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen(quiet=output == "json")
    examples = find_examples()
    with screen.busy("Preparing the Node.js clients"):
        modules = node_modules(examples / "node")
    if isinstance(modules, str):
        screen.note(f"Without Node.js: {modules}")
    with open_stage(examples, None if isinstance(modules, str) else modules, screen) as stage:
        try:
            scene = set_the_scene(stage)
        except UnexpectedError as error:
            raise Failure("The demo cannot begin.", str(error)) from error
        for number, step in enumerate([*STORY, REFUSALS], 1):
            tell(number, step, stage, scene)
    verdict = screen.verdict()
    if output == "json":
        print_json(verdict)
    if not verdict["Ok"]:
        sys.exit(FAILED)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


COMMANDS: Final = {"demo": demo}
