"""Functions in the database: what is kept, how, and that the cache follows."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from daypass.store import functions as state
from daypass.store.engine import Store, open_store
from daypass.store.functions import (
    Code,
    Cors,
    Function,
    FunctionCache,
    FunctionUrl,
    Statement,
)
from daypass.tokens import KeyRing, new_ring

STATEMENT = (
    '{"Sid":"%s","Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLEEXAMPLE12"},'
    '"Action":"lambda:InvokeFunction",'
    '"Resource":"arn:aws:lambda:us-east-1:123456789012:function:f"}'
)
FUNCTION = Function(
    name="f",
    revision_id="r1",
    runtime="python3.12",
    role_arn="arn:aws:iam::123456789012:role/r",
    handler="app.handler",
    description="",
    timeout=3,
    memory_size=128,
    ephemeral_storage=512,
    architecture="x86_64",
    variables={"PASSWORD": "correct-horse-battery"},
    code=Code("ab" * 32, 10, "blob-1"),
    reserved_concurrency=None,
    tags={"a": "1"},
    modified=1.5,
)
URL = FunctionUrl("u" * 32, "f", "AWS_IAM", "BUFFERED", Cors(allow_origins=["*"]), 1.0, 1.0)


class Functions:
    """A store with the cache of its functions."""

    def __init__(self, directory: Path) -> None:
        self.keys = KeyRing(bytes(32), new_ring(0))
        self.store: Store = open_store(directory)
        self.cache = FunctionCache(self.keys)
        self.store.keep(self.cache)

    def insert(self, function: Function = FUNCTION) -> None:
        self.store.write_now(partial(state.insert_function, function=function, keys=self.keys))
        self.store.refresh()

    def found(self, name: str = "f") -> Function:
        self.store.refresh()
        function = self.cache.function(name)
        assert function is not None
        return function


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    made = Functions(tmp_path)
    yield made
    made.store.close()


def test_a_function_comes_back_as_it_was_put(functions: Functions) -> None:
    functions.insert()
    assert functions.found() == FUNCTION
    assert functions.cache.names() == ["f"]


def test_variables_are_encrypted_at_rest(functions: Functions, tmp_path: Path) -> None:
    functions.insert()
    with sqlite3.connect(tmp_path / "daypass.db") as connection:
        (stored,) = connection.execute("SELECT variables FROM functions").fetchone()

    assert b"horse" not in stored
    assert "horse" not in repr(functions.found())
    assert not any(b"correct-horse" in file.read_bytes() for file in tmp_path.glob("daypass.db*"))


def test_one_function_a_name(functions: Functions) -> None:
    functions.insert()
    with pytest.raises(state.FunctionExistsError):
        functions.insert(replace(FUNCTION, revision_id="r2"))
    assert functions.found().revision_id == "r1"


def test_code_is_replaced_at_the_revision_one_knows(functions: Functions) -> None:
    functions.insert()
    changed = replace(FUNCTION, revision_id="r2", code=Code("cd" * 32, 20, "blob-2"))

    def update(expected: str) -> str:
        return functions.store.write_now(
            partial(state.update_code, function=changed, expected_revision=expected)
        )

    with pytest.raises(state.StaleRevisionError):
        update("r0")
    assert update("r1") == "blob-1"
    assert functions.found().code == changed.code
    assert state.claimed_blobs(functions.store.reader, ["blob-1", "blob-2", "x"]) == {"blob-2"}


def test_statements_keep_their_order_and_change_the_revision(functions: Functions) -> None:
    functions.insert()
    for statement_id in ("z", "a"):
        functions.store.write_now(
            partial(
                state.insert_statement,
                name="f",
                statement=Statement(statement_id, STATEMENT % statement_id),
                expected_revision="",
            )
        )
    function = functions.found()

    assert [statement.statement_id for statement in function.statements] == ["z", "a"]
    assert function.policy is not None
    assert function.revision_id != "r1"
    with pytest.raises(state.StatementExistsError):
        functions.store.write_now(
            partial(
                state.insert_statement,
                name="f",
                statement=Statement("a", STATEMENT % "a"),
                expected_revision="",
            )
        )
    with pytest.raises(state.NoSuchStatementError):
        functions.store.write_now(
            partial(state.delete_statement, name="f", statement_id="b", expected_revision="")
        )


def test_a_url_is_found_by_its_id_until_it_is_gone(functions: Functions) -> None:
    functions.insert()
    functions.store.write_now(partial(state.insert_url, url=URL))
    assert functions.found().url == URL
    assert functions.cache.by_url_id(URL.url_id) == functions.found()

    functions.store.write_now(partial(state.delete_url, name="f"))
    functions.store.refresh()
    assert functions.cache.by_url_id(URL.url_id) is None
    with pytest.raises(state.NoSuchUrlError):
        functions.store.write_now(partial(state.update_url, url=URL))


def test_one_url_a_function_and_one_function_a_url(functions: Functions) -> None:
    functions.insert()
    functions.insert(replace(FUNCTION, name="g"))
    functions.store.write_now(partial(state.insert_url, url=URL))
    with pytest.raises(state.UrlExistsError):
        functions.store.write_now(partial(state.insert_url, url=replace(URL, url_id="v" * 32)))
    with pytest.raises(state.UrlIdTakenError):
        functions.store.write_now(partial(state.insert_url, url=replace(URL, function="g")))
    with pytest.raises(state.NoSuchFunctionError):
        functions.store.write_now(partial(state.insert_url, url=replace(URL, function="h")))


def test_a_deleted_function_takes_its_policy_and_url_along(functions: Functions) -> None:
    functions.insert()
    functions.store.write_now(partial(state.insert_url, url=URL))
    functions.store.write_now(
        partial(
            state.insert_statement,
            name="f",
            statement=Statement("s", STATEMENT % "s"),
            expected_revision="",
        )
    )
    blob = functions.store.write_now(partial(state.delete_function, name="f"))
    functions.insert()

    assert blob == "blob-1"
    assert functions.found() == FUNCTION
    assert functions.cache.by_url_id(URL.url_id) is None


def test_another_process_sees_what_was_written(functions: Functions, tmp_path: Path) -> None:
    other = FunctionCache(functions.keys)
    store = open_store(tmp_path)
    try:
        store.keep(other)
        functions.insert()
        store.refresh()
        assert other.function("f") == FUNCTION
    finally:
        store.close()


def test_a_policy_that_cannot_be_read_grants_nothing_and_stops_nothing(
    functions: Functions,
) -> None:
    functions.insert()
    functions.store.write_now(
        partial(
            state.insert_statement,
            name="f",
            statement=Statement("s", '{"Sid":"s","Effect":"Maybe"}'),
            expected_revision="",
        )
    )
    assert functions.found().policy is None
