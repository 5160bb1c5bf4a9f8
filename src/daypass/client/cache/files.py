"""Files and directories that are this user's alone."""

import contextlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

# What others must not have: any way into a file, and the right to replace what a directory holds.
_READABLE: Final = 0o077
_WRITABLE: Final = 0o022


class NotPrivateError(OSError):
    """A file or directory that others can read or replace."""


def make_private_directory(path: Path) -> None:
    """Make it, for this user alone, if it is missing. Raises OSError, `NotPrivateError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check(path, path.lstat(), stat.S_ISDIR, _WRITABLE)


def _check(path: Path, found: os.stat_result, kind: Callable[[int], bool], others: int) -> None:
    if not kind(found.st_mode):
        raise NotPrivateError(f"{path} is not what it should be.")
    if sys.platform == "win32":
        return  # there a user's own folders are private by inheritance
    if found.st_uid != os.geteuid():
        raise NotPrivateError(f"{path} belongs to another user.")
    if found.st_mode & others:
        raise NotPrivateError(f"{path} is open to other users: chmod go= {path}")


def read_private(path: Path, most: int) -> bytes | None:
    """The content, None if there is no such file. most: bytes. Raises OSError,
    `NotPrivateError`."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        _check(path, os.fstat(file.fileno()), stat.S_ISREG, _READABLE)
        return file.read(most)


def write_private(path: Path, content: bytes) -> None:
    """Put the content in the file's place at once: no reader sees half of it. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
