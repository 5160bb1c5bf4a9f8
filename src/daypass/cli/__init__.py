"""The command line: one module a command, loaded when it is called."""

import gc
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # Imports make many objects and no garbage: looking for some takes a sixth of the start. It
    # is looked for again once the command is loaded.
    gc.disable()
    try:
        from daypass.cli.root import run  # noqa: PLC0415

        run(arguments)
    finally:
        gc.enable()


__all__ = ["main"]
