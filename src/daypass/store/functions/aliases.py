"""Changes of aliases, each the body of one `Store.write`."""

import json

from sqlalchemy import delete, insert, update

from daypass.store.engine import Transaction
from daypass.store.functions.errors import AliasExistsError, NoSuchAliasError
from daypass.store.functions.records import Alias, version_number
from daypass.store.functions.rows import alias_row, check_revision, version_row
from daypass.store.functions.tables import (
    KIND,
    function_aliases,
    function_event_configs,
    function_permissions,
    function_url_configs,
)


def insert_alias(transaction: Transaction, alias: Alias) -> None:
    """Raises `NoSuchFunctionError`, `NoSuchVersionError` and `AliasExistsError`."""
    _check_versions(transaction, alias)
    try:
        alias_row(transaction, alias.function, alias.name)
    except NoSuchAliasError:
        pass
    else:
        raise AliasExistsError(alias.name)
    transaction.connection.execute(
        insert(function_aliases).values(function=alias.function, name=alias.name, **_values(alias))
    )
    transaction.changed(KIND, alias.function)


def update_alias(transaction: Transaction, alias: Alias, expected_revision: str) -> None:
    """Raises `NoSuchFunctionError`, `NoSuchVersionError`, `NoSuchAliasError` and
    `StaleRevisionError`."""
    check_revision(alias_row(transaction, alias.function, alias.name), expected_revision)
    _check_versions(transaction, alias)
    table = function_aliases
    transaction.connection.execute(
        update(table)
        .where(table.c.function == alias.function, table.c.name == alias.name)
        .values(**_values(alias))
    )
    transaction.changed(KIND, alias.function)


def delete_alias(transaction: Transaction, name: str, alias: str) -> None:
    """Delete an alias, if there is one, with its policy and its configurations.

    Its URL stays as one that leads nowhere. Raises `NoSuchFunctionError`.
    """
    version_row(transaction, name)
    connection = transaction.connection
    aliases, urls = function_aliases, function_url_configs
    connection.execute(delete(aliases).where(aliases.c.function == name, aliases.c.name == alias))
    for table in (function_permissions, function_event_configs):
        connection.execute(
            delete(table).where(table.c.function == name, table.c.qualifier == alias)
        )
    connection.execute(
        update(urls)
        .where(urls.c.function == name, urls.c.qualifier == alias)
        .values(qualifier=None)
    )
    transaction.changed(KIND, name)


def _check_versions(transaction: Transaction, alias: Alias) -> None:
    for version in (alias.version, *alias.weights):
        version_row(transaction, alias.function, version_number(version))


def _values(alias: Alias) -> dict[str, object]:
    return {
        "number": version_number(alias.version),
        "description": alias.description,
        "weights": json.dumps(dict(alias.weights)),
        "revision_id": alias.revision_id,
    }
