"""Changes of Function URLs, each the body of one `Store.write`."""

import json
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update

from daypass.store.engine import Transaction
from daypass.store.functions.errors import NoSuchUrlError, UrlExistsError, UrlIdTakenError
from daypass.store.functions.records import FunctionUrl
from daypass.store.functions.rows import qualified_row
from daypass.store.functions.tables import KIND, function_url_configs


def insert_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchFunctionError`, `NoSuchAliasError`, `UrlExistsError` and `UrlIdTakenError`."""
    qualified_row(transaction, url.function, url.qualifier or "")
    table = function_url_configs
    taken = transaction.connection.execute(
        select(table.c.function, table.c.qualifier).where(
            (table.c.url_id == url.url_id)
            | ((table.c.function == url.function) & (table.c.qualifier == url.qualifier))
        )
    ).all()
    if any((row.function, row.qualifier) == (url.function, url.qualifier) for row in taken):
        raise UrlExistsError(url.function)
    if any(row.function != url.function or row.qualifier is not None for row in taken):
        raise UrlIdTakenError(url.url_id)
    # What is left is the URL of a deleted alias of this function, whose pinned id comes back.
    transaction.connection.execute(delete(table).where(table.c.url_id == url.url_id))
    transaction.connection.execute(
        insert(table).values(
            url_id=url.url_id,
            function=url.function,
            qualifier=url.qualifier,
            created=url.created,
            **_values(url),
        )
    )
    transaction.changed(KIND, url.function)


def update_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchUrlError`."""
    table = function_url_configs
    changed = transaction.connection.execute(
        update(table)
        .where(
            table.c.url_id == url.url_id,
            table.c.function == url.function,
            table.c.qualifier == url.qualifier,
        )
        .values(**_values(url))
    )
    if not changed.rowcount:
        raise NoSuchUrlError(url.function)
    transaction.changed(KIND, url.function)


def delete_url(transaction: Transaction, name: str, qualifier: str) -> None:
    """Raises `NoSuchUrlError`."""
    table = function_url_configs
    deleted = transaction.connection.execute(
        delete(table).where(table.c.function == name, table.c.qualifier == qualifier)
    )
    if not deleted.rowcount:
        raise NoSuchUrlError(name)
    transaction.changed(KIND, name)


def _values(url: FunctionUrl) -> dict[str, object]:
    return {
        "auth_type": url.auth_type,
        "invoke_mode": url.invoke_mode,
        "cors": None if url.cors is None else json.dumps(asdict(url.cors)),
        "modified": url.modified,
    }
