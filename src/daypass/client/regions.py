"""The region that the environment names."""

import os
from collections.abc import Mapping
from typing import Final

# AWS's SDK for Python reads the second alone, its other SDKs the first.
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


def environment_region(environ: Mapping[str, str] = os.environ) -> str | None:
    """In either of the variables that AWS's tools read."""
    return next((environ[name] for name in REGION_VARIABLES if environ.get(name)), None)
