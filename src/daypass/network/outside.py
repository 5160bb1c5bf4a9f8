"""The world outside for a network namespace, through slirp4netns or pasta, if one is installed.

Both carry connections as an ordinary program of the machine. Neither leads to the machine's own
loopback.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daypass.network.view import NamespaceError

# Where clouds give their machines credentials: of EC2, ECS and EKS. A view has these addresses
# itself, and nothing listens there.
METADATA: Final = ("169.254.169.254", "169.254.170.2", "169.254.170.23")

_READY_SECONDS: Final = 10.0
_PAUSE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Carrier:
    """A program that carries connections of a network namespace. path: its own.

    needs_user: the namespace must belong to a user namespace of its own.
    """

    name: str
    path: str
    needs_user: bool


def find_carrier() -> Carrier:
    """The program of this machine that can. Raises `NamespaceError`."""
    for name in ("slirp4netns", "pasta"):
        path = shutil.which(name)
        if path is not None:
            return Carrier(name, path, needs_user=name == "pasta")
    raise NamespaceError(
        "Neither slirp4netns nor pasta is installed, and one of them carries connections out.",
        "Install the package slirp4netns or passt, or do without the outside.",
    )


def connect(carrier: Carrier, pid: int) -> subprocess.Popen[bytes]:
    """Connect the network of this process to the outside, for as long as the program given back
    runs. Raises `NamespaceError`."""
    networks, users = f"/proc/{pid}/ns/net", f"/proc/{pid}/ns/user"
    own_user = os.readlink(users) != os.readlink("/proc/self/ns/user")
    if carrier.name == "slirp4netns":
        command = [carrier.path, "--configure", "--mtu=65520", "--disable-host-loopback"]
        command += ["--disable-dns", "--netns-type=path"]
        command += [f"--userns-path={users}"] if own_user else []
        command += [networks, "tap0"]
    else:
        command = [carrier.path, "--foreground", "--quiet", "--config-net", "--no-map-gw"]
        command += [part for option in ("-t", "-u", "-T", "-U") for part in (option, "none")]
        command += ["--runas", "0:0"] if os.geteuid() == 0 else []
        command += ["--userns", users, "--netns", networks]
    process = subprocess.Popen(  # noqa: S603 - found on PATH
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _wait_for_route(carrier, process, pid)
    return process


def _wait_for_route(carrier: Carrier, process: subprocess.Popen[bytes], pid: int) -> None:
    until = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if _has_default_route(pid):
            return
        time.sleep(_PAUSE)
    process.kill()
    _, said = process.communicate()
    lines = said.decode(errors="replace").strip().splitlines()
    raise NamespaceError(
        f"{carrier.name} did not connect the network: {lines[-1] if lines else 'no message'}.",
        "May this user open /dev/net/tun? Do without the outside otherwise.",
    )


def _has_default_route(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/net/route").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1] == "00000000" for line in lines)
