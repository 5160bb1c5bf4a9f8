"""Changes of resource policies, each the body of one `Store.write`."""

from sqlalchemy import delete, insert, select

from daypass.store.engine import Transaction
from daypass.store.functions.errors import NoSuchStatementError, StatementExistsError
from daypass.store.functions.records import Statement
from daypass.store.functions.rows import check_revision, qualified_row, renew_revision
from daypass.store.functions.tables import KIND, function_permissions


def insert_statement(
    transaction: Transaction,
    name: str,
    qualifier: str,
    statement: Statement,
    expected_revision: str,
) -> None:
    """qualifier: "" for the function itself. Raises what says that it does not exist,
    `StaleRevisionError` and `StatementExistsError`."""
    check_revision(qualified_row(transaction, name, qualifier), expected_revision)
    table = function_permissions
    known = dict(
        transaction.connection.execute(
            select(table.c.statement_id, table.c.position).where(
                table.c.function == name, table.c.qualifier == qualifier
            )
        ).all()
    )
    if statement.statement_id in known:
        raise StatementExistsError(statement.statement_id)
    transaction.connection.execute(
        insert(table).values(
            function=name,
            qualifier=qualifier,
            statement_id=statement.statement_id,
            position=max(known.values(), default=0) + 1,
            statement=statement.document,
        )
    )
    renew_revision(transaction, name, qualifier)
    transaction.changed(KIND, name)


def delete_statement(
    transaction: Transaction, name: str, qualifier: str, statement_id: str, expected_revision: str
) -> None:
    """Raises as `insert_statement` does, and `NoSuchStatementError`."""
    row = qualified_row(transaction, name, qualifier)
    table = function_permissions
    deleted = transaction.connection.execute(
        delete(table).where(
            table.c.function == name,
            table.c.qualifier == qualifier,
            table.c.statement_id == statement_id,
        )
    )
    if not deleted.rowcount:
        raise NoSuchStatementError(statement_id)
    check_revision(row, expected_revision)
    renew_revision(transaction, name, qualifier)
    transaction.changed(KIND, name)
