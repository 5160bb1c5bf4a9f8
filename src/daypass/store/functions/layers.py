"""Layers: read by SQL, since no invocation asks for them, and changed as functions are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from daypass.policy import PolicySet
from daypass.store.engine import Transaction
from daypass.store.functions.blobs import released_blobs
from daypass.store.functions.cache import compile_policy
from daypass.store.functions.errors import (
    NoSuchLayerError,
    NoSuchStatementError,
    StatementExistsError,
)
from daypass.store.functions.records import Code, Statement
from daypass.store.functions.rows import check_revision, code_values, new_revision_id
from daypass.store.functions.tables import layer_permissions, layer_versions, layers


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A version of a layer. created: Unix seconds. revision_id: of its policy."""

    layer: str
    number: int
    revision_id: str
    description: str
    license_info: str | None
    runtimes: Sequence[str]
    architectures: Sequence[str]
    code: Code
    created: float
    statements: Sequence[Statement] = ()

    def policy(self) -> PolicySet | None:
        """Its resource policy, compiled."""
        return compile_policy(self.statements, f"layer policy of {self.layer}:{self.number}")


def read_layer_version(connection: Connection, layer: str, number: int) -> LayerVersion | None:
    table = layer_versions
    row = connection.execute(
        select(table).where(table.c.layer == layer, table.c.number == number)
    ).one_or_none()
    if row is None:
        return None
    permissions = layer_permissions
    statements = connection.execute(
        select(permissions)
        .where(permissions.c.layer == layer, permissions.c.number == number)
        .order_by(permissions.c.position)
    )
    return _read(row, [Statement(found.statement_id, found.statement) for found in statements])


def read_layer_versions(connection: Connection, layer: str | None = None) -> list[LayerVersion]:
    """Without their policies: the versions of this layer, or of all by name; newest first."""
    table = layer_versions
    query = select(table).order_by(table.c.layer, table.c.number.desc())
    if layer is not None:
        query = query.where(table.c.layer == layer)
    return [_read(row, ()) for row in connection.execute(query)]


def insert_layer_version(transaction: Transaction, version: LayerVersion) -> int:
    """Make it the newest version of its layer, which is made at need; its number."""
    known = transaction.connection.execute(
        select(layers.c.next_version).where(layers.c.name == version.layer)
    ).scalar_one_or_none()
    number = known or 1
    if known is None:
        transaction.connection.execute(insert(layers).values(name=version.layer, next_version=2))
    else:
        transaction.connection.execute(
            update(layers).where(layers.c.name == version.layer).values(next_version=number + 1)
        )
    transaction.connection.execute(
        insert(layer_versions).values(
            layer=version.layer,
            number=number,
            revision_id=version.revision_id,
            description=version.description,
            license_info=version.license_info,
            runtimes=json.dumps(list(version.runtimes)),
            architectures=json.dumps(list(version.architectures)),
            created=version.created,
            **code_values(version.code),
        )
    )
    return number


def delete_layer_version(transaction: Transaction, layer: str, number: int) -> Sequence[str]:
    """Delete it, if there is one; the blobs that nothing holds any more.

    Functions that use it keep its package. The layer's numbers go on where they were.
    """
    table = layer_versions
    blobs = transaction.connection.execute(
        delete(table)
        .where(table.c.layer == layer, table.c.number == number)
        .returning(table.c.code_blob)
    ).scalars()
    return released_blobs(transaction.connection, blobs.all())


def insert_layer_statement(
    transaction: Transaction,
    layer: str,
    number: int,
    statement: Statement,
    expected_revision: str,
) -> str:
    """The policy's new revision. Raises `NoSuchLayerError`, `StaleRevisionError` and
    `StatementExistsError`."""
    row = _row(transaction, layer, number)
    table = layer_permissions
    known = dict(
        transaction.connection.execute(
            select(table.c.statement_id, table.c.position).where(
                table.c.layer == layer, table.c.number == number
            )
        ).all()
    )
    if statement.statement_id in known:
        raise StatementExistsError(statement.statement_id)
    check_revision(row, expected_revision)
    transaction.connection.execute(
        insert(table).values(
            layer=layer,
            number=number,
            statement_id=statement.statement_id,
            position=max(known.values(), default=0) + 1,
            statement=statement.document,
        )
    )
    return _renew(transaction, layer, number)


def delete_layer_statement(
    transaction: Transaction, layer: str, number: int, statement_id: str, expected_revision: str
) -> None:
    """Raises `NoSuchLayerError`, `StaleRevisionError` and `NoSuchStatementError`."""
    check_revision(_row(transaction, layer, number), expected_revision)
    table = layer_permissions
    deleted = transaction.connection.execute(
        delete(table).where(
            table.c.layer == layer,
            table.c.number == number,
            table.c.statement_id == statement_id,
        )
    )
    if not deleted.rowcount:
        raise NoSuchStatementError(statement_id)
    _renew(transaction, layer, number)


def _row(transaction: Transaction, layer: str, number: int) -> Row[Any]:
    table = layer_versions
    row = transaction.connection.execute(
        select(table).where(table.c.layer == layer, table.c.number == number)
    ).one_or_none()
    if row is None:
        raise NoSuchLayerError(f"{layer}:{number}")
    return row


def _renew(transaction: Transaction, layer: str, number: int) -> str:
    revision_id = new_revision_id()
    table = layer_versions
    transaction.connection.execute(
        update(table)
        .where(table.c.layer == layer, table.c.number == number)
        .values(revision_id=revision_id)
    )
    return revision_id


def _read(row: Row[Any], statements: Sequence[Statement]) -> LayerVersion:
    return LayerVersion(
        layer=row.layer,
        number=row.number,
        revision_id=row.revision_id,
        description=row.description,
        license_info=row.license_info,
        runtimes=json.loads(row.runtimes),
        architectures=json.loads(row.architectures),
        code=Code(row.code_sha256, row.code_size, row.code_blob, row.code_unpacked),
        created=row.created,
        statements=tuple(statements),
    )
