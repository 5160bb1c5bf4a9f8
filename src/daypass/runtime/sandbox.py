"""What a function's process gives up before it runs any code of the function, in this order.

A step that needs privileges comes before they are dropped; the system calls go last, since
everything else is done with them.
"""

import os
import resource
import signal
import socket
from typing import Any

from daypass.runtime import filesystem, kernel, landlock, namespaces, network, seccomp


def prepare(preparation: dict[str, Any]) -> None:
    """Do what is the same for every function, before there is one.

    cgroups: files by which control groups are joined. root: as `filesystem.build_root` wants it,
    None to keep the machine's. network: whether to leave the machine's. Raises `SandboxError` or
    `OSError`.
    """
    os.umask(0o022)
    for entrance in preparation["cgroups"]:
        # Nobody waits for it here: to move a process takes the kernel ten milliseconds.
        with open(entrance, "w", encoding="ascii") as processes:
            processes.write("0")
    if preparation["root"] is not None:
        namespaces.leave_shared(network=preparation["network"])
        filesystem.build_root(preparation["root"])
        kernel.set_host_name("localhost")


def confine(launch: dict[str, Any], channel: socket.socket) -> None:
    """Confine this process as its launch says.

    Raises `SandboxError`, `NamespaceError` or `OSError`. channel: where the sockets of its network
    are handed out.

    root: as `filesystem.enter_root` wants it, None to keep the machine's, and its network with it.
    network: as `network.enter` wants it, None to keep the machine's. user: who to be on the
    machine, None for who one is. own_user_namespace. readable, writable, landlock: as
    `landlock.confine_files` wants them, 0 for no Landlock. memory, file_size, processes: limits,
    in bytes and numbers; None is without. seccomp: whether to deny system calls. directory: where
    to be in the end.
    """
    root = launch["root"]
    if root is not None:
        if launch["network"] is not None:
            network.enter(launch["network"], channel)
        filesystem.enter_root(root)
        namespaces.become_user(launch["user"], launch["own_user_namespace"])
    kernel.die_with_parent(signal.SIGKILL)
    os.chdir(launch["directory"])
    limit_resources(launch["memory"], launch["file_size"], launch["processes"])
    kernel.drop_capabilities()
    kernel.forbid_new_privileges()
    if launch["landlock"]:
        landlock.confine_files(launch["readable"], launch["writable"], launch["landlock"])
    if launch["seccomp"]:
        seccomp.deny_system_calls()


def limit_resources(memory: int | None, file_size: int, processes: int | None) -> None:
    """memory: bytes of data a process may hold. file_size: bytes of its largest file."""
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_NPROC, processes),
    ):
        if value is None:
            continue
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))
