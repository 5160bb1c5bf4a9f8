"""Where the session cache and its key are, on each system."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Places(NamedTuple):
    """sessions: the directory of the entries. key: the key file, kept apart from them."""

    sessions: Path
    key: Path


def cache_places(environ: Mapping[str, str] = os.environ) -> Places:
    """DAYPASS_CACHE_DIR for both, else where the system keeps such things of a user."""
    chosen = environ.get("DAYPASS_CACHE_DIR")
    if chosen:
        root = Path(os.path.expanduser(chosen))
        return Places(root / "sessions", root / "cache.key")
    home = Path.home()
    if sys.platform == "win32":
        local = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "daypass"
        return Places(local / "Cache" / "sessions", local / "cache.key")
    if sys.platform == "darwin":
        library = home / "Library"
        return Places(
            library / "Caches" / "daypass" / "sessions",
            library / "Application Support" / "daypass" / "cache.key",
        )
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return Places(cache / "daypass" / "sessions", state / "daypass" / "cache.key")
