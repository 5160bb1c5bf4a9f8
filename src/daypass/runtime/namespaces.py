"""Namespaces: the processes, mounts, names and users that a function has for itself."""

import os
import signal
from collections.abc import Callable
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
    """Forks children that each have a namespace of processes, of which they are the second.

    The first is ready before, since a fork takes its time: it buries orphans and does nothing
    else, and when it is killed the kernel ends all others of its namespace.

    announce: what that process does first, with the number of its namespace.
    """

    def __init__(self, announce: Callable[[int], object]) -> None:
        self._announce = announce
        self._number = 0
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._first = 0

    def fork(self) -> tuple[int, int, int]:
        """The child's process id, 0 in the child; that of its namespace's first process; and the
        namespace's number.

        Call `prepare` soon after.
        """
        if not self._first:
            self.prepare()
        try:
            pid = os.fork()
        except OSError:
            # The first process was killed, and nothing more can be born into its namespace.
            self.prepare()
            pid = os.fork()
        first, self._first = self._first, 0
        return pid, first, self._number

    def prepare(self) -> None:
        """Make the namespace of the next child."""
        # Back, for only from one's own may the next one be made.
        kernel.setns(self._own, kernel.CLONE_NEWPID)
        kernel.unshare(kernel.CLONE_NEWPID)
        self._number += 1
        self._first = os.fork()
        if not self._first:
            self._be_first()

    def _be_first(self) -> None:
        """Be the first process of a namespace until killed. Never returns."""
        try:
            self._announce(self._number)
            # Ignored, the dead are buried by the kernel. Whoever ends the parent ends this.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.set_wakeup_fd(-1)
            os.closerange(0, os.sysconf("SC_OPEN_MAX"))
            kernel.drop_capabilities()
            kernel.forbid_new_privileges()
            # Not even a function that has the same user may look into it.
            kernel.set_dumpable(False)
            kernel.die_with_parent(signal.SIGKILL)
            while True:
                signal.pause()
        finally:
            os._exit(1)


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
