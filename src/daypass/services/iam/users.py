"""Users."""

from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam.attachments import refuse_unusable_boundary
from daypass.services.iam.errors import delete_conflict
from daypass.services.iam.identities import (
    boundary_shape,
    current_row,
    existing_user,
    identity_page,
    identity_shape,
    new_identity_shape,
    refuse_beyond_quota,
    refuse_owner_of_policies,
    refuse_taken_name,
    rename,
)
from daypass.services.iam.permissions import (
    caller_user_name,
    on_all,
    on_identity,
    on_new_identity,
    on_own_user,
    on_renamed_identity,
    operation,
)
from daypass.services.iam.tags import new_tags, shown_tags
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityKind, writes
from daypass.store.mfa import devices_of
from daypass.tokens import new_unique_id

_USER: Final = IdentityKind.USER


async def create_user(call: Call) -> Output:
    name, path = call.input["UserName"], call.input.get("Path", "/")
    boundary = call.input.get("PermissionsBoundary")
    tags = new_tags(call.input.get("Tags", ()))
    user_id = new_unique_id("AIDA")

    def change(transaction: Transaction) -> None:
        refuse_taken_name(transaction, _USER, name)
        refuse_beyond_quota(transaction, _USER)
        refuse_unusable_boundary(transaction, boundary)
        writes.insert_identity(
            transaction,
            _USER,
            user_id,
            name=name,
            path=path,
            now=call.now,
            boundary=boundary,
            tags=tags,
        )

    await call.node.store.write(change)
    shape = new_identity_shape(call, _USER, user_id, name, path) | boundary_shape(boundary)
    if tags:
        shape["Tags"] = call.input["Tags"]
    return {"User": shape}


async def get_user(call: Call) -> Output:
    name = call.input.get("UserName") or caller_user_name(call)
    if name is None:
        return {"User": _root_user_shape(call)}
    user = existing_user(call, name)
    shape = identity_shape(user) | boundary_shape(user.boundary_arn)
    if user.tags:
        shape["Tags"] = shown_tags(user.tags)
    return {"User": shape}


async def list_users(call: Call) -> Output:
    return identity_page(call, "Users", call.node.identity.users(), identity_shape)


async def update_user(call: Call) -> Output:
    await call.node.store.write(rename(call, _USER))
    return None


async def delete_user(call: Call) -> Output:
    user = existing_user(call, call.input["UserName"])

    def change(transaction: Transaction) -> None:
        current_row(transaction, user)
        refuse_owner_of_policies(transaction, user.id)
        if writes.access_key_ids(transaction, user.id):
            raise delete_conflict("Cannot delete entity, must delete access keys first.")
        if devices_of(transaction.connection, user.id):
            raise delete_conflict("Cannot delete entity, must delete MFA device first.")
        if writes.group_ids(transaction, user.id):
            raise delete_conflict("Cannot delete entity, must remove users from group first.")
        writes.delete_identity(transaction, _USER, user.id)

    await call.node.store.write(change)
    return None


def _root_user_shape(call: Call) -> dict[str, Any]:
    # The root user has neither name nor path.
    account = call.node.identity.account
    return {
        "UserId": call.account_id,
        "Arn": f"arn:aws:iam::{call.account_id}:root",
        "CreateDate": account.created if account else int(call.now),
    }


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreateUser", on_new_identity(_USER), create_user),
    operation("GetUser", on_own_user, get_user),
    operation("ListUsers", on_all(_USER), list_users),
    operation("UpdateUser", on_renamed_identity(_USER), update_user),
    operation("DeleteUser", on_identity(_USER), delete_user),
)
