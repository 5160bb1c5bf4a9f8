"""Log groups, log streams and log events as their readers get them. Times: Unix milliseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class LogStoreError(Exception):
    """The root of this package's errors."""


class NoSuchGroupError(LogStoreError):
    """There is no log group of this name."""


class NoSuchStreamError(LogStoreError):
    """There is no log stream of this name in the group."""


class GroupExistsError(LogStoreError):
    """There is a log group of this name already."""


class StreamExistsError(LogStoreError):
    """There is a log stream of this name in the group already."""


class TooManyGroupsError(LogStoreError):
    """No more log groups are kept."""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """retention_days: None is for ever. bytes: what its events take."""

    name: str
    created: int
    retention_days: int | None
    bytes: int
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogStreamRecord:
    """first_event, last_event, last_ingestion: None while nothing was written."""

    name: str
    created: int
    first_event: int | None
    last_event: int | None
    last_ingestion: int | None


@dataclass(frozen=True, slots=True)
class LogEvent:
    """id: grows in the order of ingestion, and is never used again."""

    id: int
    stream: str
    timestamp: int
    ingestion: int
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between events, which are in the order of their time and id: after this one."""

    timestamp: int
    id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events for one stream, oldest first: times and messages.

    makes_stream, makes_group: whether they are made where they do not exist.
    """

    group: str
    stream: str
    events: Sequence[tuple[int, str]]
    makes_stream: bool = False
    makes_group: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events of a group: of these streams (None: of all), or those whose name begins so, at
    or after start, before end, after a position, or before one."""

    group: str
    streams: Sequence[str] | None = None
    stream_prefix: str = ""
    start: int = 0
    end: int | None = None
    after: Position | None = None
    before: Position | None = None
    newest_first: bool = False
