"""Deployment packages: what a zip may hold, and how it becomes a directory of code.

A zip comes from whoever may create functions, and is unpacked by the server: every entry is
checked before the first byte is written, and what it says of its sizes is not believed.
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

UNPACKED_LIMIT: Final = 262_144_000
_ENTRIES_LIMIT: Final = 65_535
_NAME_LIMIT: Final = 255
_PATH_LIMIT: Final = 1024
_PIECE: Final = 256 * 1024
_LOCAL_HEADER_LENGTH: Final = 30
_UNIX: Final = 3
_ENCRYPTED: Final = 0x1
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f]")


class ArchiveError(Exception):
    """A deployment package that is not taken. The text says why."""


class ArchiveTooLargeError(ArchiveError):
    """It holds more than `UNPACKED_LIMIT` bytes."""


class CodeDirectory:
    """Where unpacked code is kept, a directory a package, named by the package's SHA-256.

    It is a cache of this boot of the machine: a power failure may leave files unwritten, so what
    an earlier boot left is thrown away.
    """

    def __init__(self, directory: Path) -> None:
        self._root = directory / f"code-{_boot_id()}"

    def prepare(self) -> None:
        """Make the directory; remove what earlier boots left."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._root.parent.glob("code-*"):
            if old != self._root:
                shutil.rmtree(old, ignore_errors=True)

    def find(self, sha256: str) -> Path | None:
        """The directory of this package, if it was unpacked."""
        path = self._root / sha256
        return path if path.is_dir() else None

    def unpack(self, package: bytes) -> Path:
        """The directory of this package, unpacked now at need. Raises `ArchiveError`."""
        sha256 = hashlib.sha256(package).hexdigest()
        target = self._root / sha256
        if target.is_dir():
            return target
        partial = self._root / f".{sha256}.{os.getpid()}.{os.urandom(4).hex()}"
        partial.mkdir(mode=0o700)
        try:
            _unpack(package, partial)
            _let_enter(partial)
            # Another process may have been faster; a directory of this name is this package.
            with contextlib.suppress(OSError):
                partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return target

    def merge(self, layers: Sequence[str]) -> Path | None:
        """The directory of these layers together, None of none; all must have been unpacked.

        What a later layer has replaces what an earlier one had. Raises `ArchiveError` where one
        has a file where another has a directory.
        """
        if not layers:
            return None
        if len(layers) == 1:
            return self._root / layers[0]
        target = self._root / f"layers-{hashlib.sha256(' '.join(layers).encode()).hexdigest()}"
        if target.is_dir():
            return target
        partial = self._root / f".layers.{os.getpid()}.{os.urandom(4).hex()}"
        partial.mkdir(mode=0o700)
        try:
            for layer in layers:
                _lay_over(self._root / layer, partial)
            _let_enter(partial)
            with contextlib.suppress(OSError):
                partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return target


def _let_enter(directory: Path) -> None:
    """Whatever the server's umask is: functions are other users, who must be able to read."""
    for parent, _, _ in os.walk(directory):
        Path(parent).chmod(0o755)


def directory_size(directory: Path) -> int:
    """The bytes of the files in it."""
    return sum(
        os.lstat(os.path.join(parent, name)).st_size
        for parent, _, names in os.walk(directory)
        for name in names
    )


def _lay_over(layer: Path, target: Path) -> None:
    """Link the files of a layer into the directory, over those of the same names."""
    for parent, directories, names in os.walk(layer):
        place = target / os.path.relpath(parent, layer)
        for name in directories:
            if (place / name).is_file():
                raise ArchiveError(_disagree(name))
            (place / name).mkdir(mode=0o755, exist_ok=True)
        for name in names:
            if (place / name).is_dir():
                raise ArchiveError(_disagree(name))
            (place / name).unlink(missing_ok=True)
            os.link(Path(parent) / name, place / name)


def _disagree(name: str) -> str:
    return f"{name!r} is a file in one of them and a directory in another."


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _unpack(package: bytes, directory: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            entries = archive.infolist()
            check_entries(entries)
            remaining = UNPACKED_LIMIT
            for entry in entries:
                path = directory.joinpath(*_parts(entry))
                if entry.is_dir():
                    path.mkdir(mode=0o755, parents=True, exist_ok=True)
                else:
                    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                    remaining -= _write(archive, entry, path, remaining)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ArchiveError(f"The zip file is damaged: {error}.") from error


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, limit: int) -> int:
    executable = entry.create_system == _UNIX and entry.external_attr >> 16 & stat.S_IXUSR
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = 0o755 if executable else 0o644
    descriptor = os.open(path, flags, mode)
    os.fchmod(descriptor, mode)
    size = 0
    with os.fdopen(descriptor, "wb") as file, archive.open(entry) as source:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise ArchiveTooLargeError(_too_large())
            file.write(piece)
    return size


def check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse entries that would be written elsewhere, or twice, or that are not plain files."""
    if len(entries) > _ENTRIES_LIMIT:
        raise ArchiveError(f"The zip file has more than {_ENTRIES_LIMIT} entries.")
    if sum(entry.file_size for entry in entries) > UNPACKED_LIMIT:
        raise ArchiveTooLargeError(_too_large())
    _check_overlap(entries)
    files: set[tuple[str, ...]] = set()
    directories: set[tuple[str, ...]] = set()
    for entry in entries:
        parts = _parts(entry)
        _check_kind(entry)
        if entry.is_dir():
            directories.add(parts)
        elif parts in files:
            raise ArchiveError(f"The zip file has two entries named {entry.filename!r}.")
        else:
            files.add(parts)
        directories.update(parts[:length] for length in range(1, len(parts)))
    for both in files & directories:
        raise ArchiveError(f"The zip file has {'/'.join(both)!r} as a file and as a directory.")


def _check_kind(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"The entry {entry.filename!r} is encrypted.")
    if entry.compress_type not in _METHODS:
        raise ArchiveError(f"The entry {entry.filename!r} is not stored or deflated.")
    kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        # A link could lead the entries after it out of the directory; devices have no place here.
        raise ArchiveError(f"The entry {entry.filename!r} is a link or a special file.")
    if kind and (kind == stat.S_IFDIR) != entry.is_dir():
        raise ArchiveError(f"The entry {entry.filename!r} is not what its name says.")


def _check_overlap(entries: Sequence[zipfile.ZipInfo]) -> None:
    # Entries that share their compressed bytes are how a small zip holds more than it could.
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise ArchiveError("The zip file has entries that overlap.")
        name_length = len(entry.orig_filename.encode("utf-8", "surrogateescape"))
        end = entry.header_offset + _LOCAL_HEADER_LENGTH + entry.compress_size
        if entry.orig_filename.isascii():
            end += name_length


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """The path of an entry, component by component. Raises `ArchiveError`."""
    # `filename` ends at a NUL; what was sent is in `orig_filename`.
    name = entry.orig_filename
    parts = tuple(name.removesuffix("/").split("/"))
    if (
        _CONTROL_CHARACTER.search(name)
        or "\\" in name
        or len(name) > _PATH_LIMIT
        or any(part in {"", ".", ".."} or len(part.encode()) > _NAME_LIMIT for part in parts)
    ):
        raise ArchiveError(f"The zip file has an entry with the unusable name {name!r}.")
    return parts


def _too_large() -> str:
    return f"Unzipped size must be smaller than {UNPACKED_LIMIT} bytes"
