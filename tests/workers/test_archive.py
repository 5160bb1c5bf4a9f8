"""Deployment packages: what is unpacked, how, and what is not. Attacks are in tests/security."""

import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from daypass.workers.archive import ArchiveError, CodeDirectory
from tests.functions import pack


@pytest.fixture
def code(tmp_path: Path) -> CodeDirectory:
    directory = CodeDirectory(tmp_path)
    directory.prepare()
    return directory


def test_a_package_becomes_a_directory_of_its_files(code: CodeDirectory) -> None:
    package = pack({"app.py": "print(1)", "lib/deep/x.txt": "x"})
    path = code.unpack(package)

    assert path.name == hashlib.sha256(package).hexdigest()
    assert (path / "app.py").read_text() == "print(1)"
    assert (path / "lib/deep/x.txt").read_text() == "x"
    assert code.find(path.name) == path


def test_only_the_executable_bit_of_a_mode_is_kept(code: CodeDirectory) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for name, mode in (("plain", 0o100666), ("setuid", 0o104777), ("none", 0o100000)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, name)
    previous = os.umask(0)
    try:
        path = code.unpack(package.getvalue())
    finally:
        os.umask(previous)

    modes = {name: stat.S_IMODE((path / name).stat().st_mode) for name in os.listdir(path)}
    assert modes == {"plain": 0o644, "setuid": 0o755, "none": 0o644}


def test_a_package_made_on_windows_is_taken(code: CodeDirectory) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("lib/app.py")
        entry.create_system = 0
        entry.external_attr = 0x20
        archive.writestr(entry, "x")

    assert (code.unpack(package.getvalue()) / "lib/app.py").read_text() == "x"


def test_unpacking_again_is_the_same_directory(code: CodeDirectory) -> None:
    package = pack({"app.py": ""})
    assert code.unpack(package) == code.unpack(package)


@pytest.mark.parametrize(
    "package", [b"", b"no zip", b"PK\x03\x04", pack({"app.py": "x" * 100})[:-30]]
)
def test_what_is_no_zip_is_refused(code: CodeDirectory, package: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        code.unpack(package)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_damaged_entry_is_refused(code: CodeDirectory) -> None:
    package = bytearray(pack({"app.py": "print(1)" * 100}))
    package[50] ^= 0xFF
    with pytest.raises(ArchiveError, match="damaged"):
        code.unpack(bytes(package))


def test_what_an_earlier_boot_left_is_removed(tmp_path: Path) -> None:
    old = tmp_path / "code-of-an-earlier-boot" / "x"
    old.mkdir(parents=True)
    CodeDirectory(tmp_path).prepare()

    assert not old.exists()


# -- layers ----------------------------------------------------------------------------------


def unpacked(code: CodeDirectory, files: dict[str, str]) -> str:
    """The digest of a package of these files, unpacked."""
    return code.unpack(pack(files)).name


def test_layers_lie_over_one_another_and_stay_as_they_were(tmp_path: Path) -> None:
    code = CodeDirectory(tmp_path)
    code.prepare()
    under = unpacked(code, {"python/a.py": "under", "python/b.py": "under"})
    over = unpacked(code, {"python/a.py": "over", "bin/tool": "over"})
    merged = code.merge([under, over])
    turned = code.merge([over, under])

    assert merged is not None
    assert turned is not None
    assert (merged / "python/a.py").read_text() == (merged / "bin/tool").read_text() == "over"
    assert (merged / "python/b.py").read_text() == "under"
    assert (turned / "python/a.py").read_text() == "under"
    assert code.merge([under, over]) == merged
    alone = code.merge([under])
    assert alone is not None
    assert (alone / "python/a.py").read_text() == "under"
    assert code.merge([]) is None


@pytest.mark.parametrize(
    "layers",
    [
        ({"x": "file"}, {"x/y": "in a directory"}),
        ({"x/y": "in a directory"}, {"x": "file"}),
    ],
)
def test_layers_that_disagree_are_refused_and_leave_nothing(
    tmp_path: Path, layers: tuple[dict[str, str], dict[str, str]]
) -> None:
    code = CodeDirectory(tmp_path)
    code.prepare()
    digests = [unpacked(code, files) for files in layers]
    with pytest.raises(ArchiveError, match="a file in one of them and a directory in another"):
        code.merge(digests)
    assert sorted(path.name for path in next(tmp_path.iterdir()).iterdir()) == sorted(digests)


def test_functions_can_read_what_a_server_with_a_strict_umask_unpacks(tmp_path: Path) -> None:
    directory = CodeDirectory(tmp_path)
    before = os.umask(0o077)
    try:
        directory.prepare()
        code = directory.unpack(pack({"inner/deep/app.py": "", "bootstrap": ""}, "bootstrap"))
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [code, *code.rglob("*")]}

    assert modes.pop(code.name) == modes.pop("inner") == modes.pop("deep") == 0o755
    assert modes == {"app.py": 0o644, "bootstrap": 0o755}
