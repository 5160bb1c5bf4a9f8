"""A view of the network: separated from the machine's, furnished with sockets, files covered."""

import errno
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from daypass.network import kernel
from daypass.network.names import ADDRESS, LOOPBACK

HTTPS: Final = 443
HTTP: Final = 80
DNS: Final = 53
_BACKLOG: Final = 128
# Settings by which systems refuse user namespaces to ordinary users: the value that refuses, and
# one that allows.
_SETTINGS: Final = {
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    "user.max_user_namespaces": ("0", "10000"),
}


class NamespaceError(Exception):
    """This machine gives no network of its own. why, remedy: a sentence each."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why} {remedy}")
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket to be made inside. datagram: UDP, else TCP that listens."""

    host: str
    port: int
    datagram: bool = False


# What every view has: AWS with TLS, AWS without, and the name server.
STANDARD: Final = (
    Listening(ADDRESS, HTTPS),
    Listening(ADDRESS, HTTP),
    Listening(LOOPBACK, DNS, datagram=True),
)


def listening_at(host: str, port: int) -> Listening | None:
    """A TCP socket inside at an address of outside; None where a namespace cannot have it."""
    if host == "localhost":
        host = LOOPBACK
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return Listening(host, port) if address.version == 4 or address.is_loopback else None


def separate(*, own_user: bool = False) -> None:
    """Give this process, which must have one thread, a network and mounts of its own.

    It stays the user it is. own_user: in a user namespace of its own even where it could do
    without. Raises `NamespaceError`.
    """
    wanted = kernel.CLONE_NEWNET | kernel.CLONE_NEWNS
    try:
        # Only root may do that in the user namespace it is in.
        if own_user or not _unshared(wanted):
            _become_own_user(wanted)
        kernel.keep_mounts_private()
    except OSError as error:
        raise refusal(error) from error


def _unshared(namespaces: int) -> bool:
    try:
        kernel.unshare(namespaces)
    except PermissionError:
        return False
    return True


def _become_own_user(namespaces: int) -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | namespaces)
    # user_namespaces(7): without it, no ordinary user may say what its group is.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")


def furnish(sockets: Sequence[Listening], addresses: Iterable[str] = ()) -> list[socket.socket]:
    """Make the sockets in a new network namespace, with the addresses they need.

    addresses: further ones that are to lead nowhere else. Raises `NamespaceError`.
    """
    made: list[socket.socket] = []
    try:
        kernel.raise_loopback()
        wanted = {*addresses, *(one.host for one in sockets if ":" not in one.host)}
        foreign = sorted(host for host in wanted if not host.startswith("127."))
        for label, host in enumerate(foreign, start=1):
            kernel.add_address(host, label)
        made.extend(_make(one) for one in sockets)
    except OSError as error:
        for one in made:
            one.close()
        raise refusal(error) from error
    return made


def cover(files: Mapping[str, str]) -> None:
    """Let each target be another file in this mount namespace. Raises `NamespaceError`."""
    try:
        for target, source in files.items():
            kernel.bind(source, target)
    except OSError as error:
        raise refusal(error) from error


def hand_out(connection: socket.socket, sockets: Iterable[socket.socket]) -> None:
    """Send sockets to the other end of a UNIX socket, in their order, and close them here."""
    handed = list(sockets)
    socket.send_fds(connection, [b"."], [one.fileno() for one in handed])
    for one in handed:
        one.close()


def take(connection: socket.socket, sockets: Sequence[Listening]) -> list[socket.socket]:
    """The sockets that `hand_out` sent at the other end; none if it did not come to that."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, len(sockets))
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def refusal(error: OSError) -> NamespaceError:
    """Why this machine gives no namespaces, and what lets it."""
    if os.geteuid() != 0 or error.errno == errno.ENOSPC:
        for setting, (refusing, allowing) in _SETTINGS.items():
            if _setting(setting) == refusing:
                return NamespaceError(
                    f"The setting {setting}={refusing} refuses namespaces to this user.",
                    f"Run it as root, or allow it: sysctl {setting}={allowing}.",
                )
    if error.errno in {errno.EPERM, errno.EACCES, errno.ENOSPC}:
        return NamespaceError(
            f"The kernel refuses namespaces to this process ({error.strerror}).",
            "In a container: start it with --privileged, or with a seccomp profile that allows "
            "unshare and mount.",
        )
    return NamespaceError(
        f"A namespace could not be furnished: {error.filename or 'network'}: {error.strerror}.",
        "Network and mount namespaces of Linux 5.3 or later are needed.",
    )


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name.replace(".", "/")).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _make(one: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in one.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if one.datagram else socket.SOCK_STREAM
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    made.bind((one.host, one.port))
    if not one.datagram:
        made.listen(_BACKLOG)
    return made
