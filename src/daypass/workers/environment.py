"""One environment: a process of one function, asked one thing at a time."""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from daypass.runtime import frames
from daypass.workers import report
from daypass.workers.cgroups import Cgroup, Limits
from daypass.workers.channel import Channel, FrameChannel
from daypass.workers.credential_endpoint import PATH, CredentialEndpoint
from daypass.workers.extensions import FAREWELL, Extensions
from daypass.workers.function import (
    Credentials,
    Event,
    FunctionSpec,
    Invocation,
    Outcome,
)
from daypass.workers.isolation import Isolation
from daypass.workers.log import TAIL, LogSink, OutputPipe
from daypass.workers.memory import Meter
from daypass.workers.network import CREDENTIALS, RUNTIME_API, Network, Wires
from daypass.workers.report import Report
from daypass.workers.runtime_api import Address, RuntimeApi, owns
from daypass.workers.runtimes import (
    MEGABYTE,
    PROCESSES,
    Place,
    describe_launch,
    describe_runtime,
    extension_names,
    speaks_http,
)
from daypass.workers.spawner import Spawner
from daypass.workers.stream import Flow, ResponseStream
from daypass.workers.turn import Turn, describe_exit, failure

# Seconds an environment may take to initialise before its time counts as the invocation's.
INIT_LIMIT: Final = 10.0
# Seconds between two measurements of the memory of an environment that is at work.
_SAMPLE: Final = 0.05
# Seconds a process that closed its channel has to end by itself.
_FAREWELL: Final = 0.5

_log = logging.getLogger("daypass.functions")


class Environment:
    """A process of a function, from its start to its end. Make one with `start`."""

    def __init__(
        self,
        function: FunctionSpec,
        credentials: Credentials,
        temporary: Path,
        spawner: Spawner,
        log: LogSink,
    ) -> None:
        self.function = function
        self.alive = True
        self._speaks_http = speaks_http(function.runtime)
        self._credentials = credentials
        self._temporary = temporary
        self._spawner = spawner
        self._log = log
        newborn = spawner.take(self._exited)
        self._number = newborn.number
        self._connection = newborn.connection
        self._output = OutputPipe(log, newborn.output)
        self._endpoint: CredentialEndpoint | None = None
        self._launcher: FrameChannel | None = None
        self._wires: Wires | None = None
        self._channel: Channel | None = None
        self._started = time.monotonic()
        self._initialized: float | None = None
        self._used = False
        # The outcome of every invocation from now on: it did not initialise, or has exited.
        self._failure: Outcome | None = None
        self._turn: Turn | None = None
        self._status: int | None = None
        self._hung_up = False
        self._api: RuntimeApi | None = None
        self._extensions: Extensions | None = None
        self._runtime_ready = False
        self._resting: asyncio.Future[None] | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self._meter = Meter(function.memory_size * MEGABYTE)
        self._limit(newborn.group)

    @classmethod
    async def start(
        cls,
        function: FunctionSpec,
        place: Place,
        credentials: Credentials,
        isolation: Isolation,
        spawner: Spawner,
        log: LogSink,
        renew: Callable[[], Awaitable[Credentials]],
        network: Network | None,
    ) -> "Environment":
        """Start a process; it initialises until it is given its first event, and beyond.

        network: the one it gets for itself, None for the machine's.
        """
        place.temporary.mkdir(mode=0o700)
        environment = cls(function, credentials, place.temporary, spawner, log)
        if function.renews_credentials:
            environment._endpoint = CredentialEndpoint(credentials, renew, environment._admits)
        log.note([report.init_start(function, describe_runtime(function.runtime))])
        try:
            if network is None:
                await environment._launch(place, isolation)
            else:
                await environment._launch_apart(place, isolation, network)
        except BaseException:
            environment.end()
            raise
        return environment

    def _limit(self, group: Cgroup | None) -> None:
        """Have the kernel hold the limits of all its processes together."""
        if group is None:
            return
        function = self.function
        # What is in its /tmp is in memory, too, and is no use of memory.
        memory = (function.memory_size + function.ephemeral_storage) * MEGABYTE
        self._meter.group = group
        try:
            group.limit(Limits(memory, PROCESSES, function.memory_size))
        except OSError as error:
            _log.warning("The kernel holds no limits of %s: %s", function.name, error)

    async def _launch(self, place: Place, isolation: Isolation) -> None:
        self._launcher = await FrameChannel.open(self._connection, self)
        self._channel = self._launcher
        runtime_api = ""
        if self._expect_extensions(place):
            assert self._extensions is not None
            self._take_api(
                await RuntimeApi.open(
                    self,
                    lambda: self._spawner.pid(self._number),
                    self._extensions,
                    for_runtime=self._speaks_http,
                )
            )
            runtime_api = self._api.address if self._api else ""
        if self._endpoint is not None:
            await self._endpoint.listen()
        self._launcher.launch(self._describe(place, isolation, runtime_api, None))

    async def _launch_apart(self, place: Place, isolation: Isolation, network: Network) -> None:
        """The same in a network of its own, whose sockets come over the channel first."""
        services = {RUNTIME_API: self._expect_extensions(place)}
        services[CREDENTIALS] = self._endpoint is not None
        offered = [service for service, is_offered in services.items() if is_offered]
        runtime_api = f"{RUNTIME_API.host}:{RUNTIME_API.port}" if RUNTIME_API in offered else ""
        description = self._describe(place, isolation, runtime_api, network)
        description["network"] = network.describe(offered)
        self._connection.setblocking(False)
        launch = frames.encode(frames.Kind.LAUNCH, description)
        with contextlib.suppress(ConnectionError):  # it has ended; its end is told soon
            await asyncio.get_running_loop().sock_sendall(self._connection, launch)
        self._wires = await Wires.take(network, self._connection, offered)
        self._launcher = await FrameChannel.open(self._connection, self)
        self._channel = self._launcher
        opened = self._wires.services
        if RUNTIME_API in opened and self._extensions is not None:
            self._take_api(
                await RuntimeApi.open_inside(
                    self,
                    opened[RUNTIME_API],
                    self._extensions,
                    for_runtime=self._speaks_http,
                )
            )
        if self._endpoint is not None and CREDENTIALS in opened:
            await self._endpoint.listen(opened[CREDENTIALS])

    def _expect_extensions(self, place: Place) -> bool:
        """Whether something speaks HTTP with the server: the runtime, or extensions beside it."""
        names = extension_names(place)
        if not self._speaks_http and not names:
            return False
        self._extensions = Extensions(
            self.function, names, self._extensions_changed, self._extension_failed
        )
        return True

    def _take_api(self, api: RuntimeApi) -> None:
        self._api = api
        if self._speaks_http:
            self._channel = api

    def _describe(
        self, place: Place, isolation: Isolation, runtime_api: str, network: Network | None
    ) -> dict[str, object]:
        """The head of the LAUNCH frame, for the machine's network."""
        identity = self._describe_identity(network is not None)
        return {
            **describe_launch(self.function, place, identity, isolation, runtime_api, network),
            "network": None,
        }

    def _describe_identity(self, apart: bool) -> Mapping[str, str]:
        """The variables by which SDKs find the credentials. apart: in a network of its own."""
        if self._endpoint is None:
            return {
                "AWS_ACCESS_KEY_ID": self._credentials.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._credentials.secret_access_key,
                "AWS_SESSION_TOKEN": self._credentials.session_token,
            }
        inside = f"{CREDENTIALS.host}:{CREDENTIALS.port}"
        address = inside if apart else self._endpoint.address
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{address}{PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._endpoint.token,
        }

    async def _admits(self, peer: Address, own: Address) -> bool:
        """Whether the other end of a connection belongs to this environment."""
        if self._wires is not None:  # nobody else is in its network
            return True
        pid = self._spawner.pid(self._number)
        return pid is not None and await asyncio.to_thread(owns, pid, peer, own)

    # -- its use -----------------------------------------------------------------------------

    def serves(self) -> bool:
        """Whether it can take one more event: alive, with credentials that last long enough."""
        if self._endpoint is not None:
            return self.alive and self._endpoint.usable()
        return self.alive and self._credentials.lasting()

    async def invoke(self, event: Event, stream: ResponseStream | None = None) -> Invocation:
        """Give it an event and wait for the answer, no longer than the function's timeout.

        stream: takes a response that the function streams; without one it is gathered.
        """
        turn = self._turn = Turn(event, not self._used, stream)
        self._used = True
        if self._failure is not None:
            turn.outcome.set_result(self._failure)
        elif self._initialized is None:
            self._set_timer(turn, INIT_LIMIT + self.function.timeout)
        else:
            self._hand_over(turn)
        self._watch(turn)
        try:
            outcome = await turn.outcome
        finally:
            self._turn = None
            if turn.timer is not None:
                turn.timer.cancel()
        if stream is not None:
            stream.finish(outcome)
        tail = self._end_log(turn, outcome)
        if not self.alive:
            self._output.close()
        error = None if outcome.error_type is None else "Unhandled"
        return Invocation(outcome.payload, error, tail, self.function.version, outcome.content_type)

    def _hand_over(self, turn: Turn) -> None:
        assert self._channel is not None
        turn.began = time.monotonic()
        self._begin_log(turn)
        self._set_timer(turn, self.function.timeout)
        arn = turn.event.function_arn or self.function.arn
        deadline = time.time() + self.function.timeout
        if self._extensions is not None:
            self._extensions.invoke(turn.event, arn, deadline)
        self._channel.invoke(turn.event, arn, deadline)

    def _set_timer(self, turn: Turn, seconds: float) -> None:
        if turn.timer is not None:
            turn.timer.cancel()
        turn.timer = asyncio.get_running_loop().call_later(seconds, self._time_out, turn)

    def _time_out(self, turn: Turn) -> None:
        message = (
            f"RequestId: {turn.event.request_id} Error: Task timed out after "
            f"{self.function.timeout:.2f} seconds"
        )
        self._settle(failure("Sandbox.Timedout", message))
        self.end("timeout")

    def _watch(self, turn: Turn) -> None:
        """Measure its memory as long as this invocation lasts; end it when that is too much."""

        def sample() -> None:
            if self._turn is turn and self.alive:
                if self._meter.sample(*self._spawner.pids(self._number)):
                    self._kill()
                else:
                    self._watch(turn)

        asyncio.get_running_loop().call_later(_SAMPLE, sample)

    def _settle(self, outcome: Outcome) -> None:
        if self._turn is not None and not self._turn.outcome.done():
            self._turn.outcome.set_result(outcome)

    def _begin_log(self, turn: Turn) -> None:
        turn.logged = True
        self._log.note([report.start(self.function, turn.event.request_id)])

    def _end_log(self, turn: Turn, outcome: Outcome) -> bytes:
        """Finish the invocation's log; its tail, if the event wants it."""
        duration = time.monotonic() - turn.began
        init = None
        if turn.cold and self._initialized is not None:
            init = self._initialized - self._started
        # Read in any case, so that the next invocation's log begins with its own output.
        output = self._output.take()
        if not turn.logged:
            self._begin_log(turn)
        memory = self._meter.most(self._spawner.pid(self._number))
        environments = outcome.error_type if not self.alive else None
        lines = report.end(
            self.function, Report(turn.event.request_id, duration, memory, init, environments)
        )
        self._log.note(lines)
        if not turn.event.wants_log:
            return b""
        if output and not output.endswith(b"\n"):
            output += b"\n"
        start = report.start(self.function, turn.event.request_id)
        return (start.encode() + output + "".join(lines).encode())[-TAIL:]

    # -- what comes from it (`channel.Listener`) ---------------------------------------------

    def is_ready(self) -> None:
        self._runtime_ready = True
        self._become_ready()

    def _become_ready(self) -> None:
        extensions = self._extensions
        if self._initialized is not None or not self._runtime_ready:
            return
        if extensions is not None:
            if not extensions.ready():
                return
            extensions.close_registration()
        self._initialized = time.monotonic()
        if self._turn is not None:
            self._hand_over(self._turn)

    def responded(self, request_id: str, payload: bytes) -> None:
        if self._awaiting(request_id):
            self._settle(Outcome(payload))

    def failed(self, request_id: str, payload: bytes, error_type: str) -> None:
        if self._awaiting(request_id):
            self._settle(Outcome(payload, error_type))

    def init_failed(self, payload: bytes, error_type: str) -> None:
        if self._initialized is None and self._failure is None:
            self._failure = Outcome(payload, error_type)
            self._output.take()
            elapsed = time.monotonic() - self._started
            self._log.note([report.init_report(self.function, elapsed, error_type)])
            self._settle(self._failure)
            self.end()

    def oversized(self, request_id: str, size: int) -> None:
        turn = self._awaiting(request_id)
        if turn is not None:
            self._settle(turn.too_large(size))

    def began_streaming(self, request_id: str, content_type: str, flow: Flow) -> None:
        turn = self._awaiting(request_id)
        if turn is not None:
            turn.begin_stream(content_type, flow)

    def streamed(self, request_id: str, piece: bytes) -> None:
        turn = self._awaiting(request_id)
        if turn is not None and not turn.take(piece):
            self._settle(turn.too_large(turn.size))
            # It goes on writing what nobody takes.
            self.end()

    def ended_streaming(self, request_id: str, payload: bytes, error_type: str | None) -> None:
        turn = self._awaiting(request_id)
        if turn is not None:
            self._settle(turn.end_stream(payload, error_type))

    def _awaiting(self, request_id: str) -> Turn | None:
        """The invocation under way, if it is this one."""
        turn = self._turn
        return turn if turn is not None and turn.event.request_id == request_id else None

    # -- its extensions ----------------------------------------------------------------------

    def lingers(self) -> bool:
        """Whether extensions are not done with the last invocation yet."""
        return self.alive and self._extensions is not None and not self._extensions.idle()

    async def rest(self) -> None:
        """Wait until its extensions are done; one that takes longer than an invocation may is ended
        with its environment."""
        if not self.lingers():
            return
        self._resting = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(self._resting, self.function.timeout)
        except TimeoutError:
            self.end("timeout")
        finally:
            self._resting = None

    def _extensions_changed(self) -> None:
        self._become_ready()
        resting = self._resting
        if resting is not None and not resting.done() and not self.lingers():
            resting.set_result(None)

    def _extension_failed(self, payload: bytes, error_type: str) -> None:
        if self._initialized is None:
            self.init_failed(payload, error_type)
        else:
            self.end("failure")

    def hung_up(self) -> None:
        self._hung_up = True
        if self._channel is self._launcher:
            # It will never answer again: what still runs there a moment later is of no use. What
            # ended by itself is first to say how.
            self.alive = False
            asyncio.get_running_loop().call_later(_FAREWELL, self._end_running)
        self._bury()

    def _end_running(self) -> None:
        if self._status is None:
            self.end()

    def _exited(self, status: int) -> None:
        self.alive = False
        self._status = status
        # What it sent over HTTP before its end is read in the next turn of the event loop.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._bury)

    # -- its end -----------------------------------------------------------------------------

    def end(self, reason: str = "spindown") -> None:
        """Kill the process and all it started; its extensions are told before. reason: theirs."""
        self.alive = False
        if self._resting is not None and not self._resting.done():
            self._resting.set_result(None)
        if not self._takes_leave(reason):
            self._kill()

    def _kill(self) -> None:
        self.alive = False
        if self._wires is not None:
            self._wires.close()
        self._spawner.kill(self._number)
        if self._launcher is None:
            # It was never told what to be, or it never said that it is.
            self._connection.close()
            self._hung_up = True

    def _takes_leave(self, reason: str) -> bool:
        """Whether there are extensions that get a moment to end."""
        if self._farewell is not None:
            return True
        if self._extensions is None or self._status is not None:
            return False
        if not self._extensions.shut_down(reason, time.time() + FAREWELL):
            return False
        loop = asyncio.get_running_loop()
        self._farewell = loop.call_later(FAREWELL, self._spawner.kill, self._number)
        return True

    def _bury(self) -> None:
        """Once it has exited, and all it sent before has been read."""
        if self._status is None or not self._hung_up:
            return
        if self._failure is None:
            request_id = self._turn.event.request_id if self._turn else ""
            reason = f"RequestId: {request_id} Error: Runtime {describe_exit(self._status)}"
            self._failure = failure("Runtime.ExitError", reason)
            if self._meter.out_of_memory():
                # So in the log; the caller is told of an exit.
                self._failure = replace(self._failure, error_type="Runtime.OutOfMemory")
        self._settle(self._failure)
        if self._channel is not None:
            self._channel.close()
        if self._api is not None:
            self._api.close()
        if self._farewell is not None:
            self._farewell.cancel()
        if self._endpoint is not None:
            self._endpoint.close()
        if self._wires is not None:
            self._wires.close()
        if self._turn is None:
            self._output.close()
        asyncio.get_running_loop().run_in_executor(None, self._clean_up)

    def _clean_up(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)
        if self._meter.group is not None:
            self._meter.group.remove()
