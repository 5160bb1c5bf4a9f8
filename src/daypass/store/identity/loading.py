"""From rows to records: a few queries for a kind of record, whether for one of them or for all."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, Connection, RowMapping, Select, Table, select

from daypass.policy import PolicySet
from daypass.store.identity.records import (
    AccessKey,
    Account,
    Group,
    IdentityKind,
    ManagedPolicy,
    PolicyTexts,
    Role,
    User,
)
from daypass.store.identity.tables import (
    access_keys,
    accounts,
    attachments,
    groups,
    inline_policies,
    managed_policies,
    memberships,
    policy_versions,
    roles,
    users,
)
from daypass.tokens import KeyRing

# The purpose under which secret access keys are encrypted; their context is the access key id.
SECRETS = "access-key"

Ids = Sequence[str] | None
Compiled = Callable[[], PolicySet]


class Compiler(Protocol):
    """Gives what compiles a record's policies when they are first asked for."""

    account_id: str

    def identity_of(self, kind: IdentityKind, unique_id: str) -> Compiled: ...
    def boundary(self, arn: str | None) -> Compiled: ...
    def trust(self, document: str, label: str) -> Compiled: ...


def read_account(connection: Connection) -> Account | None:
    """The account of this server; None before the first start."""
    row = connection.execute(select(accounts)).mappings().first()
    return None if row is None else Account(row["id"], row["region"], row["created"])


def read_root_access_key(connection: Connection, keys: KeyRing) -> AccessKey | None:
    """The root user's first active access key."""
    statement = select(access_keys, users.c.name).outerjoin(users)
    statement = statement.where(access_keys.c.user_id.is_(None), access_keys.c.active)
    row = connection.execute(statement.order_by(access_keys.c.created)).mappings().first()
    return None if row is None else _access_key(row, keys)


def read_version_document(connection: Connection, policy_id: str, number: int) -> str | None:
    """The document of one version of a managed policy of the account."""
    found: str | None = connection.execute(
        select(policy_versions.c.document).where(
            policy_versions.c.policy_id == policy_id, policy_versions.c.number == number
        )
    ).scalar_one_or_none()
    return found


def load_users(connection: Connection, ids: Ids, compiler: Compiler) -> Iterator[User]:
    inline, attached = _inline(connection, ids), _attached(connection, ids)
    groups_of = _grouped(connection, memberships.c.user_id, memberships.c.group_id, ids)
    keys_of = _grouped(connection, access_keys.c.user_id, access_keys.c.id, ids)
    for row in _rows(connection, users, ids):
        unique_id = row["id"]
        yield User(
            id=unique_id,
            name=row["name"],
            path=row["path"],
            arn=identity_arn(compiler.account_id, IdentityKind.USER, row["path"], row["name"]),
            created=row["created"],
            tags=dict(row["tags"]),
            boundary_arn=row["boundary"],
            inline=inline.get(unique_id, {}),
            attached=tuple(attached.get(unique_id, ())),
            group_ids=tuple(groups_of.get(unique_id, ())),
            access_key_ids=tuple(keys_of.get(unique_id, ())),
            _identity=compiler.identity_of(IdentityKind.USER, unique_id),
            _boundary=compiler.boundary(row["boundary"]),
        )


def load_roles(connection: Connection, ids: Ids, compiler: Compiler) -> Iterator[Role]:
    inline, attached = _inline(connection, ids), _attached(connection, ids)
    for row in _rows(connection, roles, ids):
        unique_id = row["id"]
        arn = identity_arn(compiler.account_id, IdentityKind.ROLE, row["path"], row["name"])
        yield Role(
            id=unique_id,
            name=row["name"],
            path=row["path"],
            arn=arn,
            created=row["created"],
            tags=dict(row["tags"]),
            boundary_arn=row["boundary"],
            inline=inline.get(unique_id, {}),
            attached=tuple(attached.get(unique_id, ())),
            description=row["description"],
            max_session_duration=row["max_session_duration"],
            trust_document=row["trust"],
            _trust=compiler.trust(row["trust"], arn),
            _identity=compiler.identity_of(IdentityKind.ROLE, unique_id),
            _boundary=compiler.boundary(row["boundary"]),
        )


def load_groups(connection: Connection, ids: Ids, compiler: Compiler) -> Iterator[Group]:
    inline, attached = _inline(connection, ids), _attached(connection, ids)
    for row in _rows(connection, groups, ids):
        yield Group(
            id=row["id"],
            name=row["name"],
            path=row["path"],
            arn=identity_arn(compiler.account_id, IdentityKind.GROUP, row["path"], row["name"]),
            created=row["created"],
            inline=inline.get(row["id"], {}),
            attached=tuple(attached.get(row["id"], ())),
        )


def load_managed_policies(connection: Connection, ids: Ids) -> Iterator[ManagedPolicy]:
    versions: dict[str, dict[int, int]] = defaultdict(dict)
    columns = (policy_versions.c.policy_id, policy_versions.c.number, policy_versions.c.created)
    statement = _limited(select(*columns), policy_versions.c.policy_id, ids)
    for policy_id, number, created in connection.execute(statement.order_by(columns[1])):
        versions[policy_id][number] = created
    default = select(managed_policies, policy_versions.c.document).join(
        policy_versions,
        (policy_versions.c.policy_id == managed_policies.c.id)
        & (policy_versions.c.number == managed_policies.c.default_version),
    )
    for row in connection.execute(_limited(default, managed_policies.c.id, ids)).mappings():
        yield ManagedPolicy(
            id=row["id"],
            name=row["name"],
            path=row["path"],
            arn=row["arn"],
            description=row["description"],
            created=row["created"],
            updated=row["updated"],
            tags=dict(row["tags"]),
            default_version=row["default_version"],
            versions=versions[row["id"]],
            document=row["document"],
        )


def load_access_keys(connection: Connection, ids: Ids, keys: KeyRing) -> Iterator[AccessKey]:
    statement = select(access_keys, users.c.name).outerjoin(users)
    for row in connection.execute(_limited(statement, access_keys.c.id, ids)).mappings():
        yield _access_key(row, keys)


def identity_arn(account_id: str, kind: IdentityKind, path: str, name: str) -> str:
    """arn:aws:iam::123456789012:user/path/name"""
    return f"arn:aws:iam::{account_id}:{kind}{path}{name}"


def policy_arn(account_id: str, path: str, name: str) -> str:
    """arn:aws:iam::123456789012:policy/path/name"""
    return f"arn:aws:iam::{account_id}:policy{path}{name}"


def _access_key(row: RowMapping, keys: KeyRing) -> AccessKey:
    secret = keys.decrypt(SECRETS, row["encrypted_secret"], row["id"]).decode()
    return AccessKey(
        id=row["id"],
        user_id=row["user_id"],
        user=row["name"],
        secret=secret,
        active=row["active"],
        created=row["created"],
    )


def _rows(connection: Connection, table: Table, ids: Ids) -> Sequence[RowMapping]:
    return connection.execute(_limited(select(table), table.c.id, ids)).mappings().all()


def _inline(connection: Connection, owner_ids: Ids) -> Mapping[str, PolicyTexts]:
    statement = _limited(select(inline_policies), inline_policies.c.owner_id, owner_ids)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for owner_id, name, document in connection.execute(statement):
        found[owner_id][name] = document
    return found


def _attached(connection: Connection, owner_ids: Ids) -> Mapping[str, Sequence[str]]:
    return _grouped(connection, attachments.c.owner_id, attachments.c.policy_arn, owner_ids)


def _grouped(
    connection: Connection, by: Column[Any], value: Column[Any], ids: Ids
) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, each in connection.execute(_limited(select(by, value), by, ids).order_by(value)):
        if key is not None:
            found[key].append(each)
    return found


def _limited(statement: Select[Any], column: Column[Any], ids: Ids) -> Select[Any]:
    return statement if ids is None else statement.where(column.in_(ids))
