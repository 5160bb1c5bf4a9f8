"""SDKs of other languages: fetched by their own tools, and kept in the user's cache directory."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from daypass.cli.demo.node import cache_directory

# Compiling an SDK for the first time takes a minute on a slow machine.
_SECONDS = 300


def tools(*names: str) -> list[str]:
    """Their paths. Skips where one is not there."""
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)} on PATH")
    return [path for path in found if path is not None]


def kept(kind: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """A directory of what `make` put there, made once for these sources."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    target = cache_directory() / f"{kind}-{digest[:16]}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            fresh = Path(work) / "fresh"
            fresh.mkdir()
            make(fresh)
            # Another run may have been quicker.
            if not target.is_dir():
                fresh.rename(target)
    return target


def fetch(command: Sequence[str], directory: Path, **environment: str) -> None:
    """Run what fetches packages. Skips where it cannot: no registry is no fault of the server."""
    ended = _run(command, directory, environment)
    if ended.returncode:
        lines = (ended.stderr or ended.stdout).strip().splitlines()
        pytest.skip(f"{Path(command[0]).name} fetched no packages: {lines[0] if lines else ''}")


def build(command: Sequence[str], directory: Path, **environment: str) -> None:
    """Run what compiles."""
    ended = _run(command, directory, environment)
    assert ended.returncode == 0, ended.stderr


def _run(
    command: Sequence[str], directory: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
