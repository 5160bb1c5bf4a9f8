"""Functions, the statements of their resource policies, and their URLs; and the cache of them.

Each write function below is the body of one `Store.write`, and checks inside it what must hold
at that moment, so that two requests at once cannot both win.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from daypass.policy import PolicyKind, PolicySet, parse_policy
from daypass.store.engine import Transaction
from daypass.store.schema import metadata
from daypass.tokens import KeyRing

KIND: Final = "function"
# What the encryption of environment variables is bound to, together with the function's name.
_VARIABLES: Final = "function-variables"

functions = Table(
    "functions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("revision_id", String(36), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("role_arn", String(2048), nullable=False),
    Column("handler", String(128), nullable=False),
    Column("description", String(256), nullable=False),
    Column("timeout", Integer, nullable=False),
    Column("memory_size", Integer, nullable=False),
    Column("ephemeral_storage", Integer, nullable=False),
    Column("architecture", String(16), nullable=False),
    Column("variables", LargeBinary),
    Column("code_sha256", String(64), nullable=False),
    Column("code_size", Integer, nullable=False),
    Column("code_blob", String(128), nullable=False),
    Column("reserved_concurrency", Integer),
    Column("tags", Text, nullable=False),
    Column("modified", Float, nullable=False),
)

function_statements = Table(
    "function_statements",
    metadata,
    Column("function", ForeignKey(functions.c.name, ondelete="CASCADE"), primary_key=True),
    Column("statement_id", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("statement", Text, nullable=False),
)

function_urls = Table(
    "function_urls",
    metadata,
    Column("url_id", String(32), primary_key=True),
    Column(
        "function",
        ForeignKey(functions.c.name, ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("auth_type", String(16), nullable=False),
    Column("invoke_mode", String(32), nullable=False),
    Column("cors", Text),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
)


class FunctionStoreError(Exception):
    """A write that the state of the functions does not allow; nothing was written."""


class FunctionExistsError(FunctionStoreError):
    """A function of this name exists."""


class NoSuchFunctionError(FunctionStoreError):
    """No function of this name exists any more."""


class StaleRevisionError(FunctionStoreError):
    """The function's revision is no longer the one the caller knows."""


class StatementExistsError(FunctionStoreError):
    """The function's policy has a statement of this id."""


class NoSuchStatementError(FunctionStoreError):
    """The function's policy has no statement of this id."""


class UrlExistsError(FunctionStoreError):
    """The function has a URL."""


class NoSuchUrlError(FunctionStoreError):
    """The function has no URL."""


class UrlIdTakenError(FunctionStoreError):
    """Another function's URL has this id."""


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package. sha256: hex digest of the zip. size: its bytes. blob: where it is."""

    sha256: str
    size: int
    blob: str


# Of a function that is being made.
NO_CODE: Final = Code("", 0, "")


@dataclass(frozen=True, slots=True)
class Cors:
    """What a Function URL tells browsers; None is what was not configured. max_age: seconds."""

    allow_credentials: bool | None = None
    allow_headers: Sequence[str] | None = None
    allow_methods: Sequence[str] | None = None
    allow_origins: Sequence[str] | None = None
    expose_headers: Sequence[str] | None = None
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A Function URL. auth_type: "AWS_IAM" or "NONE". created, modified: Unix seconds."""

    url_id: str
    function: str
    auth_type: str
    invoke_mode: str
    cors: Cors | None
    created: float
    modified: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a function's policy, as JSON, with users and roles as unique ids."""

    statement_id: str
    document: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function. timeout: seconds. memory_size, ephemeral_storage: MB. modified: Unix seconds.

    revision_id changes with every change to its code, configuration or policy.
    """

    name: str
    revision_id: str
    runtime: str
    role_arn: str
    handler: str
    description: str
    timeout: int
    memory_size: int
    ephemeral_storage: int
    architecture: str
    variables: Mapping[str, str] | None = field(repr=False)
    code: Code
    reserved_concurrency: int | None
    tags: Mapping[str, str]
    modified: float
    statements: Sequence[Statement] = ()
    policy: PolicySet | None = None
    url: FunctionUrl | None = None


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


def claimed_blobs(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Which of these blobs are the code of a function."""
    rows = connection.execute(select(functions.c.code_blob).where(functions.c.code_blob.in_(blobs)))
    return {row.code_blob for row in rows}


# -- reading ---------------------------------------------------------------------------------


def _read(connection: Connection, row: Row[Any], keys: KeyRing) -> Function:
    statements = [
        Statement(found.statement_id, found.statement)
        for found in connection.execute(
            select(function_statements)
            .where(function_statements.c.function == row.name)
            .order_by(function_statements.c.position)
        )
    ]
    variables = None
    if row.variables is not None:
        variables = json.loads(keys.decrypt(_VARIABLES, row.variables, row.name))
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
    text = f'{{"Version":"2012-10-17","Statement":[{",".join(s.document for s in statements)}]}}'
    return PolicySet([parse_policy(text, PolicyKind.RESOURCE, label=f"function policy of {name}")])


# -- writing ---------------------------------------------------------------------------------


def new_revision_id() -> str:
    return str(uuid.uuid4())


def insert_function(transaction: Transaction, function: Function, keys: KeyRing) -> None:
    """Raises `FunctionExistsError`."""
    if _row(transaction, function.name) is not None:
        raise FunctionExistsError(function.name)
    transaction.connection.execute(
        insert(functions).values(
            name=function.name,
            revision_id=function.revision_id,
            modified=function.modified,
            tags=json.dumps(dict(function.tags)),
            reserved_concurrency=function.reserved_concurrency,
            **_code_values(function.code),
            **_configuration_values(function, keys),
        )
    )
    transaction.changed(KIND, function.name)


def update_code(transaction: Transaction, function: Function, expected_revision: str) -> str:
    """Take over code and architecture from `function`; returns the blob it replaced.

    expected_revision: "" for whatever it is now. Raises `NoSuchFunctionError` and
    `StaleRevisionError`.
    """
    row = _row_at(transaction, function.name, expected_revision)
    _update(
        transaction,
        function.name,
        revision_id=function.revision_id,
        modified=function.modified,
        architecture=function.architecture,
        **_code_values(function.code),
    )
    return str(row.code_blob)


def update_configuration(
    transaction: Transaction, function: Function, expected_revision: str, keys: KeyRing
) -> None:
    """Take over the configuration from `function`. Raises as `update_code` does."""
    _row_at(transaction, function.name, expected_revision)
    _update(
        transaction,
        function.name,
        revision_id=function.revision_id,
        modified=function.modified,
        **_configuration_values(function, keys),
    )


def update_tags(
    transaction: Transaction, name: str, added: Mapping[str, str], removed: Sequence[str]
) -> None:
    """Add and remove tags. Raises `NoSuchFunctionError`."""
    row = _row_at(transaction, name, "")
    tags = {key: value for key, value in json.loads(row.tags).items() if key not in removed}
    _update(transaction, name, tags=json.dumps(tags | dict(added)))


def update_reserved_concurrency(
    transaction: Transaction, name: str, executions: int | None
) -> None:
    """Raises `NoSuchFunctionError`."""
    _row_at(transaction, name, "")
    _update(transaction, name, reserved_concurrency=executions)


def delete_function(transaction: Transaction, name: str) -> str:
    """Delete a function with its policy and URL; returns the blob of its code.

    Raises `NoSuchFunctionError`.
    """
    row = _row_at(transaction, name, "")
    transaction.connection.execute(delete(functions).where(functions.c.name == name))
    transaction.changed(KIND, name)
    return str(row.code_blob)


def insert_statement(
    transaction: Transaction, name: str, statement: Statement, expected_revision: str
) -> None:
    """Raises `NoSuchFunctionError`, `StaleRevisionError` and `StatementExistsError`."""
    _row_at(transaction, name, expected_revision)
    table = function_statements
    known = dict(
        transaction.connection.execute(
            select(table.c.statement_id, table.c.position).where(table.c.function == name)
        ).all()
    )
    if statement.statement_id in known:
        raise StatementExistsError(statement.statement_id)
    transaction.connection.execute(
        insert(table).values(
            function=name,
            statement_id=statement.statement_id,
            position=max(known.values(), default=0) + 1,
            statement=statement.document,
        )
    )
    _update(transaction, name, revision_id=new_revision_id())


def delete_statement(
    transaction: Transaction, name: str, statement_id: str, expected_revision: str
) -> None:
    """Raises `NoSuchFunctionError`, `StaleRevisionError` and `NoSuchStatementError`."""
    _row_at(transaction, name, expected_revision)
    table = function_statements
    deleted = transaction.connection.execute(
        delete(table).where(table.c.function == name, table.c.statement_id == statement_id)
    )
    if not deleted.rowcount:
        raise NoSuchStatementError(statement_id)
    _update(transaction, name, revision_id=new_revision_id())


def insert_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchFunctionError`, `UrlExistsError` and `UrlIdTakenError`."""
    _row_at(transaction, url.function, "")
    table = function_urls
    taken = transaction.connection.execute(
        select(table.c.function).where(
            (table.c.url_id == url.url_id) | (table.c.function == url.function)
        )
    ).all()
    if any(row.function == url.function for row in taken):
        raise UrlExistsError(url.function)
    if taken:
        raise UrlIdTakenError(url.url_id)
    transaction.connection.execute(
        insert(table).values(
            url_id=url.url_id,
            function=url.function,
            created=url.created,
            **_url_values(url),
        )
    )
    transaction.changed(KIND, url.function)


def update_url(transaction: Transaction, url: FunctionUrl) -> None:
    """Raises `NoSuchUrlError`."""
    changed = transaction.connection.execute(
        update(function_urls)
        .where(function_urls.c.function == url.function, function_urls.c.url_id == url.url_id)
        .values(**_url_values(url))
    )
    if not changed.rowcount:
        raise NoSuchUrlError(url.function)
    transaction.changed(KIND, url.function)


def delete_url(transaction: Transaction, name: str) -> None:
    """Raises `NoSuchUrlError`."""
    deleted = transaction.connection.execute(
        delete(function_urls).where(function_urls.c.function == name)
    )
    if not deleted.rowcount:
        raise NoSuchUrlError(name)
    transaction.changed(KIND, name)


def _row(transaction: Transaction, name: str) -> Row[Any] | None:
    return transaction.connection.execute(
        select(functions).where(functions.c.name == name)
    ).one_or_none()


def _row_at(transaction: Transaction, name: str, expected_revision: str) -> Row[Any]:
    row = _row(transaction, name)
    if row is None:
        raise NoSuchFunctionError(name)
    if expected_revision and row.revision_id != expected_revision:
        raise StaleRevisionError(name)
    return row


def _update(transaction: Transaction, name: str, **values: object) -> None:
    transaction.connection.execute(
        update(functions).where(functions.c.name == name).values(**values)
    )
    transaction.changed(KIND, name)


def _code_values(code: Code) -> dict[str, object]:
    return {"code_sha256": code.sha256, "code_size": code.size, "code_blob": code.blob}


def _configuration_values(function: Function, keys: KeyRing) -> dict[str, object]:
    variables = None
    if function.variables is not None:
        text = json.dumps(dict(function.variables)).encode()
        variables = keys.encrypt(_VARIABLES, text, function.name)
    return {
        "runtime": function.runtime,
        "role_arn": function.role_arn,
        "handler": function.handler,
        "description": function.description,
        "timeout": function.timeout,
        "memory_size": function.memory_size,
        "ephemeral_storage": function.ephemeral_storage,
        "architecture": function.architecture,
        "variables": variables,
    }


def _url_values(url: FunctionUrl) -> dict[str, object]:
    return {
        "auth_type": url.auth_type,
        "invoke_mode": url.invoke_mode,
        "cors": None if url.cors is None else json.dumps(asdict(url.cors)),
        "modified": url.modified,
    }
