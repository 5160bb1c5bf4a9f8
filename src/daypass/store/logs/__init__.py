"""CloudWatch Logs' state: groups, streams and events, in a database beside the node's own."""

from daypass.store.logs.queue import LogQueue, LogStream, Permit
from daypass.store.logs.records import (
    Batch,
    GroupExistsError,
    LogEvent,
    LogGroup,
    LogStoreError,
    LogStreamRecord,
    NoSuchGroupError,
    NoSuchStreamError,
    Position,
    Selection,
    StreamExistsError,
    TooManyGroupsError,
)
from daypass.store.logs.store import LogStore

__all__ = [
    "Batch",
    "GroupExistsError",
    "LogEvent",
    "LogGroup",
    "LogQueue",
    "LogStore",
    "LogStoreError",
    "LogStream",
    "LogStreamRecord",
    "NoSuchGroupError",
    "NoSuchStreamError",
    "Permit",
    "Position",
    "Selection",
    "StreamExistsError",
    "TooManyGroupsError",
]
