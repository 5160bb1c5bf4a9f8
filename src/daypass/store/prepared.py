"""Statements compiled once and run on the driver's own cursor.

For the few that run in every request: SQLAlchemy's execute costs 50 µs and more, the driver's 10
(measured beside each other with SQLite).
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select


class Prepared:
    """A statement with named bind parameters; of an INSERT, the columns are their names.

    ending: SQL behind it, where SQLAlchemy has it for single dialects alone and all understand it.

    Rows come as the driver's plain tuples, [] from what returns none. Values go to the driver as
    they are.
    """

    __slots__ = ("_columns", "_constants", "_ending", "_names", "_sql", "_statement")

    def __init__(
        self,
        statement: Select[Any] | Delete | Insert,
        columns: Sequence[str] | None = None,
        ending: str = "",
    ) -> None:
        self._statement = statement
        self._columns = None if columns is None else list(columns)
        self._ending = ending
        self._sql = ""
        self._names: Sequence[str] | None = None
        self._constants: Mapping[str, Any] = {}

    def rows(self, connection: Connection, **values: object) -> list[Any]:
        if not self._sql:
            self._compile(connection)
        if self._constants:
            values = {**self._constants, **values}
        cursor = connection.connection.cursor()
        try:
            if self._names is None:
                cursor.execute(self._sql, values)
            else:
                cursor.execute(self._sql, [values[name] for name in self._names])
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()

    def many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it once for each of these values, as one call of the driver's."""
        if not self._sql:
            self._compile(connection)
        named = [{**self._constants, **row} for row in rows] if self._constants else rows
        cursor = connection.connection.cursor()
        try:
            if self._names is None:
                cursor.executemany(self._sql, named)
            else:
                values_of = itemgetter(*self._names)
                cursor.executemany(self._sql, [values_of(row) for row in named])
        finally:
            cursor.close()

    def _compile(self, connection: Connection) -> None:
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=self._columns)
        # What the dialect adds of its own (SQLite's OFFSET 0), beside the parameters to be given.
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }
        self._names = compiled.positiontup
        self._sql = f"{compiled}{self._ending}"
