"""The tables of functions."""

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, String, Table, Text

from daypass.store.schema import metadata

KIND: Final = "function"
# What the encryption of environment variables is bound to, together with the function's name.
VARIABLES: Final = "function-variables"

functions = Table(
    "functions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("revision_id", String(36), nullable=False),
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
    Column("code_blob", String(128), nullable=False),
    Column("reserved_concurrency", Integer),
    Column("tags", Text, nullable=False),
    Column("modified", Float, nullable=False),
)

function_statements = Table(
    "function_statements",
    metadata,
    Column("function", ForeignKey(functions.c.name, ondelete="CASCADE"), primary_key=True),
    Column("statement_id", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("statement", Text, nullable=False),
)

function_urls = Table(
    "function_urls",
    metadata,
    Column("url_id", String(32), primary_key=True),
    Column(
        "function",
        ForeignKey(functions.c.name, ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("auth_type", String(16), nullable=False),
    Column("invoke_mode", String(32), nullable=False),
    Column("cors", Text),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
)
