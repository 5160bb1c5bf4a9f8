"""Every function, in memory, as every request reads it."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from daypass.policy import PolicyError, PolicyKind, PolicySet, parse_policy
from daypass.store.functions.records import (
    LATEST,
    Alias,
    Code,
    Cors,
    EventConfig,
    Function,
    FunctionUrl,
    Layer,
    Logging,
    ResourcePolicy,
    Statement,
    Version,
    policy_text,
    version_name,
)
from daypass.store.functions.tables import (
    KIND,
    VARIABLES,
    function_aliases,
    function_event_configs,
    function_layers,
    function_permissions,
    function_url_configs,
    function_versions,
    functions,
)
from daypass.tokens import KeyRing

_log = logging.getLogger("daypass.store")

_Rows = Mapping[str, Sequence[Row[Any]]]


class FunctionCache:
    """Every function, in memory."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._functions: dict[str, Function] = {}
        self._urls: dict[str, FunctionUrl] = {}
        # What all functions have reserved together; every invocation asks.
        self.reserved_concurrency = 0

    @property
    def kinds(self) -> Sequence[str]:
        return (KIND,)

    def load(self, connection: Connection) -> None:
        self._functions.clear()
        self._urls.clear()
        self._put(connection, None)

    def reload(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:  # noqa: ARG002
        for name in keys:
            self._functions.pop(name, None)
        gone = [url.url_id for url in self._urls.values() if url.function in set(keys)]
        for url_id in gone:
            del self._urls[url_id]
        self._put(connection, keys)

    def _put(self, connection: Connection, names: Sequence[str] | None) -> None:
        for row in connection.execute(select(function_url_configs).where(*_of(names))):
            self._urls[row.url_id] = _read_url(row)
        for function in _read_functions(connection, names, self._keys):
            self._functions[function.name] = function
        self.reserved_concurrency = sum(
            function.reserved_concurrency or 0 for function in self._functions.values()
        )

    def function(self, name: str) -> Function | None:
        return self._functions.get(name)

    def url(self, url_id: str) -> FunctionUrl | None:
        """The URL of this id, also where its alias was deleted."""
        return self._urls.get(url_id)

    def names(self) -> list[str]:
        """Every function's name, sorted."""
        return sorted(self._functions)

    def all(self) -> Iterator[Function]:
        """Every function, in no order."""
        return iter(self._functions.values())


def _of(names: Sequence[str] | None) -> Sequence[Any]:
    return () if names is None else (function_url_configs.c.function.in_(names),)


def _read_functions(
    connection: Connection, names: Sequence[str] | None, keys: KeyRing
) -> Iterator[Function]:
    """These functions, or all: one query a table, however many there are."""

    def rows(table: Table, order: str) -> _Rows:
        query = select(table).order_by(table.c[order])
        if names is not None:
            query = query.where(table.c.function.in_(names))
        grouped: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in connection.execute(query):
            grouped[row.function].append(row)
        return grouped

    versions = rows(function_versions, "number")
    layers = rows(function_layers, "position")
    aliases = rows(function_aliases, "name")
    permissions = rows(function_permissions, "position")
    urls = rows(function_url_configs, "created")
    events = rows(function_event_configs, "qualifier")
    query = select(functions)
    if names is not None:
        query = query.where(functions.c.name.in_(names))
    for row in connection.execute(query):
        name = row.name
        known = {
            version.version: version
            for version in (
                _read_version(found, layers.get(name, ()), keys) for found in versions[name]
            )
        }
        yield Function(
            name=name,
            latest=known.pop(LATEST),
            reserved_concurrency=row.reserved_concurrency,
            tags=json.loads(row.tags),
            versions=known,
            aliases={found.name: _read_alias(found) for found in aliases.get(name, ())},
            policies=_read_policies(name, permissions.get(name, ())),
            urls={
                found.qualifier: _read_url(found)
                for found in urls.get(name, ())
                if found.qualifier is not None
            },
            event_configs={
                found.qualifier: _read_event_config(found) for found in events.get(name, ())
            },
        )


def _read_version(row: Row[Any], layers: Sequence[Row[Any]], keys: KeyRing) -> Version:
    variables = None
    if row.variables is not None:
        variables = json.loads(keys.decrypt(VARIABLES, row.variables, row.function))
    return Version(
        function=row.function,
        version=version_name(row.number),
        revision_id=row.revision_id,
        content_id=row.content_id,
        runtime=row.runtime,
        role_arn=row.role_arn,
        handler=row.handler,
        description=row.description,
        timeout=row.timeout,
        memory_size=row.memory_size,
        ephemeral_storage=row.ephemeral_storage,
        architecture=row.architecture,
        variables=variables,
        code=_read_code(row),
        modified=row.modified,
        layers=tuple(
            Layer(found.arn, _read_code(found)) for found in layers if found.number == row.number
        ),
        logging=Logging(**json.loads(row.logging)) if row.logging else Logging(),
    )


def _read_code(row: Row[Any]) -> Code:
    return Code(row.code_sha256, row.code_size, row.code_blob, row.code_unpacked)


def _read_alias(row: Row[Any]) -> Alias:
    return Alias(
        function=row.function,
        name=row.name,
        version=version_name(row.number),
        description=row.description,
        weights=json.loads(row.weights),
        revision_id=row.revision_id,
    )


def _read_policies(name: str, rows: Sequence[Row[Any]]) -> Mapping[str, ResourcePolicy]:
    grouped: dict[str, list[Statement]] = defaultdict(list)
    for row in rows:
        grouped[row.qualifier].append(Statement(row.statement_id, row.statement))
    return {
        qualifier: ResourcePolicy(
            tuple(statements),
            compile_policy(statements, f"function policy of {name}{qualifier and f':{qualifier}'}"),
        )
        for qualifier, statements in grouped.items()
    }


def _read_url(row: Row[Any]) -> FunctionUrl:
    return FunctionUrl(
        url_id=row.url_id,
        function=row.function,
        qualifier=row.qualifier,
        auth_type=row.auth_type,
        invoke_mode=row.invoke_mode,
        cors=None if row.cors is None else Cors(**json.loads(row.cors)),
        created=row.created,
        modified=row.modified,
    )


def _read_event_config(row: Row[Any]) -> EventConfig:
    return EventConfig(
        function=row.function,
        qualifier=row.qualifier,
        retries=row.retries,
        longest_age=row.longest_age,
        on_success=row.on_success,
        on_failure=row.on_failure,
        modified=row.modified,
    )


def compile_policy(statements: Sequence[Statement], label: str) -> PolicySet | None:
    """The statements as they are evaluated; None if there are none, or they cannot be read."""
    if not statements:
        return None
    try:
        policy = parse_policy(policy_text(statements), PolicyKind.RESOURCE, label=label)
    except PolicyError:
        # Checked when it was written, so this is a database someone altered. These statements
        # only ever allow: without them less is allowed, never more.
        _log.exception("The %s cannot be read and grants nothing.", label)
        return None
    return PolicySet([policy])
