"""How far functions are kept apart on this machine, and which files they may open."""

import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from daypass.runtime.sandbox import landlock_version
from daypass.workers.function import IsolationError

_VERSION_WITH_SIGNALS: Final = 6

# What programs need of a Linux system. Of /etc only what is public: not shadow, not the keys of
# the machine. Of /proc only what says nothing of other processes.
_SYSTEM_READABLE: Final = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt/bin",
    "/opt/lib",
    "/opt/nodejs",
    "/opt/python",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system/cpu",
)
_SYSTEM_WRITABLE: Final = ("/dev/full", "/dev/null")


@dataclass(frozen=True, slots=True)
class Isolation:
    """The level that holds on this machine. landlock: the interface's version, 0 without."""

    landlock: int

    def describe(self) -> str:
        """One line for the operator."""
        base = "own process group, resource limits, no privileges"
        if not self.landlock:
            return (
                f"process ({base}); this kernel has no Landlock, so functions can read what the "
                "server's user can read: run only functions you trust"
            )
        signals = ", signals" if self.landlock >= _VERSION_WITH_SIGNALS else ""
        return f"landlock ({base}; files{signals} confined by Landlock {self.landlock})"


def detect() -> Isolation:
    """The strongest level this kernel offers."""
    return Isolation(landlock_version())


def readable_paths() -> list[str]:
    """What every function may read and execute: the system and Python with its packages."""
    paths = [*_SYSTEM_READABLE, sys.base_prefix, sys.base_exec_prefix, *package_paths()]
    return list(dict.fromkeys(paths))


def writable_paths() -> list[str]:
    """What every function may write beside its own directory for temporary files."""
    return list(_SYSTEM_WRITABLE)


def package_paths() -> list[str]:
    """Where packages are installed: awslambdaric, boto3 if it is there, and what they need."""
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    spec = find_spec("awslambdaric")
    if spec is not None and spec.submodule_search_locations:
        paths.add(str(Path(spec.submodule_search_locations[0]).parent))
    return sorted(paths)


def refuse_readable(directory: Path, readable: list[str]) -> None:
    """Raise `IsolationError` if functions could read this directory, which is the server's."""
    resolved = directory.resolve()
    for path in readable:
        if resolved.is_relative_to(Path(path).resolve()):
            raise IsolationError(
                f"The data directory {directory} is inside {path}, which functions must be able "
                "to read. Keep the data elsewhere, for example in /var/lib/daypass."
            )
