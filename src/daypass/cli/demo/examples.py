"""Where the story's programs are: beside the package's sources, or installed with it."""

from pathlib import Path

import daypass
from daypass.cli.failure import Failure


def find_examples() -> Path:
    """The directory with `functions`, `clients` and `node`. Raises `Failure`."""
    package = Path(daypass.__file__).resolve().parent
    for candidate in (package / "examples", package.parents[1] / "examples"):
        if (candidate / "functions").is_dir():
            return candidate
    raise Failure(
        "The story's examples are missing.",
        f"They are neither in {package} nor beside it.",
        "Install Daypass anew, or run the demo from a checkout.",
    )
