"""Namespaces: the processes, mounts, names and users that a function has for itself."""

import os
import signal
from typing import Final

from daypass.runtime import filesystem, kernel
from daypass.runtime.kernel import SandboxError

# What /etc/passwd inside a function calls its user, as on AWS.
USER_ID: Final = 993
GROUP_ID: Final = 990
_PRIVATE: Final = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS


def found() -> bool:
    """Go on in a child that may make namespaces, and is the first process of one.

    What is born there ends with it, whatever happens. The parent waits for it and never returns.
    An ordinary user may do so in a user namespace of its own. Whether that was not needed, so that
    it may become other users. Raises `SandboxError` or `OSError`.
    """
    privileged = True
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS)
    except SandboxError:
        privileged = False
        kernel.unshare(kernel.CLONE_NEWUSER)
        _map_user(0, user, 0, group)
        kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS)
    pid = os.fork()
    if pid:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
    kernel.die_with_parent(signal.SIGKILL)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    filesystem.mount_proc("/proc")
    return privileged


class Nursery:
    """Forks children that are each the first process of a namespace of their own."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """As `os.fork`."""
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid:
            # Back, for only from here may the next one be made.
            kernel.setns(self._own, kernel.CLONE_NEWPID)
        return pid


def leave_shared(network: bool) -> None:
    """Leave the mounts, names, System V objects and, if so said, the network of the machine."""
    kernel.unshare(_PRIVATE | (kernel.CLONE_NEWNET if network else 0))


def become_user(identifier: int | None, own_namespace: bool) -> None:
    """Become the user of a function.

    identifier: the user and group to be on the machine; None is who one is. own_namespace: in a
    user namespace of its own, where nobody else exists. Raises `SandboxError` or `OSError`.
    """
    if identifier is not None:
        os.setgroups([])
        os.setresgid(identifier, identifier, identifier)
        os.setresuid(identifier, identifier, identifier)
        kernel.set_dumpable(True)
    if own_namespace:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(kernel.CLONE_NEWUSER)
        kernel.set_dumpable(True)
        _map_user(USER_ID, user, GROUP_ID, group)


def _map_user(user: int, outer_user: int, group: int, outer_group: int) -> None:
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {outer_user} 1")
    _write("/proc/self/gid_map", f"{group} {outer_group} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
