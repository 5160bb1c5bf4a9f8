"""Which files a function may see: of the system, of Python and its packages, and its own."""

import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from daypass.runtime import launch as launch_module
from daypass.runtime.namespaces import GROUP_ID, USER_ID

RUNTIME_DIRECTORY: Final = Path(launch_module.__file__).resolve().parent

# What programs need of a Linux system. Of /etc only what is public: not shadow, not the keys of
# the machine.
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_SETTINGS: Final = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/sys/devices/system/cpu",
)
# These a function sees of its own where it has its own root.
_OWN_SETTINGS: Final = ("/etc/group", "/etc/hosts", "/etc/passwd")
_LAYERS: Final = ("/opt/bin", "/opt/lib", "/opt/nodejs", "/opt/python")
# Of /proc only what says nothing of other processes.
_PROCESSES: Final = (
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/proc/uptime",
    "/proc/version",
)
_DEVICES: Final = ("/dev/random", "/dev/urandom", "/dev/zero")
_WRITABLE_DEVICES: Final = ("/dev/full", "/dev/null")

_USER: Final = "sbx_user1051"
_OWN_FILES: Final[Mapping[str, str]] = {
    "/etc/passwd": (
        "root:x:0:0:root:/root:/sbin/nologin\n"
        f"{_USER}:x:{USER_ID}:{GROUP_ID}::/home/{_USER}:/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/:/sbin/nologin\n"
    ),
    "/etc/group": f"root:x:0:\n{_USER}:x:{GROUP_ID}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost\n",
}


@dataclass(frozen=True, slots=True)
class View:
    """Where a function finds its code, its runtime, its temporary files and its layers."""

    code: str
    runtime: str
    temporary: str
    layers: str = "/opt"


# As on AWS.
OWN_ROOT: Final = View("/var/task", "/var/runtime", "/tmp")  # noqa: S108 - of a function


def readable_paths() -> list[str]:
    """What every function may read and execute where it sees the machine's root."""
    system = [*_SYSTEM, *_SETTINGS, *_OWN_SETTINGS, *_LAYERS, *_PROCESSES, *_DEVICES]
    return list(dict.fromkeys([*system, *python_paths()]))


def writable_paths() -> list[str]:
    """What every function may write beside its own directory for temporary files."""
    return list(_WRITABLE_DEVICES)


def python_paths() -> list[str]:
    """Where Python is, and its packages."""
    paths = [sys.base_prefix, sys.base_exec_prefix]
    return [*paths, *(os.path.realpath(path) for path in paths), *package_paths()]


def package_paths() -> list[str]:
    """Where packages are installed: awslambdaric, boto3 if it is there, and what they need."""
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    spec = find_spec("awslambdaric")
    if spec is not None and spec.submodule_search_locations:
        paths.add(str(Path(spec.submodule_search_locations[0]).parent))
    return sorted(paths)


def layer_binds(layers: Path) -> list[tuple[Path, str]]:
    """Where a function with its own root sees its layers."""
    if not any(_is_beneath(path, OWN_ROOT.layers) for path in python_paths()):
        return [(layers, OWN_ROOT.layers)]
    # This machine's Python is there, too: what the layers have goes beside it.
    return [(path, f"{OWN_ROOT.layers}/{path.name}") for path in sorted(layers.iterdir())]


def describe_system(
    staging: Path,
    added: Sequence[tuple[Path, str]] = (),
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What all functions see, as `runtime.filesystem.build_root` wants it.

    staging: an empty directory to build roots on. added: what there is beside the system, and
    where. texts: the same of files, by path. What is added takes the place of the setting that the
    system has there, or that it would be beneath.
    """
    files = {**_OWN_FILES, **(texts or {})}
    taken = [*files, *(target for _, target in added)]
    binds: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    for path in (*_SYSTEM, *_SETTINGS, *python_paths()):
        if not os.path.exists(path) or any(_is_beneath(path, target) for _, target in binds):
            continue
        if path in _SETTINGS and any(_is_beneath(one, path) for one in taken):
            continue
        if path in _SYSTEM and os.path.islink(path):
            links.append((path, os.readlink(path)))
        else:
            binds.append((path, path))
    binds += [(str(source), target) for source, target in added]
    return {"staging": str(staging), "binds": binds, "links": links, "files": files}


def describe_root(
    staging: Path, own: Sequence[tuple[Path, str]], *, temporary: int
) -> dict[str, Any]:
    """What one function sees beside, as `runtime.filesystem.enter_root` wants it.

    own: what it has for itself, and where. temporary: bytes of its /tmp.
    """
    binds = [(str(source), target) for source, target in own]
    return {"staging": str(staging), "binds": binds, "temporary": temporary}


def _is_beneath(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
