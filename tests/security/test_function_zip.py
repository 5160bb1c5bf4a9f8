"""Packages made to write elsewhere, twice, or without end: refused, and nothing is written."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.workers.archive import (
    UNPACKED_LIMIT,
    ArchiveError,
    ArchiveTooLargeError,
    CodeDirectory,
)


def _zip(*entries: tuple[str, bytes, int], method: int = zipfile.ZIP_STORED) -> bytes:
    """entries: name, content, mode."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", method) as archive:
        for name, content, mode in entries:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = name
            entry.external_attr = mode << 16
            entry.compress_type = method
            archive.writestr(entry, content)
    return package.getvalue()


FILE = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777


def _with_nul() -> bytes:
    """An entry whose name ends, for who stops at a NUL, as another."""
    return _zip(("app.pyX/../evil", b"x", FILE)).replace(b"app.pyX", b"app.py\0")


HOSTILE = {
    "parent": lambda: _zip(("../evil", b"x", FILE)),
    "parent in the middle": lambda: _zip(("lib/../../evil", b"x", FILE)),
    "parent directory": lambda: _zip(("../", b"", stat.S_IFDIR | 0o755)),
    "absolute": lambda: _zip(("/tmp/evil", b"x", FILE)),
    "double slash": lambda: _zip(("//evil", b"x", FILE)),
    "dot": lambda: _zip(("./app.py", b"x", FILE)),
    "empty": lambda: _zip(("", b"x", FILE)),
    "backslash": lambda: _zip(("..\\evil", b"x", FILE)),
    "drive": lambda: _zip(("C:\\evil", b"x", FILE)),
    "nul": _with_nul,
    "line break": lambda: _zip(("app\n.py", b"x", FILE)),
    "symbolic link": lambda: _zip(("link", b"/etc/passwd", LINK)),
    "file through a link": lambda: _zip(("d", b"/tmp", LINK), ("d/evil", b"x", FILE)),
    "device": lambda: _zip(("null", b"", stat.S_IFCHR | 0o666)),
    "pipe": lambda: _zip(("pipe", b"", stat.S_IFIFO | 0o666)),
    "socket": lambda: _zip(("socket", b"", stat.S_IFSOCK | 0o666)),
    "duplicate": lambda: _zip(("app.py", b"1", FILE), ("app.py", b"2", FILE)),
    "file and directory": lambda: _zip(("a", b"1", FILE), ("a/b", b"2", FILE)),
    "directory that is a file": lambda: _zip(("a/", b"", FILE)),
    "long name": lambda: _zip(("a" * 256, b"x", FILE)),
    "long path": lambda: _zip(("/".join(["a" * 100] * 12), b"x", FILE)),
    "other compression": lambda: _zip(("app.py", b"x", FILE), method=zipfile.ZIP_BZIP2),
}


@pytest.fixture
def code(tmp_path: Path) -> CodeDirectory:
    directory = CodeDirectory(tmp_path / "functions")
    directory.prepare()
    return directory


def _written(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() or path.is_symlink()]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_entries_are_refused_before_anything_is_written(
    code: CodeDirectory, tmp_path: Path, make: Callable[[], bytes]
) -> None:
    with pytest.raises(ArchiveError):
        code.unpack(make())
    assert _written(tmp_path) == []


def test_an_encrypted_entry_is_refused(code: CodeDirectory, tmp_path: Path) -> None:
    package = bytearray(_zip(("app.py", b"x", FILE)))
    central = package.index(b"PK\x01\x02")
    package[6] |= 1
    package[central + 8] |= 1
    with pytest.raises(ArchiveError, match="encrypted"):
        code.unpack(bytes(package))
    assert _written(tmp_path) == []


def test_a_bomb_that_says_its_size_is_refused(code: CodeDirectory, tmp_path: Path) -> None:
    package = bytearray(_zip(("a", bytes(1000), FILE), method=zipfile.ZIP_DEFLATED))
    central = package.index(b"PK\x01\x02")
    struct.pack_into("<I", package, central + 24, UNPACKED_LIMIT + 1)
    with pytest.raises(ArchiveTooLargeError, match="Unzipped size must be smaller than 262144000"):
        code.unpack(bytes(package))
    assert _written(tmp_path) == []


def test_a_bomb_that_lies_about_its_size_is_stopped(
    code: CodeDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.workers.archive.UNPACKED_LIMIT", 1_000_000)
    content = bytes(50_000_000)
    package = bytearray(_zip(("a", content, FILE), method=zipfile.ZIP_DEFLATED))
    assert len(package) < 100_000
    for at, offset in ((0, 22), (package.index(b"PK\x01\x02"), 24)):
        struct.pack_into("<I", package, at + offset, 10)
    with pytest.raises(ArchiveError):
        code.unpack(bytes(package))
    assert _written(tmp_path) == []


def test_entries_that_share_their_bytes_are_refused(code: CodeDirectory) -> None:
    """The zip bomb of D. Fifield: many names for one compressed kernel."""
    content = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = content.compress(bytes(1000)) + content.flush()
    crc = zlib.crc32(bytes(1000))
    local = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0x21, crc, len(compressed), 1000, 1, 0
    )
    body = local + b"a" + compressed
    directory = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\x01\x02", 20, 20, 0, 8, 0, 0x21, crc, len(compressed), 1000, 1),
            *(0, 0, 0, 0, 0, 0),
        )
        + name
        for name in (b"a", b"b", b"c")
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), len(body), 0)
    with pytest.raises(ArchiveError, match="overlap"):
        code.unpack(body + directory + end)


def test_too_many_entries_are_refused(code: CodeDirectory) -> None:
    package = _zip(*((str(number), b"", FILE) for number in range(65_536)))
    with pytest.raises(ArchiveError, match="entries"):
        code.unpack(package)
