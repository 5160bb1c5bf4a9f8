"""What the operations on users, roles and groups have in common."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from daypass.gateway.operation import Call
from daypass.services.iam import quotas
from daypass.services.iam.errors import (
    already_exists,
    delete_conflict,
    no_such_identity,
    quota_exceeded,
)
from daypass.services.iam.paging import page
from daypass.store.engine import Transaction
from daypass.store.identity import Identity, IdentityKind, Role, User, identity_arn, writes

SomeIdentity = TypeVar("SomeIdentity", bound=Identity)


def existing_identity(call: Call, kind: IdentityKind, name: str) -> Identity:
    """The record of that name. Raises `ServiceError`."""
    identity = call.node.identity.identity(kind, name)
    if identity is None:
        raise no_such_identity(kind, name)
    return identity


def existing_user(call: Call, name: str) -> User:
    """The record of that user. Raises `ServiceError`."""
    user = call.node.identity.user(name)
    if user is None:
        raise no_such_identity(IdentityKind.USER, name)
    return user


def existing_role(call: Call, name: str) -> Role:
    """The record of that role. Raises `ServiceError`."""
    role = call.node.identity.role(name)
    if role is None:
        raise no_such_identity(IdentityKind.ROLE, name)
    return role


def current_row(transaction: Transaction, identity: Identity) -> RowMapping:
    """The row of an identity that is to be changed.

    Raises `ServiceError` if it is not what the caller was authorized for any more: deleted, or
    renamed, or moved to another path in the meantime.
    """
    row = writes.find(transaction, identity.kind, identity.name)
    if row is None or row["id"] != identity.id or row["path"] != identity.path:
        raise no_such_identity(identity.kind, identity.name)
    return row


def refuse_taken_name(transaction: Transaction, kind: IdentityKind, name: str) -> None:
    """Raises `ServiceError` if there is one of that name, whatever the case."""
    if writes.name_is_taken(transaction, kind, name):
        raise already_exists(kind, name)


def refuse_beyond_quota(transaction: Transaction, kind: IdentityKind) -> None:
    """Raises `ServiceError` if the account has as many of the kind as it may."""
    limit = quotas.IDENTITIES[kind]
    if writes.count(transaction, kind) >= limit:
        raise quota_exceeded(f"{kind.capitalize()}sPerAccount", limit)


def refuse_owner_of_policies(transaction: Transaction, identity_id: str) -> None:
    """Raises `ServiceError` if policies are attached to it or inside it."""
    if writes.attached_arns(transaction, identity_id):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if writes.inline_documents(transaction, identity_id):
        raise delete_conflict("Cannot delete entity, must delete policies first.")


def rename(call: Call, kind: IdentityKind) -> Callable[[Transaction], None]:
    """The change of an identity's name and path to the input's New… members; its id stays."""
    member = f"{kind.capitalize()}Name"
    identity = existing_identity(call, kind, call.input[member])
    new_name, new_path = call.input.get(f"New{member}"), call.input.get("NewPath")

    def change(transaction: Transaction) -> None:
        current_row(transaction, identity)
        columns: dict[str, object] = {}
        if new_path is not None:
            columns["path"] = new_path
        if new_name is not None and new_name != identity.name:
            if new_name.lower() != identity.name.lower():
                refuse_taken_name(transaction, kind, new_name)
            columns["name"] = new_name
        if columns:
            writes.update_identity(transaction, kind, identity.id, **columns)

    return change


def new_identity_shape(
    call: Call, kind: IdentityKind, unique_id: str, name: str, path: str
) -> dict[str, Any]:
    """What every kind shows of itself, for one that was created now."""
    arn = identity_arn(call.account_id, kind, path, name)
    return _shape(kind, unique_id, name, path, arn, int(call.now))


def identity_shape(identity: Identity) -> dict[str, Any]:
    """What every kind shows of itself."""
    return _shape(
        identity.kind, identity.id, identity.name, identity.path, identity.arn, identity.created
    )


def boundary_shape(arn: str | None) -> dict[str, Any]:
    """The member for a permissions boundary, if there is one."""
    if arn is None:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": arn,
        }
    }


def identity_page(
    call: Call,
    member: str,
    identities: Iterable[SomeIdentity],
    show: Callable[[SomeIdentity], object],
) -> dict[str, Any]:
    """A page of the identities under the input's PathPrefix, by name."""
    prefix = call.input.get("PathPrefix", "/")
    under = [identity for identity in identities if identity.path.startswith(prefix)]
    return page(call, member, under, lambda identity: identity.name, show)


def _shape(
    kind: IdentityKind, unique_id: str, name: str, path: str, arn: str, created: int
) -> dict[str, Any]:
    word = kind.capitalize()
    return {
        "Path": path,
        f"{word}Name": name,
        f"{word}Id": unique_id,
        "Arn": arn,
        "CreateDate": created,
    }
