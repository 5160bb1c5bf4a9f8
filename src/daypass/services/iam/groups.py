"""Groups: their members have the groups' policies too."""

from typing import Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam import quotas
from daypass.services.iam.errors import delete_conflict, no_such_identity, quota_exceeded
from daypass.services.iam.identities import (
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
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import (
    on_all,
    on_identity,
    on_new_identity,
    on_renamed_identity,
    operation,
)
from daypass.store.engine import Transaction
from daypass.store.identity import Group, IdentityKind, writes
from daypass.tokens import new_unique_id

_GROUP: Final = IdentityKind.GROUP
_USER: Final = IdentityKind.USER


async def create_group(call: Call) -> Output:
    name, path = call.input["GroupName"], call.input.get("Path", "/")
    group_id = new_unique_id("AGPA")

    def change(transaction: Transaction) -> None:
        refuse_taken_name(transaction, _GROUP, name)
        refuse_beyond_quota(transaction, _GROUP)
        writes.insert_identity(transaction, _GROUP, group_id, name=name, path=path, now=call.now)

    await call.node.store.write(change)
    return {"Group": new_identity_shape(call, _GROUP, group_id, name, path)}


async def get_group(call: Call) -> Output:
    group = _existing_group(call)
    members = [user for user in call.node.identity.users() if group.id in user.group_ids]
    output = page(call, "Users", members, lambda user: user.name, identity_shape)
    return output | {"Group": identity_shape(group)}


async def list_groups(call: Call) -> Output:
    return identity_page(call, "Groups", call.node.identity.groups(), identity_shape)


async def update_group(call: Call) -> Output:
    await call.node.store.write(rename(call, _GROUP))
    return None


async def delete_group(call: Call) -> Output:
    group = _existing_group(call)

    def change(transaction: Transaction) -> None:
        current_row(transaction, group)
        if writes.has_members(transaction, group.id):
            raise delete_conflict("Cannot delete entity, must remove users from group first.")
        refuse_owner_of_policies(transaction, group.id)
        writes.delete_identity(transaction, _GROUP, group.id)

    await call.node.store.write(change)
    return None


async def add_user_to_group(call: Call) -> Output:
    group, user = _existing_group(call), existing_user(call, call.input["UserName"])

    def change(transaction: Transaction) -> None:
        current_row(transaction, group)
        current_row(transaction, user)
        member_of = writes.group_ids(transaction, user.id)
        if group.id in member_of:
            return
        if len(member_of) >= quotas.GROUPS_PER_USER:
            raise quota_exceeded("GroupsPerUser", quotas.GROUPS_PER_USER)
        writes.insert_membership(transaction, user.id, group.id)

    await call.node.store.write(change)
    return None


async def remove_user_from_group(call: Call) -> Output:
    user, group = existing_user(call, call.input["UserName"]), _existing_group(call)

    def change(transaction: Transaction) -> None:
        current_row(transaction, group)
        writes.delete_membership(transaction, user.id, group.id)

    await call.node.store.write(change)
    return None


async def list_groups_for_user(call: Call) -> Output:
    user = existing_user(call, call.input["UserName"])
    found = (call.node.identity.group_by_id(group_id) for group_id in user.group_ids)
    groups = [group for group in found if group is not None]
    return page(call, "Groups", groups, lambda group: group.name, identity_shape)


def _existing_group(call: Call) -> Group:
    group = call.node.identity.group(call.input["GroupName"])
    if group is None:
        raise no_such_identity(_GROUP, call.input["GroupName"])
    return group


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreateGroup", on_new_identity(_GROUP), create_group),
    operation("GetGroup", on_identity(_GROUP), get_group),
    operation("ListGroups", on_all(_GROUP), list_groups),
    operation("UpdateGroup", on_renamed_identity(_GROUP), update_group),
    operation("DeleteGroup", on_identity(_GROUP), delete_group),
    operation("AddUserToGroup", on_identity(_GROUP), add_user_to_group),
    operation("RemoveUserFromGroup", on_identity(_GROUP), remove_user_from_group),
    operation("ListGroupsForUser", on_identity(_USER), list_groups_for_user),
)
