"""Layers in the database: numbers, packages that are shared, and policies."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daypass.store import functions as state
from daypass.store.engine import Store, open_store
from daypass.store.functions import Code, LayerVersion, Statement

LAYER = LayerVersion(
    layer="l",
    number=0,
    revision_id="p1",
    description="what it is",
    license_info=None,
    runtimes=["python3.12"],
    architectures=["arm64"],
    code=Code("ab" * 32, 10, "blob-1", 20),
    created=1.5,
)
STATEMENT = (
    '{"Sid":"s","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion",'
    '"Resource":"arn:aws:lambda:us-east-1:123456789012:layer:l:1"}'
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def do(store: Store, change: Any, **parameters: Any) -> Any:
    return store.write_now(partial(change, **parameters))


def insert(store: Store, **changes: Any) -> int:
    number: int = do(store, state.insert_layer_version, version=replace(LAYER, **changes))
    return number


def test_a_layer_comes_back_as_it_was_put(store: Store) -> None:
    assert insert(store) == 1
    found = state.read_layer_version(store.reader, "l", 1)
    assert found is not None
    assert replace(found, number=0) == LAYER
    assert found.policy() is None
    assert state.read_layer_version(store.reader, "l", 2) is None


def test_no_number_comes_again(store: Store) -> None:
    assert [insert(store), insert(store), insert(store, layer="m")] == [1, 2, 1]
    do(store, state.delete_layer_version, layer="l", number=2)
    assert insert(store) == 3
    listed = state.read_layer_versions(store.reader)
    assert [(found.layer, found.number) for found in listed] == [("l", 3), ("l", 1), ("m", 1)]
    assert [found.number for found in state.read_layer_versions(store.reader, "l")] == [3, 1]


def test_a_package_is_let_go_when_its_version_is_deleted(store: Store) -> None:
    insert(store)
    assert state.claimed_blobs(store.reader, ["blob-1", "blob-2"]) == {"blob-1"}
    assert do(store, state.delete_layer_version, layer="l", number=1) == ["blob-1"]
    assert do(store, state.delete_layer_version, layer="l", number=1) == []
    assert state.claimed_blobs(store.reader, ["blob-1"]) == set()


def test_a_policy_is_of_one_version_and_goes_with_it(store: Store) -> None:
    insert(store)
    insert(store)
    given = {"layer": "l", "number": 1, "expected_revision": ""}
    statement = Statement("s", STATEMENT)
    revision = do(store, state.insert_layer_statement, statement=statement, **given)
    found = state.read_layer_version(store.reader, "l", 1)
    other = state.read_layer_version(store.reader, "l", 2)

    assert found is not None
    assert (found.revision_id, list(found.statements)) == (revision, [statement])
    assert found.policy() is not None
    assert other is not None
    assert other.statements == ()
    with pytest.raises(state.StatementExistsError):
        do(store, state.insert_layer_statement, statement=statement, **given)
    with pytest.raises(state.StaleRevisionError):
        do(
            store,
            state.delete_layer_statement,
            **{**given, "statement_id": "s", "expected_revision": "p1"},
        )
    with pytest.raises(state.NoSuchStatementError):
        do(store, state.delete_layer_statement, statement_id="other", **given)
    with pytest.raises(state.NoSuchLayerError):
        do(store, state.insert_layer_statement, statement=statement, **{**given, "number": 9})
    do(store, state.delete_layer_version, layer="l", number=1)
    rows = store.reader.exec_driver_sql("SELECT count(*) FROM layer_permissions")
    assert rows.scalar_one() == 0
