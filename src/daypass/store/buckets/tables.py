"""The tables of buckets, objects and multipart uploads.

Keys are bytes, so that their order is S3's (UTF-8 binary) in every database.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from daypass.store.schema import metadata

# Numbers are never used twice (autoincrement): what a process still remembers of a deleted bucket
# cannot come to mean another one.
buckets = Table(
    "buckets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("owner", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("created", Integer, nullable=False),
    Column("policy", Text),
    sqlite_autoincrement=True,
)

# headers, metadata and checksum are JSON objects. data: the bytes of a small object, NULL where
# segments hold them; last in the row, so that a listing never reads it.
objects = Table(
    "objects",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("bucket_id", Integer, ForeignKey(buckets.c.id), nullable=False),
    Column("key", LargeBinary(1024), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("modified", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("upload_id", String(64)),
    Column("data", LargeBinary),
    Index("ix_objects_bucket_id", "bucket_id", "key", unique=True),
    sqlite_autoincrement=True,
)

# The blobs an object's bytes are in, in order. Several objects may share a blob (copies).
segments = Table(
    "segments",
    metadata,
    Column("object_id", ForeignKey(objects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("blob", String(64), nullable=False),
    Column("checksum", Text, nullable=False),
    Index("ix_segments_blob", "blob"),
)

# Ids begin with the time of creation, so that (key, id) is the order uploads are listed in.
uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("bucket_id", Integer, ForeignKey(buckets.c.id), nullable=False),
    Column("key", LargeBinary(1024), nullable=False),
    Column("initiated", Integer, nullable=False),
    Column("initiator", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("checksum_type", String(16), nullable=False),
    Index("ix_uploads_bucket_id", "bucket_id", "key", "id"),
)

parts = Table(
    "parts",
    metadata,
    Column("upload_id", ForeignKey(uploads.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("modified", Integer, nullable=False),
    Column("blob", String(64), nullable=False),
    Column("checksum", Text, nullable=False),
    Index("ix_parts_blob", "blob"),
)

# Blobs of objects that are gone, kept until `due` for downloads that began before.
condemned_blobs = Table(
    "condemned_blobs",
    metadata,
    Column("blob", String(64), primary_key=True),
    Column("due", Integer, nullable=False, index=True),
)
