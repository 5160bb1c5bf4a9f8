"""A package of a file or a directory, with what its requirements.txt or package.json asks for."""

import ast
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from daypass.cli.failure import Failure

_RUNTIMES: Final = {".py": "python3.12", ".mjs": "nodejs22.x", ".js": "nodejs22.x"}
# What is looked for in a directory, in this order.
_ENTRIES: Final = (
    *("app.py", "lambda_function.py", "main.py", "handler.py", "index.py"),
    *("index.mjs", "index.js", "app.mjs", "app.js", "handler.mjs", "handler.js"),
)
_HANDLERS: Final = ("handler", "lambda_handler")
_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "venv", "env"})
_PACKAGE_LIMIT: Final = 50 * 1024 * 1024
# A fixed time: the same files make the same package, and so the same code hash.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


def find_entry(source: Path) -> tuple[str, str]:
    """The runtime and the handler of a file or a directory, where nobody says them."""
    if source.is_file():
        if source.suffix not in _RUNTIMES:
            raise Failure(
                f"No runtime is known for {source.name}: it is no .py, .js or .mjs.",
                remedy="Give --runtime and --handler.",
                exit_code=2,
            )
        return _RUNTIMES[source.suffix], f"{source.stem}.{_handler_name(source)}"
    if os.access(source / "bootstrap", os.X_OK):
        return "provided.al2023", "bootstrap"
    found = [source / name for name in _ENTRIES if (source / name).is_file()]
    if not found:
        found = [one for one in sorted(source.iterdir()) if one.suffix in _RUNTIMES]
        if len(found) > 1:
            found = []
    if not found:
        raise Failure(
            f"{source} does not say which function is to be called.",
            f"None of {', '.join(_ENTRIES[:6])} … is in it, nor an executable bootstrap, nor one "
            "module alone.",
            "Give --handler MODULE.FUNCTION and --runtime.",
            exit_code=2,
        )
    return find_entry(found[0])


def _handler_name(module: Path) -> str:
    """Of a Python module what it defines; `handler` of all others."""
    if module.suffix != ".py":
        return "handler"
    try:
        tree = ast.parse(module.read_bytes())
    except (SyntaxError, ValueError):
        return "handler"
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return next((name for name in _HANDLERS if name in defined), "handler")


def source_files(source: Path) -> list[Path]:
    """The files of a package, without what is hidden, cached or installed."""
    if source.is_file():
        return [source]
    return sorted(_walk(source, source.resolve()))


def _walk(directory: Path, root: Path) -> Iterator[Path]:
    for entry in directory.iterdir():
        if entry.name.startswith(".") or entry.name in _LEFT_OUT or entry.suffix == ".pyc":
            continue
        # A link must not carry a file into the package that the directory does not hold.
        if entry.is_symlink() and not entry.resolve().is_relative_to(root):
            raise Failure(
                f"{entry} leads out of the directory.",
                "Its target would become part of the package.",
                "Copy what it leads to, or deploy the directory that holds both.",
            )
        if entry.is_dir():
            yield from _walk(entry, root)
        elif entry.is_file():
            yield entry


class Packer:
    """Makes packages, and installs the same requirements only once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._installed: dict[str, Path] = {}
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    def pack(self, source: Path) -> bytes:
        """The package of a file, a directory, or a zip that is one already."""
        if source.suffix == ".zip":
            return source.read_bytes()
        base = source.parent if source.is_file() else source
        entries = {str(path.relative_to(base)): path for path in source_files(source)}
        if source.is_dir():
            for installed in self._requirements(source):
                for path in sorted(one for one in installed.rglob("*") if one.is_file()):
                    if path.suffix != ".pyc":
                        entries.setdefault(str(path.relative_to(installed)), path)
        package = _zip(entries)
        self._say(f"packed {len(entries)} files, {len(package):,} bytes")
        if len(package) > _PACKAGE_LIMIT:
            raise Failure(
                f"The package has {len(package):,} bytes.",
                f"Lambda takes {_PACKAGE_LIMIT:,} directly.",
                "Leave something out, or make a layer of what changes seldom.",
            )
        return package

    def _requirements(self, source: Path) -> Iterator[Path]:
        """Directories with what is installed beside the code."""
        requirements = source / "requirements.txt"
        if requirements.is_file() and requirements.read_text(encoding="utf-8").strip():
            yield self._install(requirements, _pip)
        if (source / "node_modules").is_dir():
            yield from self._as_it_is(source)
        elif (source / "package.json").is_file():
            yield self._install(source / "package.json", _npm)

    def _as_it_is(self, source: Path) -> Iterator[Path]:
        self._say("taking node_modules as it is")
        modules = Path(self._temporary()) / hashlib.sha256(str(source).encode()).hexdigest()
        shutil.rmtree(modules, ignore_errors=True)
        shutil.copytree(source / "node_modules", modules / "node_modules")
        yield modules

    def _install(self, manifest: Path, install: Callable[[Path, Path], None]) -> Path:
        lock = manifest.parent / "package-lock.json"
        digest = hashlib.sha256(manifest.read_bytes())
        digest.update(lock.read_bytes() if lock.is_file() else b"")
        name = digest.hexdigest()
        if name not in self._installed:
            self._say(f"installing what {manifest.name} asks for")
            target = Path(self._temporary()) / name
            target.mkdir(exist_ok=True)
            install(manifest, target)
            self._installed[name] = target
        return self._installed[name]

    def _temporary(self) -> str:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="daypass-deploy-")
        return self._directory.name


def _pip(manifest: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    if find_spec("pip") is None:
        uv = shutil.which("uv")
        if uv is None:
            raise Failure(
                "requirements.txt cannot be installed.",
                f"Neither pip (of {sys.executable}) nor uv is there.",
                "Install pip, or put what is needed into the directory yourself.",
            )
        command = [uv, "pip", "install", "--quiet"]
    _run([*command, "--target", str(target), "--requirement", str(manifest.resolve())], target)


def _npm(manifest: Path, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Failure(
            "package.json cannot be installed.",
            "No command `npm` is on the PATH.",
            "Install Node.js with npm, or run it elsewhere and deploy with node_modules.",
        )
    shutil.copy(manifest, target)
    lock = manifest.parent / "package-lock.json"
    if lock.is_file():
        shutil.copy(lock, target)
    what = "ci" if lock.is_file() else "install"
    _run([npm, what, "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"], target)


def _run(command: list[str], directory: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - pip or npm, as the directory asks for
        command, cwd=directory, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise Failure(
            f"{Path(command[0]).name} could not install what is asked for.",
            " ".join(said[-3:]) or f"It ended with {ended.returncode}.",
            f"Try it yourself: {' '.join(command)}",
        )


def _zip(entries: dict[str, Path]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            path = entries[name]
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            executable = bool(path.stat().st_mode & stat.S_IXUSR)
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            archive.writestr(entry, path.read_bytes())
    return memory.getvalue()
