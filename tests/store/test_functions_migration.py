"""A database of the schema before versions: what functions it had are there, as they were."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from daypass.store import functions as state
from daypass.store import migrate as migrating
from daypass.store.engine import create_sqlite_engine, open_store
from daypass.store.functions import FunctionCache
from daypass.store.functions.tables import VARIABLES
from daypass.store.schema import metadata
from daypass.tokens import KeyRing, new_ring

BEFORE = "0010_issued"
KEYS = KeyRing(bytes(32), new_ring(0))
FUNCTION: dict[str, Any] = {
    "name": "old",
    "revision_id": "11111111-2222-3333-4444-555555555555",
    "runtime": "python3.12",
    "role_arn": "arn:aws:iam::123456789012:role/r",
    "handler": "app.handler",
    "description": "from before",
    "timeout": 7,
    "memory_size": 256,
    "ephemeral_storage": 1024,
    "architecture": "arm64",
    "variables": KEYS.encrypt(VARIABLES, b'{"KEY": "value"}', "old"),
    "code_sha256": "ab" * 32,
    "code_size": 10,
    "code_blob": "blob-1",
    "reserved_concurrency": 3,
    "tags": '{"team": "blue"}',
    "modified": 12.5,
}
STATEMENT = {
    "Sid": "s",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "lambda:InvokeFunction",
    "Resource": "arn:aws:lambda:us-east-1:123456789012:function:old",
}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Engine]:
    """A database that a server of the time before has written."""
    engine = create_sqlite_engine(tmp_path / "daypass.db")
    config = Config()
    config.set_main_option("script_location", str(migrating._MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    with engine.begin() as connection:
        names = ", ".join(FUNCTION)
        values = ", ".join(f":{name}" for name in FUNCTION)
        connection.execute(text(f"INSERT INTO functions ({names}) VALUES ({values})"), FUNCTION)
        connection.execute(
            text("INSERT INTO function_statements VALUES ('old', 's', 1, :statement)"),
            {"statement": json.dumps(STATEMENT)},
        )
        connection.execute(
            text(
                "INSERT INTO function_urls VALUES "
                "(:id, 'old', 'AWS_IAM', 'BUFFERED', '{\"max_age\": 5}', 1.0, 2.0)"
            ),
            {"id": "u" * 32},
        )
    yield engine
    engine.dispose()


def test_a_function_of_before_is_there_with_all_it_had(old: Engine, tmp_path: Path) -> None:
    old.dispose()
    store = open_store(tmp_path)
    cache = FunctionCache(KEYS)
    try:
        store.keep(cache)
        function = cache.function("old")
        assert function is not None
        latest = function.latest
        assert latest.revision_id == FUNCTION["revision_id"]
        assert (latest.timeout, latest.memory_size, latest.ephemeral_storage) == (7, 256, 1024)
        assert (latest.architecture, latest.modified) == ("arm64", 12.5)
        assert latest.variables == {"KEY": "value"}
        assert latest.code == state.Code("ab" * 32, 10, "blob-1", 0)
        assert (function.reserved_concurrency, function.tags) == (3, {"team": "blue"})
        assert function.policies[""].compiled is not None
        url = function.urls[""]
        assert (url.url_id, url.auth_type) == ("u" * 32, "AWS_IAM")
        assert url.cors == state.Cors(max_age=5)
        # And it goes on from there.
        published = store.write_now(lambda t: state.publish_version(t, "old"))
        store.refresh()
        assert published == "1"
        assert cache.function("old") != function
    finally:
        store.close()


def test_the_migrated_tables_are_those_that_are_declared(old: Engine) -> None:
    migrating.migrate(old)

    def concerns(_object: object, name: str, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or name.startswith(("function", "layer"))

    with old.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": concerns})
        assert compare_metadata(context, metadata) == []
