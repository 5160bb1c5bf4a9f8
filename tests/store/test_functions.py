"""Functions in the database: what is kept, how, and that the cache follows."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daypass.store import functions as state
from daypass.store.engine import Store, open_store
from daypass.store.functions import (
    LATEST,
    Alias,
    Code,
    Cors,
    Function,
    FunctionCache,
    FunctionUrl,
    Layer,
    LayerVersion,
    Statement,
    Version,
)
from daypass.tokens import KeyRing, new_ring

STATEMENT = (
    '{"Sid":"%s","Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLEEXAMPLE12"},'
    '"Action":"lambda:InvokeFunction",'
    '"Resource":"arn:aws:lambda:us-east-1:123456789012:function:f"}'
)
VERSION = Version(
    function="f",
    version=LATEST,
    revision_id="r1",
    content_id="c1",
    runtime="python3.12",
    role_arn="arn:aws:iam::123456789012:role/r",
    handler="app.handler",
    description="",
    timeout=3,
    memory_size=128,
    ephemeral_storage=512,
    architecture="x86_64",
    variables={"PASSWORD": "correct-horse-battery"},
    code=Code("ab" * 32, 10, "blob-1", 20),
    modified=1.5,
)
FUNCTION = Function(name="f", latest=VERSION, reserved_concurrency=None, tags={"a": "1"})
LAYER = Layer("arn:aws:lambda:us-east-1:123456789012:layer:l:1", Code("ef" * 32, 5, "blob-l", 6))
URL = FunctionUrl("u" * 32, "f", "", "AWS_IAM", "BUFFERED", Cors(allow_origins=["*"]), 1.0, 1.0)


class Functions:
    """A store with the cache of its functions."""

    def __init__(self, directory: Path) -> None:
        self.keys = KeyRing(bytes(32), new_ring(0))
        self.store: Store = open_store(directory)
        self.cache = FunctionCache(self.keys)
        self.store.keep(self.cache)

    def insert(self, function: Function = FUNCTION, *, publish: bool = False) -> str:
        return self.do(state.insert_function, function=function, keys=self.keys, publish=publish)

    def update(self, **changes: Any) -> state.Updated:
        """Change $LATEST as a request does that finds it as it is."""
        known = self.found().latest
        changed = replace(known, **{"content_id": state.new_revision_id(), **changes})
        return self.do(
            state.update_latest,
            version=changed,
            keys=self.keys,
            expected_content=known.content_id,
        )

    def insert_layered(self, *, publish: bool = False) -> Function:
        """A function with a layer."""
        self.do(
            state.insert_layer_version,
            version=LayerVersion("l", 0, "p1", "", None, [], [], LAYER.code, 1.0),
        )
        made = replace(FUNCTION, latest=replace(VERSION, layers=(LAYER,)))
        self.insert(made, publish=publish)
        return made

    def publish(self, **parameters: Any) -> str:
        return self.do(state.publish_version, name="f", **parameters)

    def alias(self, name: str, version: str, **weights: float) -> None:
        given = {key.removeprefix("v"): weight for key, weight in weights.items()}
        self.do(state.insert_alias, alias=Alias("f", name, version, "", given, "a1"))

    def permit(self, statement_id: str, qualifier: str = "") -> None:
        self.do(
            state.insert_statement,
            name="f",
            qualifier=qualifier,
            statement=Statement(statement_id, STATEMENT % statement_id),
            expected_revision="",
        )

    def do(self, change: Any, **parameters: Any) -> Any:
        done = self.store.write_now(partial(change, **parameters))
        self.store.refresh()
        return done

    def found(self, name: str = "f") -> Function:
        function = self.cache.function(name)
        assert function is not None
        return function

    def count(self, table: str) -> int:
        rows = self.store.reader.exec_driver_sql(f"SELECT count(*) FROM {table}")
        return int(rows.scalar_one())


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    made = Functions(tmp_path)
    yield made
    made.store.close()


def named(function: Function, name: str) -> Function:
    return replace(function, name=name, latest=replace(function.latest, function=name))


def test_a_function_comes_back_as_it_was_put(functions: Functions) -> None:
    made = functions.insert_layered()
    assert functions.found() == made
    assert functions.cache.names() == ["f"]


def test_variables_are_encrypted_at_rest(functions: Functions, tmp_path: Path) -> None:
    functions.insert(publish=True)
    with sqlite3.connect(tmp_path / "daypass.db") as connection:
        rows = connection.execute("SELECT variables FROM function_versions").fetchall()

    assert len(rows) == 2
    assert not any(b"horse" in stored for (stored,) in rows)
    assert "horse" not in repr(functions.found())
    assert not any(b"correct-horse" in file.read_bytes() for file in tmp_path.glob("daypass.db*"))


def test_one_function_a_name(functions: Functions) -> None:
    functions.insert()
    with pytest.raises(state.FunctionExistsError):
        functions.insert(replace(FUNCTION, latest=replace(VERSION, revision_id="r2")))
    assert functions.found().latest.revision_id == "r1"


# -- versions --------------------------------------------------------------------------------


def test_code_is_replaced_at_the_content_one_knows(functions: Functions) -> None:
    functions.insert()
    code = Code("cd" * 32, 20, "blob-2", 30)
    stale = partial(state.update_latest, version=replace(VERSION, code=code), keys=functions.keys)

    with pytest.raises(state.StaleContentError):
        functions.do(stale, expected_content="c0")
    with pytest.raises(state.StaleRevisionError):
        functions.do(stale, expected_content="c1", expected_revision="r0")
    assert functions.update(code=code) == (LATEST, ["blob-1"])
    assert functions.found().latest.code == code
    assert state.claimed_blobs(functions.store.reader, ["blob-1", "blob-2", "x"]) == {"blob-2"}


def test_a_published_version_never_changes(functions: Functions) -> None:
    functions.insert_layered()
    assert functions.publish(description="the first") == "1"
    functions.update(code=Code("cd" * 32, 20, "blob-2"), layers=(), variables=None, timeout=9)
    first = functions.found().versions["1"]

    assert (first.code, first.layers, first.timeout) == (VERSION.code, (LAYER,), 3)
    assert first.variables == VERSION.variables
    assert first.description == "the first"
    assert functions.found().latest.description == ""
    assert first.revision_id not in {"r1", functions.found().latest.revision_id}


def test_nothing_is_published_twice(functions: Functions) -> None:
    functions.insert()
    assert [functions.publish(), functions.publish(description="again")] == ["1", "1"]
    # What changes but a policy is nothing that a version has.
    functions.permit("s")
    assert functions.publish() == "1"
    functions.update(timeout=9)
    assert functions.publish() == "2"


def test_no_number_comes_again(functions: Functions) -> None:
    functions.insert(publish=True)
    functions.do(state.delete_version, name="f", number=1)
    assert functions.publish() == "2"
    assert list(functions.found().versions) == ["2"]


def test_what_is_published_is_what_was_meant(functions: Functions) -> None:
    functions.insert()
    with pytest.raises(state.CodeDiffersError):
        functions.publish(code_sha256="cd" * 32)
    with pytest.raises(state.StaleRevisionError):
        functions.publish(expected_revision="r0")
    assert functions.publish(code_sha256="ab" * 32, expected_revision="r1") == "1"


def test_a_package_stays_while_any_version_has_it(functions: Functions) -> None:
    functions.insert_layered(publish=True)
    assert functions.do(state.delete_layer_version, layer="l", number=1) == []
    assert functions.update(code=Code("cd" * 32, 20, "blob-2"), layers=()).released == []
    assert functions.do(state.delete_version, name="f", number=1) == ["blob-1", "blob-l"]
    assert functions.do(state.delete_function, name="f") == ["blob-2"]


def test_a_layer_that_nothing_holds_cannot_be_held_again(functions: Functions) -> None:
    functions.insert()
    # Looked up before the layer was deleted, written after it.
    assert functions.found().latest.layers == ()
    with pytest.raises(state.NoSuchLayerError):
        functions.update(layers=(LAYER,))
    with pytest.raises(state.NoSuchLayerError):
        functions.insert(
            replace(named(FUNCTION, "g"), latest=replace(VERSION, function="g", layers=(LAYER,)))
        )
    assert functions.cache.names() == ["f"]


def test_a_version_that_an_alias_needs_stays(functions: Functions) -> None:
    functions.insert(publish=True)
    functions.update(timeout=9)
    functions.publish()
    functions.alias("live", "1", v2=0.5)
    for number in (1, 2):
        with pytest.raises(state.VersionInUseError) as caught:
            functions.do(state.delete_version, name="f", number=number)
        assert caught.value.aliases == ["live"]
    functions.do(state.delete_alias, name="f", alias="live")
    functions.do(state.delete_version, name="f", number=1)
    assert list(functions.found().versions) == ["2"]


def test_an_alias_leads_to_versions_there_are(functions: Functions) -> None:
    functions.insert(publish=True)
    functions.alias("live", "1")
    functions.alias("newest", LATEST)
    function = functions.found()

    assert function.find("live") == function.versions["1"]
    assert function.find("newest") == function.find("") == function.find(LATEST) == function.latest
    assert function.find("2") is None
    with pytest.raises(state.AliasExistsError):
        functions.alias("live", "1")
    with pytest.raises(state.NoSuchVersionError):
        functions.alias("other", "2")
    with pytest.raises(state.NoSuchVersionError):
        functions.alias("other", "1", v2=0.1)
    moved = replace(function.aliases["live"], version=LATEST, revision_id="a2")
    with pytest.raises(state.StaleRevisionError):
        functions.do(state.update_alias, alias=moved, expected_revision="a0")
    functions.do(state.update_alias, alias=moved, expected_revision="a1")
    assert functions.found().aliases["live"] == moved


# -- policies and URLs -----------------------------------------------------------------------


def test_statements_keep_their_order_and_change_the_revision(functions: Functions) -> None:
    functions.insert()
    for statement_id in ("z", "a"):
        functions.permit(statement_id)
    policy = functions.found().policies[""]

    assert [statement.statement_id for statement in policy.statements] == ["z", "a"]
    assert policy.compiled is not None
    assert functions.found().latest.revision_id != "r1"
    with pytest.raises(state.StatementExistsError):
        functions.permit("a")
    with pytest.raises(state.NoSuchStatementError):
        functions.do(
            state.delete_statement,
            name="f",
            qualifier="",
            statement_id="b",
            expected_revision="",
        )


def test_each_qualifier_has_a_policy_of_its_own(functions: Functions) -> None:
    functions.insert(publish=True)
    functions.alias("live", "1")
    before = functions.found()
    for qualifier in ("", "1", "live"):
        functions.permit("same", qualifier)
    function = functions.found()

    assert sorted(function.policies) == ["", "1", "live"]
    assert function.aliases["live"].revision_id != "a1"
    assert function.versions["1"].revision_id != before.versions["1"].revision_id
    with pytest.raises(state.NoSuchAliasError):
        functions.permit("same", "absent")
    functions.do(
        state.delete_statement,
        name="f",
        qualifier="live",
        statement_id="same",
        expected_revision=function.aliases["live"].revision_id,
    )
    assert sorted(functions.found().policies) == ["", "1"]


def test_a_url_is_found_by_its_id_until_it_is_gone(functions: Functions) -> None:
    functions.insert()
    functions.do(state.insert_url, url=URL)
    assert functions.found().urls == {"": URL}
    assert functions.cache.url(URL.url_id) == URL

    functions.do(state.delete_url, name="f", qualifier="")
    assert functions.cache.url(URL.url_id) is None
    with pytest.raises(state.NoSuchUrlError):
        functions.do(state.update_url, url=URL)


def test_one_url_a_qualifier_and_one_qualifier_a_url(functions: Functions) -> None:
    functions.insert(publish=True)
    functions.alias("live", "1")
    functions.insert(named(FUNCTION, "g"))
    functions.do(state.insert_url, url=URL)
    with pytest.raises(state.UrlExistsError):
        functions.do(state.insert_url, url=replace(URL, url_id="v" * 32))
    with pytest.raises(state.UrlIdTakenError):
        functions.do(state.insert_url, url=replace(URL, function="g"))
    with pytest.raises(state.UrlIdTakenError):
        functions.do(state.insert_url, url=replace(URL, qualifier="live"))
    with pytest.raises(state.NoSuchFunctionError):
        functions.do(state.insert_url, url=replace(URL, function="h"))
    functions.do(state.insert_url, url=replace(URL, url_id="v" * 32, qualifier="live"))
    assert sorted(functions.found().urls) == ["", "live"]


def test_a_deleted_alias_takes_its_own_along_and_leaves_a_url_to_nowhere(
    functions: Functions,
) -> None:
    functions.insert(publish=True)
    functions.alias("live", "1")
    functions.permit("s", "live")
    functions.permit("s")
    functions.do(state.insert_url, url=replace(URL, qualifier="live"))
    functions.do(state.delete_alias, name="f", alias="live")
    function = functions.found()
    left = functions.cache.url(URL.url_id)

    assert (function.aliases, list(function.policies), function.urls) == ({}, [""], {})
    assert left is not None
    assert left.qualifier is None
    # An alias of the same name is another alias, and may have the pinned id again.
    functions.alias("live", "1")
    assert functions.found().urls == {}
    functions.do(state.insert_url, url=replace(URL, qualifier="live"))
    assert functions.cache.url(URL.url_id) == replace(URL, qualifier="live")


def test_a_deleted_function_takes_everything_along(functions: Functions) -> None:
    functions.insert_layered(publish=True)
    functions.alias("live", "1")
    functions.do(state.insert_url, url=URL)
    functions.permit("s")
    functions.permit("s", "live")
    blobs = functions.do(state.delete_function, name="f")

    assert blobs == ["blob-1"]
    assert functions.cache.function("f") is None
    for table in (
        *("function_versions", "function_layers", "function_aliases"),
        *("function_permissions", "function_url_configs"),
    ):
        assert functions.count(table) == 0
    functions.insert()
    assert functions.found() == FUNCTION
    assert functions.cache.url(URL.url_id) is None


# -- other processes, other times ------------------------------------------------------------


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
    functions.do(
        state.insert_statement,
        name="f",
        qualifier="",
        statement=Statement("s", '{"Sid":"s","Effect":"Maybe"}'),
        expected_revision="",
    )
    assert functions.found().policies[""].compiled is None
