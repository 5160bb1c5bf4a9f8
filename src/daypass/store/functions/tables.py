"""The tables of functions and layers."""

from typing import Final

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from daypass.store.schema import metadata

KIND: Final = "function"
# What the encryption of environment variables is bound to, together with the function's name.
VARIABLES: Final = "function-variables"


def _function() -> Column[str]:
    return Column("function", ForeignKey("functions.name", ondelete="CASCADE"), primary_key=True)


# next_version: the number of the version to be published next; none is ever given twice.
functions = Table(
    "functions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("next_version", Integer, nullable=False),
    Column("reserved_concurrency", Integer),
    Column("tags", Text, nullable=False),
)

# number: 0 is $LATEST, others are published and never change. content_id: renewed when code or
# configuration change, and copied when they are published.
function_versions = Table(
    "function_versions",
    metadata,
    _function(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision_id", String(36), nullable=False),
    Column("content_id", String(36), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("role_arn", String(2048), nullable=False),
    Column("handler", String(128), nullable=False),
    Column("description", String(256), nullable=False),
    Column("timeout", Integer, nullable=False),
    Column("memory_size", Integer, nullable=False),
    Column("ephemeral_storage", Integer, nullable=False),
    Column("architecture", String(16), nullable=False),
    Column("variables", LargeBinary),
    Column("code_sha256", String(64), nullable=False),
    Column("code_size", Integer, nullable=False),
    Column("code_unpacked", Integer, nullable=False),
    Column("code_blob", String(128), nullable=False),
    Column("modified", Float, nullable=False),
    Column("logging", Text),
)

# The layers of a version, in order. They hold the package of their own: it stays while they do,
# whether or not the layer's version is deleted.
function_layers = Table(
    "function_layers",
    metadata,
    Column("function", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("arn", String(140), nullable=False),
    Column("code_sha256", String(64), nullable=False),
    Column("code_size", Integer, nullable=False),
    Column("code_unpacked", Integer, nullable=False),
    Column("code_blob", String(128), nullable=False),
    ForeignKeyConstraint(
        ["function", "number"],
        ["function_versions.function", "function_versions.number"],
        ondelete="CASCADE",
    ),
)

function_aliases = Table(
    "function_aliases",
    metadata,
    _function(),
    Column("name", String(128), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("description", String(256), nullable=False),
    Column("weights", Text, nullable=False),
    Column("revision_id", String(36), nullable=False),
)

# qualifier: "" is the function itself, else a version's number or an alias's name.
function_permissions = Table(
    "function_permissions",
    metadata,
    _function(),
    Column("qualifier", String(128), primary_key=True),
    Column("statement_id", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("statement", Text, nullable=False),
)

# qualifier: "" is the function itself, NULL an alias that was deleted.
function_url_configs = Table(
    "function_url_configs",
    metadata,
    Column("url_id", String(32), primary_key=True),
    Column("function", ForeignKey("functions.name", ondelete="CASCADE"), nullable=False),
    Column("qualifier", String(128)),
    Column("auth_type", String(16), nullable=False),
    Column("invoke_mode", String(32), nullable=False),
    Column("cors", Text),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    UniqueConstraint("function", "qualifier"),
)

# qualifier: "$LATEST", a version's number or an alias's name.
function_event_configs = Table(
    "function_event_configs",
    metadata,
    _function(),
    Column("qualifier", String(128), primary_key=True),
    Column("retries", Integer),
    Column("longest_age", Integer),
    Column("on_success", String(350), nullable=False),
    Column("on_failure", String(350), nullable=False),
    Column("modified", Float, nullable=False),
)

# Events that were accepted and have not ended. owner: the process that has them. sealed: the
# event, encrypted. accepted, due: Unix seconds.
function_events = Table(
    "function_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", String(80), nullable=False, index=True),
    Column("function", String(64), nullable=False),
    Column("qualifier", String(128), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("accepted", Float, nullable=False),
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("depth", Integer, nullable=False),
)

layers = Table(
    "layers",
    metadata,
    Column("name", String(140), primary_key=True),
    Column("next_version", Integer, nullable=False),
)

layer_versions = Table(
    "layer_versions",
    metadata,
    Column("layer", ForeignKey(layers.c.name, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision_id", String(36), nullable=False),
    Column("description", String(256), nullable=False),
    Column("license_info", String(512)),
    Column("runtimes", Text, nullable=False),
    Column("architectures", Text, nullable=False),
    Column("code_sha256", String(64), nullable=False),
    Column("code_size", Integer, nullable=False),
    Column("code_unpacked", Integer, nullable=False),
    Column("code_blob", String(128), nullable=False),
    Column("created", Float, nullable=False),
)

layer_permissions = Table(
    "layer_permissions",
    metadata,
    Column("layer", String(140), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("statement_id", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("statement", Text, nullable=False),
    ForeignKeyConstraint(
        ["layer", "number"],
        ["layer_versions.layer", "layer_versions.number"],
        ondelete="CASCADE",
    ),
)
