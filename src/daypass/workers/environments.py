"""All environments of one server process: warm ones used again, the last used first."""

import asyncio
import logging
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from daypass.workers.archive import CodeDirectory, directory_size
from daypass.workers.cgroups import Cgroups
from daypass.workers.cgroups import find as find_cgroups
from daypass.workers.environment import Environment
from daypass.workers.function import (
    Event,
    FunctionSpec,
    Invocation,
    Supplies,
    ThrottledError,
    UnusableRuntimeError,
)
from daypass.workers.isolation import Isolation, Level, choose, refuse_readable
from daypass.workers.log import new_stream_name
from daypass.workers.network import Network
from daypass.workers.runtimes import (
    Place,
    check_runtime,
    describe_preparation,
    is_python,
    module_directories,
)
from daypass.workers.spawner import Spawners
from daypass.workers.stream import ResponseStream
from daypass.workers.view import readable_paths

# Environments that may run at once in one server process, busy or warm.
DEFAULT_LIMIT: Final = 100
# Seconds a warm environment waits for its next event before it is ended.
DEFAULT_IDLE: Final = 300.0
# No function has this name.
_UNRESERVED: Final = ""

_log = logging.getLogger("daypass.functions")


@dataclass(frozen=True, slots=True)
class StreamedInvocation:
    """A response that a function streams. pieces: to be read or closed. ended: what came of the
    invocation, once it has ended; its payload is the error, if there is one."""

    content_type: str
    pieces: ResponseStream
    ended: "asyncio.Task[Invocation]"


class Environments:
    """The environments of one server process, under one directory of the data directory.

    limit: environments at once. idle: seconds until an unused one is ended. isolation: the level
    demanded; None is the strongest this machine allows. preload: Python functions are to find
    loaded what most of them load.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit: int = DEFAULT_LIMIT,
        idle: float = DEFAULT_IDLE,
        isolation: Level | None = None,
        preload: bool = True,
    ) -> None:
        self._directory = directory
        self._limit = limit
        self._idle = idle
        self._code = CodeDirectory(directory)
        self._temporary = directory / f"tmp-{os.getpid()}"
        self._staging = directory / "root"
        self._demanded = isolation
        self._preload = preload
        self._prepared: tuple[Isolation, Spawners] | None = None
        self._cgroups: Cgroups | None = None
        self._network: Network | None = None
        self._serial = 0
        self._running = 0
        self._busy: Counter[str] = Counter()
        # By name and version: the versions of a function share its concurrency, no environments.
        self._warm: dict[tuple[str, str], list[Environment]] = defaultdict(list)
        self._reapers: dict[Environment, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def limit(self) -> int:
        """Environments that may run at once."""
        return self._limit

    def prepare(self) -> Isolation:
        """Make the directories, and choose how functions are kept apart.

        Raises `IsolationError` if that is not possible as demanded, or functions could read the
        data.
        """
        return self._prepare()[0]

    def _prepare(self) -> tuple[Isolation, Spawners]:
        if self._prepared is not None:
            return self._prepared
        isolation = choose(self._demanded)
        if isolation.level is not Level.PROCESS:
            refuse_readable(self._directory, readable_paths())
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._code.prepare()
        for old in self._directory.glob("tmp-*"):
            if not Path("/proc", old.name.removeprefix("tmp-")).exists():
                shutil.rmtree(old, ignore_errors=True)
        self._temporary.mkdir(mode=0o700, exist_ok=True)
        self._staging.mkdir(mode=0o700, exist_ok=True)
        _log.info("Functions are isolated: %s", isolation.describe())
        self._cgroups = find_cgroups()
        spawners = Spawners(isolation.level or Level.PROCESS, self._cgroups, self._preload)
        spawners.prepare(describe_preparation(isolation.level, self._staging, self._network))
        self._prepared = isolation, spawners
        return self._prepared

    def connect(self, network: Network) -> None:
        """Give each environment from now on a network of its own; before, they use the machine's.

        Isolation must be at the level of namespaces.
        """
        network.prepare()
        self._network = network
        isolation, spawners = self._prepare()
        spawners.prepare(describe_preparation(isolation.level, self._staging, network))

    async def unpack(self, package: bytes) -> int:
        """Check and unpack a package; the bytes of its files. Raises `ArchiveError`."""
        self.prepare()
        directory = await asyncio.to_thread(self._code.unpack, package)
        return await asyncio.to_thread(directory_size, directory)

    async def unpack_layers(
        self, layers: Sequence[str], package: Callable[[str], Awaitable[bytes]]
    ) -> Path | None:
        """The directory of these layers together, None of none. Raises `ArchiveError`."""
        self.prepare()
        for sha256 in layers:
            await self._unpacked(sha256, package)
        return await asyncio.to_thread(self._code.merge, layers)

    async def _unpacked(self, sha256: str, package: Callable[[str], Awaitable[bytes]]) -> Path:
        found = self._code.find(sha256)
        if found is None:
            found = await asyncio.to_thread(self._code.unpack, await package(sha256))
        return found

    # -- invocations -------------------------------------------------------------------------

    async def invoke(self, function: FunctionSpec, event: Event, supplies: Supplies) -> Invocation:
        """Run the function on this event.

        It runs to its end even if the caller goes away. Raises `ThrottledError`,
        `UnusableRuntimeError`, and what `supplies` raises.
        """
        return await asyncio.shield(self._keep(self._invoke(function, event, supplies)))

    async def stream(
        self, function: FunctionSpec, event: Event, supplies: Supplies
    ) -> Invocation | StreamedInvocation:
        """Run the function on this event; what it streams, as soon as it begins to, or what it
        answers whole.

        It runs to its end even if the caller goes away. Raises what `invoke` raises.
        """
        stream = ResponseStream()
        task = self._keep(self._invoke(function, event, supplies, stream))
        try:
            await asyncio.wait({task, stream.begun}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            stream.close()
            raise
        if stream.begun.done():
            return StreamedInvocation(stream.begun.result(), stream, task)
        invocation: Invocation = await task
        return invocation

    def retire(self, name: str, version: str | None = None) -> None:
        """End the warm environments of a function that has changed or is gone.

        version: of this version of it alone.
        """
        for key in [key for key in self._warm if key[0] == name and version in {None, key[1]}]:
            for environment in self._warm.pop(key):
                self._end(environment)

    async def close(self) -> None:
        """End everything."""
        for task in list(self._tasks):
            task.cancel()
        # Those that were at work give their environments back.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name, version in list(self._warm):
            self.retire(name, version)
        if self._prepared is not None:
            self._prepared[1].close()
        shutil.rmtree(self._temporary, ignore_errors=True)
        if self._cgroups is not None:
            self._cgroups.close()

    def _keep(self, work: Coroutine[Any, Any, Invocation | None]) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _invoke(
        self,
        function: FunctionSpec,
        event: Event,
        supplies: Supplies,
        stream: ResponseStream | None = None,
    ) -> Invocation:
        pool = self._enter_pool(function)
        environment: Environment | None = None
        try:
            environment = self._take_warm(function)
            if environment is None:
                environment = await self._start(function, supplies)
            return await environment.invoke(event, stream)
        finally:
            if environment is not None and environment.lingers():
                # Its extensions are not done: the caller has its answer, the next one waits.
                self._keep(self._release_rested(environment, pool))
            else:
                self._release(environment, pool)

    async def _release_rested(self, environment: Environment, pool: str) -> None:
        try:
            await environment.rest()
        finally:
            self._release(environment, pool)

    def _release(self, environment: Environment | None, pool: str) -> None:
        if environment is not None:
            self._give_back(environment)
        self._busy[pool] -= 1
        if not self._busy[pool]:
            del self._busy[pool]

    def _enter_pool(self, function: FunctionSpec) -> str:
        """Count an invocation: of its function's reserved concurrency, or of what the functions
        share that reserved none. Raises `ThrottledError`."""
        pool, limit = _UNRESERVED, function.unreserved_concurrency
        reason = "ConcurrentInvocationLimitExceeded"
        if function.reserved_concurrency is not None:
            pool, limit = function.name, function.reserved_concurrency
            reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        if limit is not None and self._busy[pool] >= limit:
            raise ThrottledError(reason)
        self._busy[pool] += 1
        return pool

    # -- the pool ----------------------------------------------------------------------------

    def _take_warm(self, function: FunctionSpec) -> Environment | None:
        """The environment of this version used last, if one is warm."""
        warm = self._warm[function.name, function.version]
        while warm:
            environment = warm.pop()
            self._reapers.pop(environment).cancel()
            if environment.function.revision == function.revision and environment.serves():
                return environment
            self._end(environment)
        return None

    def _give_back(self, environment: Environment) -> None:
        if not environment.alive:
            self._running -= 1
            return
        function = environment.function
        self._warm[function.name, function.version].append(environment)
        self._reapers[environment] = asyncio.get_running_loop().call_later(
            self._idle, self._end_idle, environment
        )

    async def _start(self, function: FunctionSpec, supplies: Supplies) -> Environment:
        isolation, spawners = self._prepare()
        if isolation.level is None:
            raise UnusableRuntimeError(isolation.describe())
        if self._running >= self._limit and not self._end_longest_idle():
            raise ThrottledError("ConcurrentInvocationLimitExceeded")
        self._running += 1
        try:
            check_runtime(function.runtime)
            code = await self._unpacked(function.code_sha256, supplies.package)
            layers = await self.unpack_layers(function.layers, supplies.package)
            credentials = await supplies.credentials()
            self._serial += 1
            stream = new_stream_name(function.version)
            place = Place(code, self._temporary / str(self._serial), self._staging, stream, layers)
            spawner = spawners.bare
            if is_python(function.runtime):
                spawner = spawners.choose(module_directories(function.runtime, place))
            return await Environment.start(
                *(function, place, credentials, isolation, spawner),
                *(supplies.log(stream), supplies.credentials, self._network),
            )
        except BaseException:
            self._running -= 1
            raise

    def _end(self, environment: Environment) -> None:
        reaper = self._reapers.pop(environment, None)
        if reaper is not None:
            reaper.cancel()
        self._running -= 1
        environment.end()

    def _end_idle(self, environment: Environment) -> None:
        key = environment.function.name, environment.function.version
        self._warm[key].remove(environment)
        if not self._warm[key]:
            del self._warm[key]
        self._end(environment)

    def _end_longest_idle(self) -> bool:
        """Make room for another function's environment."""
        # The reapers are in the order in which their environments became idle.
        environment = next(iter(self._reapers), None)
        if environment is None:
            return False
        self._end_idle(environment)
        return True
