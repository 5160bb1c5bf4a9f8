"""The tables of identity. None grows but by what an administrator creates; IAM's quotas bound each.

access_keys: 2 a user, and the root user's. users: 5,000. roles: 1,000. groups: 300.
managed_policies: 1,500, with at most 5 rows each in policy_versions. inline_policies: bounded by
their summed length (2,048 characters a user, 5,120 a group, 10,240 a role, without white space;
131,072 a document with it). attachments: 10 an identity. memberships: 10 a user. account: 1 row.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
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

accounts = Table(
    "account",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("region", String(32), nullable=False),
    Column("created", Integer, nullable=False),
)


def _identity(name: str, *columns: Column[Any]) -> Table:
    # Names are unique whatever their case, and found in the case they were given.
    return Table(
        name,
        metadata,
        Column("id", String(32), primary_key=True),
        Column("name", String(128), nullable=False),
        Column("folded_name", String(128), nullable=False, unique=True),
        Column("path", String(512), nullable=False),
        Column("created", Integer, nullable=False),
        *columns,
    )


users = _identity(
    "users",
    Column("boundary", String(2048)),
    Column("tags", JSON, nullable=False),
)
roles = _identity(
    "roles",
    Column("boundary", String(2048)),
    Column("tags", JSON, nullable=False),
    Column("description", Text),
    Column("max_session_duration", Integer, nullable=False),
    Column("trust", Text, nullable=False),
)
groups = _identity("groups")

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("group_id", ForeignKey("groups.id"), primary_key=True),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("user_id", ForeignKey("users.id"), index=True),  # NULL: the root user's
    Column("encrypted_secret", LargeBinary, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", Integer, nullable=False),
)

managed_policies = _identity(
    "managed_policies",
    Column("arn", String(2048), nullable=False, unique=True),
    Column("description", Text),
    Column("tags", JSON, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("newest_version", Integer, nullable=False),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("policy_id", ForeignKey("managed_policies.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("created", Integer, nullable=False),
)

# The owner of an inline policy or of an attachment is a user, a role or a group, by unique id.
inline_policies = Table(
    "inline_policies",
    metadata,
    Column("owner_id", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("owner_id", String(32), primary_key=True),
    Column("policy_arn", String(2048), primary_key=True),
    Index("ix_attachments_policy_arn", "policy_arn"),
)
