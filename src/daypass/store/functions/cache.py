"""Every function, in memory, as every request reads it."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from daypass.policy import PolicyError, PolicyKind, PolicySet, parse_policy
from daypass.store.functions.records import (
    Code,
    Cors,
    Function,
    FunctionUrl,
    Statement,
    policy_text,
)
from daypass.store.functions.tables import (
    KIND,
    VARIABLES,
    function_statements,
    function_urls,
    functions,
)
from daypass.tokens import KeyRing

_log = logging.getLogger("daypass.store")


class FunctionCache:
    """Every function, in memory."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._functions: dict[str, Function] = {}
        self._by_url_id: dict[str, Function] = {}

    @property
    def kinds(self) -> Sequence[str]:
        return (KIND,)

    def load(self, connection: Connection) -> None:
        self._functions.clear()
        self._by_url_id.clear()
        for row in connection.execute(select(functions)):
            self._put(_read(connection, row, self._keys))

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:  # noqa: ARG002
        for name in keys:
            known = self._functions.pop(name, None)
            if known is not None and known.url is not None:
                self._by_url_id.pop(known.url.url_id, None)
        for row in connection.execute(select(functions).where(functions.c.name.in_(keys))):
            self._put(_read(connection, row, self._keys))

    def _put(self, function: Function) -> None:
        self._functions[function.name] = function
        if function.url is not None:
            self._by_url_id[function.url.url_id] = function

    def function(self, name: str) -> Function | None:
        return self._functions.get(name)

    def by_url_id(self, url_id: str) -> Function | None:
        """The function behind the URL of this id; its `url` is that URL."""
        return self._by_url_id.get(url_id)

    def names(self) -> list[str]:
        """Every function's name, sorted."""
        return sorted(self._functions)


def _read(connection: Connection, row: Row[Any], keys: KeyRing) -> Function:
    statements = tuple(
        Statement(found.statement_id, found.statement)
        for found in connection.execute(
            select(function_statements)
            .where(function_statements.c.function == row.name)
            .order_by(function_statements.c.position)
        )
    )
    variables = None
    if row.variables is not None:
        variables = json.loads(keys.decrypt(VARIABLES, row.variables, row.name))
    return Function(
        name=row.name,
        revision_id=row.revision_id,
        runtime=row.runtime,
        role_arn=row.role_arn,
        handler=row.handler,
        description=row.description,
        timeout=row.timeout,
        memory_size=row.memory_size,
        ephemeral_storage=row.ephemeral_storage,
        architecture=row.architecture,
        variables=variables,
        code=Code(row.code_sha256, row.code_size, row.code_blob),
        reserved_concurrency=row.reserved_concurrency,
        tags=json.loads(row.tags),
        modified=row.modified,
        statements=statements,
        policy=_compile(row.name, statements),
        url=_read_url(connection, row.name),
    )


def _read_url(connection: Connection, name: str) -> FunctionUrl | None:
    row = connection.execute(
        select(function_urls).where(function_urls.c.function == name)
    ).one_or_none()
    if row is None:
        return None
    cors = None if row.cors is None else Cors(**json.loads(row.cors))
    return FunctionUrl(
        row.url_id,
        row.function,
        row.auth_type,
        row.invoke_mode,
        cors,
        row.created,
        row.modified,
    )


def _compile(name: str, statements: Sequence[Statement]) -> PolicySet | None:
    if not statements:
        return None
    text = policy_text(statements)
    try:
        policy = parse_policy(text, PolicyKind.RESOURCE, label=f"function policy of {name}")
    except PolicyError:
        # Checked when it was written, so this is a database someone altered. These statements
        # only ever allow: without them less is allowed, never more.
        _log.exception("The policy of the function %s cannot be read and grants nothing.", name)
        return None
    return PolicySet([policy])
