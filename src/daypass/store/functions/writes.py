"""Changes of functions and their versions, each the body of one `Store.write`.

What must hold is checked inside it, so that of two requests at once only one can win.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, insert, select, update

from daypass.store.engine import Transaction
from daypass.store.functions.blobs import claimed_blobs, released_blobs
from daypass.store.functions.errors import (
    CodeDiffersError,
    FunctionExistsError,
    NoSuchLayerError,
    StaleContentError,
    VersionInUseError,
)
from daypass.store.functions.records import LATEST, Function, Version, version_name
from daypass.store.functions.rows import (
    check_revision,
    code_values,
    new_revision_id,
    version_row,
)
from daypass.store.functions.tables import (
    KIND,
    VARIABLES,
    function_aliases,
    function_event_configs,
    function_events,
    function_layers,
    function_permissions,
    function_versions,
    functions,
)
from daypass.tokens import KeyRing


class Updated(NamedTuple):
    """What became of an update. version: what it is now, or was published as. released: the blobs
    of packages that nothing holds any more."""

    version: str
    released: Sequence[str]


def insert_function(
    transaction: Transaction, function: Function, keys: KeyRing, *, publish: bool = False
) -> str:
    """Make the function, and publish it at once; the version.

    Raises `FunctionExistsError` and `NoSuchLayerError`.
    """
    known = transaction.connection.execute(
        select(functions.c.name).where(functions.c.name == function.name)
    ).one_or_none()
    if known is not None:
        raise FunctionExistsError(function.name)
    transaction.connection.execute(
        insert(functions).values(
            name=function.name,
            next_version=1,
            tags=json.dumps(dict(function.tags)),
            reserved_concurrency=function.reserved_concurrency,
        )
    )
    transaction.connection.execute(
        insert(function_versions).values(
            function=function.name, number=0, **_version_values(function.latest, keys)
        )
    )
    _check_layers(transaction, function.latest)
    _insert_layers(transaction, function.latest)
    transaction.changed(KIND, function.name)
    return publish_version(transaction, function.name) if publish else LATEST


def update_latest(
    transaction: Transaction,
    version: Version,
    keys: KeyRing,
    *,
    expected_content: str,
    expected_revision: str = "",
    publish: bool = False,
) -> Updated:
    """Make $LATEST what `version` is, and publish it at once.

    expected_content: the content from which the update started. expected_revision: "" for any.
    Raises `NoSuchFunctionError`, `StaleRevisionError`, `StaleContentError` and `NoSuchLayerError`.
    """
    name = version.function
    row = version_row(transaction, name)
    check_revision(row, expected_revision)
    if row.content_id != expected_content:
        raise StaleContentError(name)
    _check_layers(transaction, version)
    held = _held_blobs(transaction, name, 0)
    transaction.connection.execute(
        update(function_versions)
        .where(function_versions.c.function == name, function_versions.c.number == 0)
        .values(**_version_values(version, keys))
    )
    transaction.connection.execute(
        delete(function_layers).where(
            function_layers.c.function == name, function_layers.c.number == 0
        )
    )
    _insert_layers(transaction, version)
    transaction.changed(KIND, name)
    published = publish_version(transaction, name) if publish else LATEST
    return Updated(published, released_blobs(transaction.connection, held))


def publish_version(
    transaction: Transaction,
    name: str,
    *,
    description: str | None = None,
    code_sha256: str = "",
    expected_revision: str = "",
) -> str:
    """Publish $LATEST; the new version, or the last one if nothing has changed since.

    code_sha256: hex digest of the code that is meant, "" for any. Raises `NoSuchFunctionError`,
    `StaleRevisionError` and `CodeDiffersError`.
    """
    latest = version_row(transaction, name)
    check_revision(latest, expected_revision)
    if code_sha256 and latest.code_sha256 != code_sha256:
        raise CodeDiffersError(latest.code_sha256)
    table = function_versions
    last = transaction.connection.execute(
        select(table.c.number, table.c.content_id)
        .where(table.c.function == name, table.c.number > 0)
        .order_by(table.c.number.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.content_id == latest.content_id:
        return version_name(last.number)
    number: int = transaction.connection.execute(
        update(functions)
        .where(functions.c.name == name)
        .values(next_version=functions.c.next_version + 1)
        .returning(functions.c.next_version - 1)
    ).scalar_one()
    _copy(transaction, table, name, number, {"revision_id": new_revision_id()}, description)
    _copy(transaction, function_layers, name, number, {}, None)
    transaction.connection.execute(
        update(table)
        .where(table.c.function == name, table.c.number == 0)
        .values(revision_id=new_revision_id())
    )
    transaction.changed(KIND, name)
    return version_name(number)


def _copy(
    transaction: Transaction,
    table: Any,
    name: str,
    number: int,
    changes: Mapping[str, object],
    description: str | None,
) -> None:
    """Copy what belongs to $LATEST to this number. Variables stay sealed as they are."""
    if description is not None:
        changes = {**changes, "description": description}
    rows = transaction.connection.execute(
        select(table).where(table.c.function == name, table.c.number == 0)
    ).mappings()
    for row in rows.all():
        transaction.connection.execute(insert(table).values(**{**row, "number": number, **changes}))


def delete_version(transaction: Transaction, name: str, number: int) -> Sequence[str]:
    """Delete a published version, if there is one; the blobs that nothing holds any more.

    Raises `NoSuchFunctionError` and `VersionInUseError`.
    """
    version_row(transaction, name)
    held = _held_blobs(transaction, name, number)
    table = function_aliases
    aliases = transaction.connection.execute(
        select(table).where(table.c.function == name).order_by(table.c.name)
    ).all()
    users = [row.name for row in aliases if _uses(row, number)]
    if users:
        raise VersionInUseError(users)
    connection = transaction.connection
    versions, permissions, events = (
        function_versions,
        function_permissions,
        function_event_configs,
    )
    connection.execute(
        delete(versions).where(versions.c.function == name, versions.c.number == number)
    )
    for qualified in (permissions, events):
        connection.execute(
            delete(qualified).where(
                qualified.c.function == name, qualified.c.qualifier == str(number)
            )
        )
    transaction.changed(KIND, name)
    return released_blobs(connection, held)


def _uses(alias: Row[Any], number: int) -> bool:
    return alias.number == number or str(number) in json.loads(alias.weights)


def delete_function(transaction: Transaction, name: str) -> Sequence[str]:
    """Delete a function with all that is its own, the events that wait for it too; the blobs that
    nothing holds any more.

    Raises `NoSuchFunctionError`.
    """
    version_row(transaction, name)
    held = _held_blobs(transaction, name, None)
    events = function_events
    transaction.connection.execute(delete(functions).where(functions.c.name == name))
    transaction.connection.execute(delete(events).where(events.c.function == name))
    transaction.changed(KIND, name)
    return released_blobs(transaction.connection, held)


def update_tags(
    transaction: Transaction, name: str, added: Mapping[str, str], removed: Sequence[str]
) -> None:
    """Add and remove tags. Raises `NoSuchFunctionError`."""
    version_row(transaction, name)
    known = transaction.connection.execute(
        select(functions.c.tags).where(functions.c.name == name)
    ).scalar_one()
    tags = {key: value for key, value in json.loads(known).items() if key not in removed}
    _update(transaction, name, tags=json.dumps(tags | dict(added)))


def update_reserved_concurrency(
    transaction: Transaction, name: str, executions: int | None
) -> None:
    """Raises `NoSuchFunctionError`."""
    version_row(transaction, name)
    _update(transaction, name, reserved_concurrency=executions)


def _update(transaction: Transaction, name: str, **values: object) -> None:
    transaction.connection.execute(
        update(functions).where(functions.c.name == name).values(**values)
    )
    transaction.changed(KIND, name)


def _held_blobs(transaction: Transaction, name: str, number: int | None) -> list[str]:
    """The packages of a version of a function and of its layers; of all versions for None."""
    blobs: list[str] = []
    for table in (function_versions, function_layers):
        query = select(table.c.code_blob).where(table.c.function == name)
        if number is not None:
            query = query.where(table.c.number == number)
        blobs.extend(transaction.connection.execute(query).scalars())
    return blobs


def _check_layers(transaction: Transaction, version: Version) -> None:
    """Raise `NoSuchLayerError` for a layer that was deleted since it was looked up."""
    # INVARIANT: what nothing holds any more is being deleted, and cannot be held again.
    blobs = [layer.code.blob for layer in version.layers]
    held = claimed_blobs(transaction.connection, blobs) if blobs else set()
    for layer in version.layers:
        if layer.code.blob not in held:
            raise NoSuchLayerError(layer.arn)


def _insert_layers(transaction: Transaction, version: Version) -> None:
    for position, layer in enumerate(version.layers):
        transaction.connection.execute(
            insert(function_layers).values(
                function=version.function,
                number=0,
                position=position,
                arn=layer.arn,
                **code_values(layer.code),
            )
        )


def _version_values(version: Version, keys: KeyRing) -> dict[str, object]:
    variables = None
    if version.variables is not None:
        text = json.dumps(dict(version.variables)).encode()
        variables = keys.encrypt(VARIABLES, text, version.function)
    return {
        "revision_id": version.revision_id,
        "content_id": version.content_id,
        "runtime": version.runtime,
        "role_arn": version.role_arn,
        "handler": version.handler,
        "description": version.description,
        "timeout": version.timeout,
        "memory_size": version.memory_size,
        "ephemeral_storage": version.ephemeral_storage,
        "architecture": version.architecture,
        "variables": variables,
        "modified": version.modified,
        "logging": json.dumps(asdict(version.logging)),
        **code_values(version.code),
    }
