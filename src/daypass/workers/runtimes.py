"""From a function's configuration to what its process is told: command, environment, limits."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from daypass.workers.function import FunctionSpec, UnusableRuntimeError
from daypass.workers.isolation import Isolation, Level
from daypass.workers.network import Network
from daypass.workers.view import (
    OWN_ROOT,
    RUNTIME_DIRECTORY,
    View,
    describe_root,
    describe_system,
    layer_binds,
    package_paths,
    readable_paths,
    writable_paths,
)

MEGABYTE: Final = 1024 * 1024
# What a process may hold beyond the function's memory size: the stacks of its threads and what
# the runtime reserves and never touches. The limit stops a runaway; it does not account.
_MEMORY_MARGIN: Final = 512 * MEGABYTE
# Processes and threads of one environment, as on AWS.
PROCESSES: Final = 1024

_PYTHON: Final = re.compile(r"python3\.\d+")
_NODE: Final = re.compile(r"nodejs\d+\.x")
_PROVIDED: Final = re.compile(r"provided(\.al\d+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one environment is on the machine. code: the unpacked package. temporary: its own
    directory. staging: an empty directory to build roots on. log_stream: the name of the stream
    of its function's log that is its own. layers: the unpacked layers together, None without any.
    """

    code: Path
    temporary: Path
    staging: Path
    log_stream: str
    layers: Path | None = None


def check_runtime(runtime: str) -> None:
    """Raise `UnusableRuntimeError` if this machine cannot run it."""
    if is_python(runtime) or speaks_http(runtime):
        return
    if _NODE.fullmatch(runtime):
        _find_node()
        return
    raise UnusableRuntimeError(
        f"The runtime {runtime} cannot run here. There are python3.x (on Python "
        f"{sys.version_info.major}.{sys.version_info.minor}), nodejsN.x and provided."
    )


def is_python(runtime: str) -> bool:
    return _PYTHON.fullmatch(runtime) is not None


def describe_runtime(runtime: str) -> str:
    """What runs functions of this runtime, as `python:3.12.4`."""
    if is_python(runtime):
        return f"python:{platform.python_version()}"
    return runtime.removesuffix(".x").replace("nodejs", "nodejs:")


def speaks_http(runtime: str) -> bool:
    """Whether its processes speak the HTTP Runtime API, not frames."""
    return _PROVIDED.fullmatch(runtime) is not None


def extension_names(place: Place) -> list[str]:
    """The programs that layers start beside the runtime (Lambda developer guide, "Extensions")."""
    directory = None if place.layers is None else place.layers / "extensions"
    if directory is None or not directory.is_dir():
        return []
    return sorted(one.name for one in directory.iterdir() if os.access(one, os.X_OK))


def describe_launch(
    function: FunctionSpec,
    place: Place,
    identity: Mapping[str, str],
    isolation: Isolation,
    runtime_api: str,
    network: Network | None,
) -> dict[str, Any]:
    """The head of the LAUNCH frame.

    identity: variables by which SDKs find the credentials. runtime_api: HOST:PORT of the HTTP
    Runtime API, "" if none. network: its own, None without.
    """
    own_root = isolation.level is Level.NAMESPACES
    seen = OWN_ROOT if own_root else _view_of(place)
    command: list[str] | None = None
    if speaks_http(function.runtime):
        # As on AWS, a layer can bring it.
        in_code = place.layers is None or (place.code / "bootstrap").exists()
        command = [f"{seen.code if in_code else seen.layers}/bootstrap"]
    elif not is_python(function.runtime):
        command = [str(_find_node()), f"{seen.runtime}/node.cjs"]
    return {
        "extensions": [f"{seen.layers}/extensions/{name}" for name in extension_names(place)],
        "directory": seen.code,
        "environment": describe_environment(
            function, seen, identity, runtime_api, place.log_stream, network
        ),
        "path": [[seen.code, *_python_layers(function.runtime, seen)], package_paths()],
        "handler": function.handler,
        # The real one: a virtual environment's is not to be seen.
        "executable": os.path.realpath(sys.executable),
        "command": command,
        "keeps_channel": not speaks_http(function.runtime),
        "memory": function.memory_size * MEGABYTE + _MEMORY_MARGIN,
        "file_size": function.ephemeral_storage * MEGABYTE,
        "landlock": isolation.landlock,
        "seccomp": isolation.seccomp,
        "user": isolation.choose_user(),
        "own_user_namespace": isolation.user_namespace,
        **(_own_root(function, place) if own_root else _shared_root(function, place)),
    }


def _own_root(function: FunctionSpec, place: Place) -> dict[str, Any]:
    """What there is is what may be read, and /tmp what may be written."""
    own = [(place.code, OWN_ROOT.code), (RUNTIME_DIRECTORY, OWN_ROOT.runtime)]
    if place.layers is not None:
        own += layer_binds(place.layers)
    own += _node_files(function)
    size = function.ephemeral_storage * MEGABYTE
    return {
        "root": describe_root(place.staging, own, temporary=size),
        "readable": ["/"],
        "writable": [OWN_ROOT.temporary, *writable_paths()],
        "processes": PROCESSES,
    }


def describe_preparation(
    level: Level | None, staging: Path, network: Network | None
) -> dict[str, Any]:
    """The head of the PREPARE frame, control groups aside. network: as for `describe_launch`."""
    system: dict[str, Any] | None = None
    if level is Level.NAMESPACES:
        added = network.binds() if network is not None else ()
        system = describe_system(staging, added, network.files() if network is not None else None)
    return {"root": system, "network": network is not None}


def _shared_root(function: FunctionSpec, place: Place) -> dict[str, Any]:
    """The machine's root, of which Landlock, where there is, lets be opened what is needed."""
    node = [target for _, target in _node_files(function)]
    own = [str(place.code), str(RUNTIME_DIRECTORY)]
    if place.layers is not None:
        own.append(str(place.layers))
    return {
        "root": None,
        "readable": [*readable_paths(), *own, *node],
        "writable": [*writable_paths(), str(place.temporary)],
        # Without namespaces the kernel counts all processes of the server's user.
        "processes": None,
    }


def _view_of(place: Place) -> View:
    layers = OWN_ROOT.layers if place.layers is None else str(place.layers)
    return View(str(place.code), str(RUNTIME_DIRECTORY), str(place.temporary), layers)


def module_directories(runtime: str, place: Place) -> list[Path]:
    """Where a Python function's own modules are on the machine."""
    return [place.code, *map(Path, _python_layers(runtime, _view_of(place)))]


def _python_layers(runtime: str, seen: View) -> list[str]:
    """Where layers have Python's modules (Lambda developer guide, "Layer paths")."""
    return [
        f"{seen.layers}/python/lib/{runtime}/site-packages",
        f"{seen.layers}/python",
    ]


def _node_files(function: FunctionSpec) -> list[tuple[Path, str]]:
    if is_python(function.runtime) or speaks_http(function.runtime):
        return []
    directory = _find_node().parent.parent
    return [] if str(directory) == "/usr" else [(directory, str(directory))]


def describe_environment(
    function: FunctionSpec,
    seen: View,
    identity: Mapping[str, str],
    runtime_api: str,
    log_stream: str,
    network: Network | None = None,
) -> dict[str, str]:
    """The environment variables; the function's own never replace the platform's."""
    code = seen.code
    variables: dict[str, str] = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": _search_path(function.runtime, seen),
        "LD_LIBRARY_PATH": (
            f"/lib64:/usr/lib64:{seen.runtime}:{code}:{code}/lib:{seen.layers}/lib"
        ),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_ENDPOINT_URL": function.endpoint_url,
    }
    if seen != OWN_ROOT:
        variables["TMPDIR"] = seen.temporary
    if network is not None:
        variables |= network.variables()
    variables |= function.variables
    variables |= identity
    variables |= {
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group or f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": code,
        "LAMBDA_RUNTIME_DIR": seen.runtime,
        "PWD": code,
        "SHLVL": "0",
        "_HANDLER": function.handler,
    }
    if runtime_api:
        variables["AWS_LAMBDA_RUNTIME_API"] = runtime_api
    if function.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.log_level or "INFO"
    return variables | _runtime_variables(function.runtime, seen)


def _runtime_variables(runtime: str, seen: View) -> dict[str, str]:
    if speaks_http(runtime):
        return {}
    if is_python(runtime):
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "LC_CTYPE": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(package_paths()),
        }
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "NODE_PATH": (
            f"{seen.layers}/nodejs/{runtime.removesuffix('.x').replace('nodejs', 'node')}"
            f"/node_modules:{seen.layers}/nodejs/node_modules:{seen.runtime}:{seen.code}"
        ),
    }


def _search_path(runtime: str, seen: View) -> str:
    usual = f"/usr/local/bin:/usr/bin/:/bin:{seen.layers}/bin"
    if is_python(runtime):
        return f"{Path(sys.base_exec_prefix) / 'bin'}:{usual}"
    if speaks_http(runtime):
        return usual
    return f"{_find_node().parent}:{usual}"


def _find_node() -> Path:
    node = shutil.which("node")
    if node is None:
        raise UnusableRuntimeError(
            "This machine has no Node.js: no command `node` is on the server's PATH. Install "
            "Node.js and start the server again."
        )
    return Path(node).resolve()
