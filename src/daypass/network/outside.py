"""The world outside for a network namespace, through slirp4netns or pasta, if one is installed.

Both carry connections as an ordinary program of the machine. Neither leads to the machine's own
loopback.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(slots=True)
class Carried:
    """A network namespace connected to the outside, until `end`, or the end of this process."""

    process: "subprocess.Popen[bytes]"
    alive: int

    def end(self) -> None:
        os.close(self.alive)
        self.process.kill()
        self.process.wait()


def connect(carrier: Carrier, networks: str, users: str, kept: Sequence[int] = ()) -> Carried:
    """Connect a network namespace to the outside.

    networks: the path of the namespace. users: of the user namespace it belongs to. kept: the
    descriptors that these paths name, if they name descriptors of this process.
    """
    own_user = not os.path.samefile(users, "/proc/self/ns/user")
    ended, alive = os.pipe2(os.O_CLOEXEC)
    if carrier.name == "slirp4netns":
        command = [carrier.path, "--configure", "--mtu=65520", "--disable-host-loopback"]
        command += ["--disable-dns", "--netns-type=path", f"--exit-fd={ended}"]
        command += [f"--userns-path={users}"] if own_user else []
        command += [networks, "tap0"]
    else:
        command = [carrier.path, "--foreground", "--quiet", "--config-net", "--no-map-gw"]
        command += [part for option in ("-t", "-u", "-T", "-U") for part in (option, "none")]
        command += ["--runas", "0:0"] if os.geteuid() == 0 else []
        command += ["--userns", users, "--netns", networks]
    try:
        process = subprocess.Popen(  # noqa: S603 - found on PATH
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[ended, *kept],
        )
    except BaseException:
        os.close(alive)
        raise
    finally:
        os.close(ended)
    return Carried(process, alive)


def wait_for_route(process: str, carried: Carried | None = None) -> None:
    """Wait until the network of this process, or of "self", leads outside.

    carried: what is to connect it, if it is known here. Raises `NamespaceError`.
    """
    until = time.monotonic() + _READY_SECONDS
    while not _has_default_route(process):
        if time.monotonic() > until or (carried is not None and carried.process.poll() is not None):
            raise NamespaceError(
                "The network could not be connected to the outside.",
                "May this user open /dev/net/tun? Do without the outside otherwise.",
            )
        time.sleep(_PAUSE)


def _has_default_route(process: str) -> bool:
    with open(f"/proc/{process}/net/route", encoding="ascii") as routes:
        return any(line.split()[1] == "00000000" for line in routes)
