"""What becomes of asynchronous events, each change the body of one `Store.write`."""

from sqlalchemy import delete, insert

from daypass.store.engine import Transaction
from daypass.store.functions.errors import NoSuchEventConfigError
from daypass.store.functions.records import EventConfig
from daypass.store.functions.rows import qualified_row
from daypass.store.functions.tables import KIND, function_event_configs


def put_event_config(transaction: Transaction, config: EventConfig) -> None:
    """Configure, over whatever there was. Raises what says that the qualifier does not exist."""
    qualified_row(transaction, config.function, config.qualifier)
    _delete(transaction, config.function, config.qualifier)
    transaction.connection.execute(
        insert(function_event_configs).values(
            function=config.function,
            qualifier=config.qualifier,
            retries=config.retries,
            longest_age=config.longest_age,
            on_success=config.on_success,
            on_failure=config.on_failure,
            modified=config.modified,
        )
    )
    transaction.changed(KIND, config.function)


def delete_event_config(transaction: Transaction, name: str, qualifier: str) -> None:
    """Raises `NoSuchEventConfigError`."""
    if not _delete(transaction, name, qualifier):
        raise NoSuchEventConfigError(qualifier)
    transaction.changed(KIND, name)


def _delete(transaction: Transaction, name: str, qualifier: str) -> int:
    table = function_event_configs
    return transaction.connection.execute(
        delete(table).where(table.c.function == name, table.c.qualifier == qualifier)
    ).rowcount
