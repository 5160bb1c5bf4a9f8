"""Function environments: one process each, warm between invocations, confined, and ended with
the server."""

from daypass.workers.archive import UNPACKED_LIMIT, ArchiveError, ArchiveTooLargeError
from daypass.workers.environments import Environments, StreamedInvocation
from daypass.workers.function import (
    Credentials,
    Event,
    FunctionSpec,
    Invocation,
    IsolationError,
    Supplies,
    ThrottledError,
    UnusableRuntimeError,
    WorkersError,
)
from daypass.workers.isolation import Isolation, Level, choose
from daypass.workers.network import Front, Network, Reach, choose_reach
from daypass.workers.runtimes import check_runtime

__all__ = [
    "UNPACKED_LIMIT",
    "ArchiveError",
    "ArchiveTooLargeError",
    "Credentials",
    "Environments",
    "Event",
    "Front",
    "FunctionSpec",
    "Invocation",
    "Isolation",
    "IsolationError",
    "Level",
    "Network",
    "Reach",
    "StreamedInvocation",
    "Supplies",
    "ThrottledError",
    "UnusableRuntimeError",
    "WorkersError",
    "check_runtime",
    "choose",
    "choose_reach",
]
