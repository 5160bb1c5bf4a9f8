"""A trial of the confinement functions get: what of it this machine allows, found by doing it."""

import json
import os
import signal
from typing import Any

from daypass.network.outside import METADATA
from daypass.network.view import STANDARD, NamespaceError, furnish
from daypass.runtime import filesystem, kernel, landlock, namespaces, seccomp
from daypass.runtime.kernel import SandboxError
from daypass.runtime.namespaces import Nursery


def main(description: str) -> None:
    """Print what was found, as JSON.

    description: JSON of system and root, as `filesystem` wants them; user, whom to become if that
    is allowed; needed, files a function must be able to read. Found are refusal, why there can be
    no namespaces, "" if there can; network_refusal, the same for networks of their own;
    user_namespace and own_user, whether a function can have them.
    """
    found: dict[str, Any] = {"refusal": "", "network_refusal": ""}
    found |= {"user_namespace": False, "own_user": False}
    try:
        found["own_user"] = namespaces.found()
        child, first, _ = Nursery(lambda _: None).fork()
        if child:
            os.waitpid(child, 0)
            os.kill(first, signal.SIGKILL)
            return
        _try(json.loads(description), found)
    except (SandboxError, OSError) as error:
        found["refusal"] = str(error)
    os.write(1, json.dumps(found).encode())
    # The child of a fork does not clean up what is its parent's.
    os._exit(0)


def _try(description: dict[str, Any], found: dict[str, Any]) -> None:
    os.umask(0o022)
    namespaces.leave_shared(network=False)
    found["network_refusal"] = _try_network()
    filesystem.build_root(description["system"])
    filesystem.enter_root(description["root"])
    kernel.set_host_name("localhost")
    user = description["user"] if found["own_user"] else None
    namespaces.become_user(user, own_namespace=False)
    unreadable = [path for path in description["needed"] if not os.access(path, os.R_OK)]
    if unreadable:
        found["own_user"] = False
    try:
        namespaces.become_user(None, own_namespace=True)
        found["user_namespace"] = True
    except (SandboxError, OSError):
        found["user_namespace"] = False
    kernel.drop_capabilities()
    kernel.forbid_new_privileges()
    if version := landlock.version():
        landlock.confine_files(["/"], ["/tmp"], version)  # noqa: S108 - its own
    if seccomp.is_supported():
        seccomp.deny_system_calls()
    with open("/tmp/trial", "w", encoding="ascii") as file:  # noqa: S108 - its own
        file.write("works")


def _try_network() -> str:
    """Why a function can have no network of its own; "" if it can."""
    try:
        kernel.unshare(kernel.CLONE_NEWNET)
        for one in furnish(STANDARD, METADATA):
            one.close()
    except (SandboxError, NamespaceError) as error:
        return str(error)
    return ""
