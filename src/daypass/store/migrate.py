"""Bring a database to the newest schema. Alembic is loaded only when there is something to do."""

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, inspect, text

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database cannot be used by this version of Daypass."""


def migrate(engine: Engine) -> None:
    """Apply the migrations this database lacks, each in a transaction. Raises `SchemaError`."""
    known = _revisions()
    current = _current(engine)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise SchemaError(
            f"The database is at schema {current!r}, which this version does not know (newest: "
            f"{known[-1]!r}). It was written by a newer Daypass; use that version."
        )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # noqa: PLC0415 - 0.3 s of imports, needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revisions() -> Sequence[str]:
    """The revisions in order: their files are named NNNN_subject.py, and that is their id."""
    return sorted(path.stem for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])
