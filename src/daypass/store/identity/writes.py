"""Changes of identity, for use inside `Store.write`; they note for the caches what they change.

They keep what the database can keep (unique names, references); what AWS forbids beyond that is
asked of the functions that read within the same transaction, so that two requests at one moment
cannot both pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import RowMapping, Table, delete, func, insert, select, update

from daypass.store.engine import Transaction
from daypass.store.identity.loading import SECRETS
from daypass.store.identity.records import IdentityKind, Tags
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

_TABLES: Final[Mapping[IdentityKind, Table]] = {
    IdentityKind.USER: users,
    IdentityKind.ROLE: roles,
    IdentityKind.GROUP: groups,
}


# -- the account and access keys -------------------------------------------------------------


def create_account(
    transaction: Transaction,
    account_id: str,
    region: str,
    *,
    access_key_id: str,
    secret_access_key: str,
    keys: KeyRing,
    now: float,
) -> None:
    """The account and the root user's first access key."""
    transaction.connection.execute(
        insert(accounts).values(id=account_id, region=region, created=int(now))
    )
    transaction.changed("account", account_id)
    insert_access_key(
        transaction, access_key_id, None, secret=secret_access_key, keys=keys, now=now
    )


def insert_access_key(
    transaction: Transaction,
    access_key_id: str,
    user_id: str | None,
    *,
    secret: str,
    keys: KeyRing,
    now: float,
) -> None:
    """An active access key of a user; user_id None: of the root user."""
    transaction.connection.execute(
        insert(access_keys).values(
            id=access_key_id,
            user_id=user_id,
            encrypted_secret=keys.encrypt(SECRETS, secret.encode(), access_key_id),
            active=True,
            created=int(now),
        )
    )
    _changed_access_key(transaction, access_key_id, user_id)


def access_key_ids(transaction: Transaction, user_id: str | None) -> Sequence[str]:
    """The ids of a user's access keys; user_id None: of the root user."""
    statement = select(access_keys.c.id).where(access_keys.c.user_id.is_not_distinct_from(user_id))
    return transaction.connection.execute(statement).scalars().all()


def set_access_key_status(
    transaction: Transaction, access_key_id: str, user_id: str | None, active: bool
) -> bool:
    """Whether the user has that access key."""
    result = transaction.connection.execute(
        update(access_keys)
        .where(
            access_keys.c.id == access_key_id, access_keys.c.user_id.is_not_distinct_from(user_id)
        )
        .values(active=active)
    )
    _changed_access_key(transaction, access_key_id, user_id)
    return result.rowcount > 0


def delete_access_key(transaction: Transaction, access_key_id: str, user_id: str | None) -> bool:
    """Whether the user had that access key."""
    result = transaction.connection.execute(
        delete(access_keys).where(
            access_keys.c.id == access_key_id, access_keys.c.user_id.is_not_distinct_from(user_id)
        )
    )
    _changed_access_key(transaction, access_key_id, user_id)
    return result.rowcount > 0


def _changed_access_key(transaction: Transaction, access_key_id: str, user_id: str | None) -> None:
    transaction.changed("access-key", access_key_id)
    if user_id is not None:
        transaction.changed("user", user_id)


# -- users, roles and groups -----------------------------------------------------------------


def find(transaction: Transaction, kind: IdentityKind, name: str) -> RowMapping | None:
    """The row of the identity with exactly this name."""
    table = _TABLES[kind]
    return (
        transaction.connection.execute(select(table).where(table.c.name == name)).mappings().first()
    )


def name_is_taken(transaction: Transaction, kind: IdentityKind, name: str) -> bool:
    """Whether there is one of this name, whatever the case."""
    table = _TABLES[kind]
    statement = select(table.c.id).where(table.c.folded_name == name.lower())
    return transaction.connection.execute(statement).first() is not None


def count(transaction: Transaction, kind: IdentityKind) -> int:
    statement = select(func.count()).select_from(_TABLES[kind])
    return transaction.connection.execute(statement).scalar_one()


def insert_identity(
    transaction: Transaction,
    kind: IdentityKind,
    unique_id: str,
    *,
    name: str,
    path: str,
    now: float,
    **columns: object,
) -> None:
    """columns: boundary, tags; for a role description, max_session_duration and trust too."""
    transaction.connection.execute(
        insert(_TABLES[kind]).values(
            id=unique_id,
            name=name,
            folded_name=name.lower(),
            path=path,
            created=int(now),
            **columns,
        )
    )
    transaction.changed(kind, unique_id)


def update_identity(
    transaction: Transaction, kind: IdentityKind, unique_id: str, **columns: object
) -> None:
    """Set these columns of an identity that exists."""
    table = _TABLES[kind]
    if "name" in columns:
        columns["folded_name"] = str(columns["name"]).lower()
    transaction.connection.execute(update(table).where(table.c.id == unique_id).values(**columns))
    transaction.changed(kind, unique_id)
    if kind is IdentityKind.USER and "name" in columns:
        for access_key_id in access_key_ids(transaction, unique_id):
            transaction.changed("access-key", access_key_id)


def delete_identity(transaction: Transaction, kind: IdentityKind, unique_id: str) -> None:
    """Delete an identity that has nothing left."""
    table = _TABLES[kind]
    transaction.connection.execute(delete(table).where(table.c.id == unique_id))
    transaction.changed(kind, unique_id)


# -- memberships -----------------------------------------------------------------------------


def group_ids(transaction: Transaction, user_id: str) -> Sequence[str]:
    statement = select(memberships.c.group_id).where(memberships.c.user_id == user_id)
    return transaction.connection.execute(statement).scalars().all()


def has_members(transaction: Transaction, group_id: str) -> bool:
    statement = select(memberships.c.user_id).where(memberships.c.group_id == group_id).limit(1)
    return transaction.connection.execute(statement).first() is not None


def insert_membership(transaction: Transaction, user_id: str, group_id: str) -> None:
    transaction.connection.execute(insert(memberships).values(user_id=user_id, group_id=group_id))
    transaction.changed(IdentityKind.USER, user_id)


def delete_membership(transaction: Transaction, user_id: str, group_id: str) -> None:
    transaction.connection.execute(
        delete(memberships).where(
            memberships.c.user_id == user_id, memberships.c.group_id == group_id
        )
    )
    transaction.changed(IdentityKind.USER, user_id)


# -- inline policies and attachments ---------------------------------------------------------


def inline_documents(transaction: Transaction, owner_id: str) -> Mapping[str, str]:
    """The inline policies of a user, role or group, by name."""
    statement = select(inline_policies.c.name, inline_policies.c.document).where(
        inline_policies.c.owner_id == owner_id
    )
    rows = transaction.connection.execute(statement)
    return {row.name: row.document for row in rows}


def put_inline_policy(
    transaction: Transaction, kind: IdentityKind, owner_id: str, name: str, document: str
) -> None:
    """Add an inline policy, or put it in the place of the one with its name."""
    delete_inline_policy(transaction, kind, owner_id, name)
    transaction.connection.execute(
        insert(inline_policies).values(owner_id=owner_id, name=name, document=document)
    )


def delete_inline_policy(
    transaction: Transaction, kind: IdentityKind, owner_id: str, name: str
) -> bool:
    """Whether there was one."""
    result = transaction.connection.execute(
        delete(inline_policies).where(
            inline_policies.c.owner_id == owner_id, inline_policies.c.name == name
        )
    )
    transaction.changed(kind, owner_id)
    return result.rowcount > 0


def attached_arns(transaction: Transaction, owner_id: str) -> Sequence[str]:
    statement = select(attachments.c.policy_arn).where(attachments.c.owner_id == owner_id)
    return transaction.connection.execute(statement).scalars().all()


def attach(transaction: Transaction, kind: IdentityKind, owner_id: str, policy_arn: str) -> None:
    transaction.connection.execute(
        insert(attachments).values(owner_id=owner_id, policy_arn=policy_arn)
    )
    transaction.changed(kind, owner_id)


def detach(transaction: Transaction, kind: IdentityKind, owner_id: str, policy_arn: str) -> bool:
    """Whether it was attached."""
    result = transaction.connection.execute(
        delete(attachments).where(
            attachments.c.owner_id == owner_id, attachments.c.policy_arn == policy_arn
        )
    )
    transaction.changed(kind, owner_id)
    return result.rowcount > 0


# -- managed policies ------------------------------------------------------------------------


def find_policy(transaction: Transaction, arn: str) -> RowMapping | None:
    statement = select(managed_policies).where(managed_policies.c.arn == arn)
    return transaction.connection.execute(statement).mappings().first()


def policy_name_is_taken(transaction: Transaction, name: str) -> bool:
    statement = select(managed_policies.c.id).where(managed_policies.c.folded_name == name.lower())
    return transaction.connection.execute(statement).first() is not None


def count_policies(transaction: Transaction) -> int:
    statement = select(func.count()).select_from(managed_policies)
    return transaction.connection.execute(statement).scalar_one()


def policy_is_in_use(transaction: Transaction, arn: str) -> bool:
    """Whether it is attached to something, or the permissions boundary of something."""
    uses = (
        select(attachments.c.owner_id).where(attachments.c.policy_arn == arn),
        select(users.c.id).where(users.c.boundary == arn),
        select(roles.c.id).where(roles.c.boundary == arn),
    )
    return any(transaction.connection.execute(use.limit(1)).first() is not None for use in uses)


def insert_policy(
    transaction: Transaction,
    policy_id: str,
    *,
    arn: str,
    name: str,
    path: str,
    description: str | None,
    tags: Tags,
    document: str,
    now: float,
) -> None:
    """A managed policy with its first version."""
    transaction.connection.execute(
        insert(managed_policies).values(
            id=policy_id,
            arn=arn,
            name=name,
            folded_name=name.lower(),
            path=path,
            description=description,
            tags=dict(tags),
            created=int(now),
            updated=int(now),
            default_version=1,
            newest_version=0,
        )
    )
    insert_policy_version(transaction, policy_id, document, as_default=True, now=now)


def insert_policy_version(
    transaction: Transaction, policy_id: str, document: str, *, as_default: bool, now: float
) -> int:
    """The number of the new version: one more than of any before it, deleted ones too."""
    is_it = managed_policies.c.id == policy_id
    newest = select(managed_policies.c.newest_version).where(is_it)
    number: int = transaction.connection.execute(newest).scalar_one() + 1
    transaction.connection.execute(
        insert(policy_versions).values(
            policy_id=policy_id, number=number, document=document, created=int(now)
        )
    )
    values: dict[str, Any] = {"newest_version": number}
    if as_default:
        values["default_version"] = number
    update_policy(transaction, policy_id, updated=int(now), **values)
    return number


def policy_version_numbers(transaction: Transaction, policy_id: str) -> Sequence[int]:
    statement = select(policy_versions.c.number).where(policy_versions.c.policy_id == policy_id)
    return transaction.connection.execute(statement).scalars().all()


def update_policy(transaction: Transaction, policy_id: str, **columns: object) -> None:
    """Set these columns of a managed policy that exists."""
    transaction.connection.execute(
        update(managed_policies).where(managed_policies.c.id == policy_id).values(**columns)
    )
    transaction.changed("policy", policy_id)


def delete_policy_version(transaction: Transaction, policy_id: str, number: int) -> None:
    transaction.connection.execute(
        delete(policy_versions).where(
            policy_versions.c.policy_id == policy_id, policy_versions.c.number == number
        )
    )
    transaction.changed("policy", policy_id)


def delete_policy(transaction: Transaction, policy_id: str) -> None:
    """Delete a managed policy and its versions."""
    transaction.connection.execute(
        delete(policy_versions).where(policy_versions.c.policy_id == policy_id)
    )
    transaction.connection.execute(
        delete(managed_policies).where(managed_policies.c.id == policy_id)
    )
    transaction.changed("policy", policy_id)
