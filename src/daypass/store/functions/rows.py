"""What the changes of functions have in common: finding rows, and renewing revisions."""

import uuid
from typing import Any

from sqlalchemy import Row, select, update

from daypass.store.engine import Transaction
from daypass.store.functions.errors import (
    NoSuchAliasError,
    NoSuchFunctionError,
    NoSuchVersionError,
    StaleRevisionError,
)
from daypass.store.functions.records import LATEST, Code
from daypass.store.functions.tables import function_aliases, function_versions


def new_revision_id() -> str:
    return str(uuid.uuid4())


def version_row(transaction: Transaction, name: str, number: int = 0) -> Row[Any]:
    """Raises `NoSuchFunctionError`, or `NoSuchVersionError` where only the version is missing."""
    table = function_versions
    row = transaction.connection.execute(
        select(table).where(table.c.function == name, table.c.number == number)
    ).one_or_none()
    if row is not None:
        return row
    if number:
        version_row(transaction, name)
        raise NoSuchVersionError(str(number))
    raise NoSuchFunctionError(name)


def alias_row(transaction: Transaction, name: str, alias: str) -> Row[Any]:
    """Raises `NoSuchFunctionError` and `NoSuchAliasError`."""
    version_row(transaction, name)
    table = function_aliases
    row = transaction.connection.execute(
        select(table).where(table.c.function == name, table.c.name == alias)
    ).one_or_none()
    if row is None:
        raise NoSuchAliasError(alias)
    return row


def check_revision(row: Row[Any], expected: str) -> None:
    """expected: "" for whatever it is. Raises `StaleRevisionError`."""
    if expected and row.revision_id != expected:
        raise StaleRevisionError(expected)


def qualified_row(transaction: Transaction, name: str, qualifier: str) -> Row[Any]:
    """The version or alias of a qualifier, "" for $LATEST. Raises what says that it is missing."""
    if qualifier in {"", LATEST}:
        return version_row(transaction, name)
    if qualifier.isdecimal():
        return version_row(transaction, name, int(qualifier))
    return alias_row(transaction, name, qualifier)


def renew_revision(transaction: Transaction, name: str, qualifier: str) -> None:
    if qualifier in {"", LATEST} or qualifier.isdecimal():
        table = function_versions
        number = int(qualifier) if qualifier.isdecimal() else 0
        which = (table.c.function == name, table.c.number == number)
        transaction.connection.execute(
            update(table).where(*which).values(revision_id=new_revision_id())
        )
        return
    aliases = function_aliases
    transaction.connection.execute(
        update(aliases)
        .where(aliases.c.function == name, aliases.c.name == qualifier)
        .values(revision_id=new_revision_id())
    )


def code_values(code: Code) -> dict[str, object]:
    return {
        "code_sha256": code.sha256,
        "code_size": code.size,
        "code_unpacked": code.unpacked,
        "code_blob": code.blob,
    }
