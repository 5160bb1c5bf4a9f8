"""Changes of functions, each the body of one `Store.write`.

What must hold is checked inside it, so that of two requests at once only one can win.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from daypass.store.engine import Transaction
from daypass.store.functions.errors import (
    FunctionExistsError,
    NoSuchFunctionError,
    NoSuchStatementError,
    NoSuchUrlError,
    StaleRevisionError,
    StatementExistsError,
    UrlExistsError,
    UrlIdTakenError,
)
from daypass.store.functions.records import Code, Function, FunctionUrl, Statement
from daypass.store.functions.tables import (
    KIND,
    VARIABLES,
    function_statements,
    function_urls,
    functions,
)
from daypass.tokens import KeyRing


def claimed_blobs(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Which of these blobs are the code of a function."""
    rows = connection.execute(select(functions.c.code_blob).where(functions.c.code_blob.in_(blobs)))
    return {row.code_blob for row in rows}


def new_revision_id() -> str:
    return str(uuid.uuid4())


def insert_function(transaction: Transaction, function: Function, keys: KeyRing) -> None:
    """Raises `FunctionExistsError`."""
    if _row(transaction, function.name) is not None:
        raise FunctionExistsError(function.name)
    transaction.connection.execute(
        insert(functions).values(
            name=function.name,
            revision_id=function.revision_id,
            modified=function.modified,
            tags=json.dumps(dict(function.tags)),
            reserved_concurrency=function.reserved_concurrency,
            **_code_values(function.code),
            **_configuration_values(function, keys),
        )
    )
    transaction.changed(KIND, function.name)


def update_code(transaction: Transaction, function: Function, expected_revision: str) -> str:
    """Take over code and architecture from `function`; returns the blob it replaced.

    expected_revision: "" for whatever it is now. Raises `NoSuchFunctionError` and
    `StaleRevisionError`.
    """
    row = _row_at(transaction, function.name, expected_revision)
    _update(
        transaction,
        function.name,
        revision_id=function.revision_id,
        modified=function.modified,
        architecture=function.architecture,
        **_code_values(function.code),
    )
    return str(row.code_blob)


def update_configuration(
    transaction: Transaction, function: Function, expected_revision: str, keys: KeyRing
) -> None:
    """Take over the configuration from `function`. Raises as `update_code` does."""
    _row_at(transaction, function.name, expected_revision)
    _update(
        transaction,
        function.name,
        revision_id=function.revision_id,
        modified=function.modified,
        **_configuration_values(function, keys),
    )


def update_tags(
    transaction: Transaction, name: str, added: Mapping[str, str], removed: Sequence[str]
) -> None:
    """Add and remove tags. Raises `NoSuchFunctionError`."""
    row = _row_at(transaction, name, "")
    tags = {key: value for key, value in json.loads(row.tags).items() if key not in removed}
    _update(transaction, name, tags=json.dumps(tags | dict(added)))


def update_reserved_concurrency(
    transaction: Transaction, name: str, executions: int | None
) -> None:
    """Raises `NoSuchFunctionError`."""
    _row_at(transaction, name, "")
    _update(transaction, name, reserved_concurrency=executions)


def delete_function(transaction: Transaction, name: str) -> str:
    """Delete a function with its policy and URL; returns the blob of its code.

    Raises `NoSuchFunctionError`.
    """
    row = _row_at(transaction, name, "")
    transaction.connection.execute(delete(functions).where(functions.c.name == name))
    transaction.changed(KIND, name)
    return str(row.code_blob)


def insert_statement(
    transaction: Transaction, name: str, statement: Statement, expected_revision: str
) -> None:
    """Raises `NoSuchFunctionError`, `StaleRevisionError` and `StatementExistsError`."""
    _row_at(transaction, name, expected_revision)
    table = function_statements
    known = dict(
        transaction.connection.execute(
            select(table.c.statement_id, table.c.position).where(table.c.function == name)
        ).all()
    )
    if statement.statement_id in known:
        raise StatementExistsError(statement.statement_id)
    transaction.connection.execute(
        insert(table).values(
            function=name,
            statement_id=statement.statement_id,
            position=max(known.values(), default=0) + 1,
            statement=statement.document,
        )
    )
    _update(transaction, name, revision_id=new_revision_id())


def delete_statement(
    transaction: Transaction, name: str, statement_id: str, expected_revision: str
) -> None:
    """Raises `NoSuchFunctionError`, `StaleRevisionError` and `NoSuchStatementError`."""
    _row_at(transaction, name, expected_revision)
    table = function_statements
    deleted = transaction.connection.execute(
        delete(table).where(table.c.function == name, table.c.statement_id == statement_id)
    )
    if not deleted.rowcount:
        raise NoSuchStatementError(statement_id)
    _update(transaction, name, revision_id=new_revision_id())


def insert_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchFunctionError`, `UrlExistsError` and `UrlIdTakenError`."""
    _row_at(transaction, url.function, "")
    table = function_urls
    taken = transaction.connection.execute(
        select(table.c.function).where(
            (table.c.url_id == url.url_id) | (table.c.function == url.function)
        )
    ).all()
    if any(row.function == url.function for row in taken):
        raise UrlExistsError(url.function)
    if taken:
        raise UrlIdTakenError(url.url_id)
    transaction.connection.execute(
        insert(table).values(
            url_id=url.url_id,
            function=url.function,
            created=url.created,
            **_url_values(url),
        )
    )
    transaction.changed(KIND, url.function)


def update_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchUrlError`."""
    changed = transaction.connection.execute(
        update(function_urls)
        .where(function_urls.c.function == url.function, function_urls.c.url_id == url.url_id)
        .values(**_url_values(url))
    )
    if not changed.rowcount:
        raise NoSuchUrlError(url.function)
    transaction.changed(KIND, url.function)


def delete_url(transaction: Transaction, name: str) -> None:
    """Raises `NoSuchUrlError`."""
    deleted = transaction.connection.execute(
        delete(function_urls).where(function_urls.c.function == name)
    )
    if not deleted.rowcount:
        raise NoSuchUrlError(name)
    transaction.changed(KIND, name)


def _row(transaction: Transaction, name: str) -> Row[Any] | None:
    return transaction.connection.execute(
        select(functions).where(functions.c.name == name)
    ).one_or_none()


def _row_at(transaction: Transaction, name: str, expected_revision: str) -> Row[Any]:
    row = _row(transaction, name)
    if row is None:
        raise NoSuchFunctionError(name)
    if expected_revision and row.revision_id != expected_revision:
        raise StaleRevisionError(name)
    return row


def _update(transaction: Transaction, name: str, **values: object) -> None:
    transaction.connection.execute(
        update(functions).where(functions.c.name == name).values(**values)
    )
    transaction.changed(KIND, name)


def _code_values(code: Code) -> dict[str, object]:
    return {"code_sha256": code.sha256, "code_size": code.size, "code_blob": code.blob}


def _configuration_values(function: Function, keys: KeyRing) -> dict[str, object]:
    variables = None
    if function.variables is not None:
        text = json.dumps(dict(function.variables)).encode()
        variables = keys.encrypt(VARIABLES, text, function.name)
    return {
        "runtime": function.runtime,
        "role_arn": function.role_arn,
        "handler": function.handler,
        "description": function.description,
        "timeout": function.timeout,
        "memory_size": function.memory_size,
        "ephemeral_storage": function.ephemeral_storage,
        "architecture": function.architecture,
        "variables": variables,
    }


def _url_values(url: FunctionUrl) -> dict[str, object]:
    return {
        "auth_type": url.auth_type,
        "invoke_mode": url.invoke_mode,
        "cors": None if url.cors is None else json.dumps(asdict(url.cors)),
        "modified": url.modified,
    }
