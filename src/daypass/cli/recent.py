"""Which profiles were chosen last: a file beside the cache's key, of names alone."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from daypass.client.cache.files import make_private_directory, read_private, write_private
from daypass.client.cache.places import cache_places

_MOST: Final = 20


def recent_profiles() -> list[str]:
    """Their names, the last at the front; empty where the file cannot be read."""
    try:
        content = read_private(_path(), 1 << 16) or b""
    except OSError:
        return []
    return content.decode(errors="replace").splitlines()


def remember_profile(name: str) -> None:
    """Put it at the front. A disk that takes nothing is no obstacle."""
    names = [name, *(other for other in recent_profiles() if other != name)][:_MOST]
    with contextlib.suppress(OSError):
        make_private_directory(_path().parent)
        write_private(_path(), "\n".join(names).encode())


def recent_first(names: Sequence[str]) -> list[str]:
    """The names, those that were chosen at the front."""
    order = {name: place for place, name in enumerate(recent_profiles())}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def _path() -> Path:
    return cache_places().key.with_name("recent-profiles")
