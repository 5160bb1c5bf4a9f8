"""The tables of `logs.db`, a database of its own: a chatty function must not delay what counts."""

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, MetaData, Table, Text

metadata: Final = MetaData()

# Times are Unix milliseconds. bytes: the sizes of the group's events.
groups: Final = Table(
    "log_groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Integer, nullable=False),
    Column("retention_days", Integer),
    Column("bytes", Integer, nullable=False, default=0),
    Column("tags", JSON, nullable=False),
)

streams: Final = Table(
    "log_streams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("group_id", ForeignKey("log_groups.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created", Integer, nullable=False),
    Column("first_event", Integer),
    Column("last_event", Integer),
    Column("last_ingestion", Integer),
    Index("log_streams_by_name", "group_id", "name", unique=True),
)

events: Final = Table(
    "log_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("group_id", ForeignKey("log_groups.id", ondelete="CASCADE"), nullable=False),
    Column("stream_id", ForeignKey("log_streams.id", ondelete="CASCADE"), nullable=False),
    Column("timestamp", Integer, nullable=False),
    Column("ingestion", Integer, nullable=False),
    Column("message", Text, nullable=False),
    # Bytes that it counts for in its group.
    Column("size", Integer, nullable=False),
    Index("log_events_of_group", "group_id", "timestamp", "id"),
    Index("log_events_of_stream", "stream_id", "timestamp", "id"),
    # Ids grow for ever: a position in a log stays one after its events were deleted.
    sqlite_autoincrement=True,
)
