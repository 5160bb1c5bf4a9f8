"""What an environment is made for, what it is asked, and what comes of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daypass.workers.log import LogSink, NoLog

# Bytes: what Lambda takes from a function, 6 MiB and 100 bytes.
RESPONSE_LIMIT: Final = 6_291_556


class WorkersError(Exception):
    """The root of this package's errors."""


class ThrottledError(WorkersError):
    """No environment may be started now. reason: as in TooManyRequestsException."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Rate Exceeded: {reason}")
        self.reason = reason


class UnusableRuntimeError(WorkersError):
    """This machine cannot run that runtime. The text says what is missing."""


class IsolationError(WorkersError):
    """A function would not be kept apart from the server's data. The text says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The temporary credentials of an execution role.

    lasting: whether they are still good, and will be for as long as one invocation may take.
    standing: whether they are good but for their end in time. fresh: and have more than half of
    their life before them. expiration: Unix seconds.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    lasting: Callable[[], bool]
    standing: Callable[[], bool] = lambda: True
    fresh: Callable[[], bool] = lambda: True
    expiration: float = 0.0


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function as it is configured now.

    arn: the function's, without a qualifier. revision: changes with every change of code or
    configuration; environments are used again for the same version and revision only.
    code_sha256, layers: hex digests of the packages, the layers' in order. timeout: seconds.
    memory_size, ephemeral_storage: MB.
    reserved_concurrency: None is without a limit of its own; then unreserved_concurrency is what
    all such functions share, None for no limit.
    log_format: "Text" or "JSON". log_level: of its own lines, "" for all. log_group: "" for the
    usual one.
    """

    name: str
    arn: str
    revision: str
    runtime: str
    handler: str
    code_sha256: str
    timeout: int
    memory_size: int
    ephemeral_storage: int
    region: str
    endpoint_url: str
    version: str = "$LATEST"
    reserved_concurrency: int | None = None
    renews_credentials: bool = False
    unreserved_concurrency: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    log_format: str = "Text"
    log_level: str = ""
    log_group: str = ""
    layers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Supplies:
    """Where an environment of a function gets what it starts with: credentials, and each package
    by its hex digest.

    log: where its lines go, given the name of its log stream.
    """

    credentials: Callable[[], Awaitable[Credentials]]
    package: Callable[[str], Awaitable[bytes]]
    log: Callable[[str], LogSink] = lambda _: NoLog()


@dataclass(frozen=True, slots=True)
class Event:
    """One event for a function. payload: JSON. client_context: JSON, as the function gets it.

    wants_log: the invocation is to carry the end of its log. function_arn: as the caller named the
    function, with its qualifier; "" is without one.
    """

    request_id: str
    payload: bytes
    client_context: str | None = None
    trace_id: str = ""
    wants_log: bool = False
    function_arn: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function answered. error_type: None if it succeeded. content_type: of a response that
    was streamed, "" of others."""

    payload: bytes
    error_type: str | None = None
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came of one event. log_tail: the last 4 KB of the log, if the event wanted it.

    function_error: "Unhandled", or None if the function succeeded. content_type: of a response that
    was streamed by the function and gathered here, "" of others.
    """

    payload: bytes
    function_error: str | None
    log_tail: bytes
    executed_version: str = "$LATEST"
    content_type: str = ""
