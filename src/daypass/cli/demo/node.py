"""The AWS SDK for JavaScript for the story's Node.js programs, in the user's cache directory."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_FILES: Final = ("package.json", "package-lock.json", ".npmrc")
_INSTALL_SECONDS: Final = 300


def cache_directory() -> Path:
    """Where this user's programs keep what they can fetch again."""
    home = Path.home()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(home / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(home / ".cache")
    return Path(base) / "daypass"


def node_modules(project: Path) -> Path | str:
    """A directory with the project's locked packages in `node_modules`, installed at need; or
    the reason why there is none, as a sentence."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "there is no node or no npm on PATH, so its steps are left out."
    lock = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()[:16]
    target = cache_directory() / f"node-{lock}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        fresh = Path(work) / "fresh"
        fresh.mkdir()
        for name in _FILES:
            shutil.copy(project / name, fresh / name)
        ended = subprocess.run(  # noqa: S603 - npm, from PATH
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=fresh,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            lines = ended.stderr.strip().splitlines()
            return f"npm could not install its packages ({lines[-1] if lines else 'no message'})."
        _put_in_place(fresh, target)
    return target


def _put_in_place(fresh: Path, target: Path) -> None:
    try:
        fresh.rename(target)
    except OSError:
        if not target.is_dir():  # another process was faster otherwise
            raise
