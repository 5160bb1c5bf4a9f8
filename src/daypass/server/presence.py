"""Which server runs on a data directory; apart from all else, because commands ask it often."""

import json
import os
from pathlib import Path

from daypass.server.config import Ready


def running_path(data: Path) -> Path:
    """The file in which a server says where it is."""
    return data / "server.json"


def running(data: Path) -> Ready | None:
    """The server that runs on this directory, None if none does."""
    try:
        ready = Ready(**json.loads(running_path(data).read_bytes()))
        os.kill(ready.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return ready
