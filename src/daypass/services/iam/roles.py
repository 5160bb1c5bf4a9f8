"""Roles and their trust policies."""

from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam.attachments import refuse_unusable_boundary
from daypass.services.iam.documents import checked_trust_document, shown
from daypass.services.iam.identities import (
    boundary_shape,
    current_row,
    existing_role,
    identity_page,
    identity_shape,
    new_identity_shape,
    refuse_beyond_quota,
    refuse_owner_of_policies,
    refuse_taken_name,
)
from daypass.services.iam.permissions import on_all, on_identity, on_new_identity, operation
from daypass.services.iam.tags import new_tags, shown_tags
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityCache, IdentityKind, Role, ids_to_principals, writes
from daypass.tokens import new_unique_id

_ROLE: Final = IdentityKind.ROLE
_DEFAULT_SESSION_DURATION: Final = 3600


async def create_role(call: Call) -> Output:
    name, path = call.input["RoleName"], call.input.get("Path", "/")
    boundary = call.input.get("PermissionsBoundary")
    tags = new_tags(call.input.get("Tags", ()))
    given_trust = call.input["AssumeRolePolicyDocument"]
    trust = checked_trust_document(call, given_trust)
    role_id = new_unique_id("AROA")

    def change(transaction: Transaction) -> None:
        refuse_taken_name(transaction, _ROLE, name)
        refuse_beyond_quota(transaction, _ROLE)
        refuse_unusable_boundary(transaction, boundary)
        writes.insert_identity(
            transaction,
            _ROLE,
            role_id,
            name=name,
            path=path,
            now=call.now,
            boundary=boundary,
            tags=tags,
            description=call.input.get("Description"),
            max_session_duration=call.input.get("MaxSessionDuration", _DEFAULT_SESSION_DURATION),
            trust=trust,
        )

    await call.node.store.write(change)
    shape = new_identity_shape(call, _ROLE, role_id, name, path) | boundary_shape(boundary)
    shape["AssumeRolePolicyDocument"] = shown(given_trust)
    if tags:
        shape["Tags"] = call.input["Tags"]
    return {"Role": shape}


async def get_role(call: Call) -> Output:
    role = existing_role(call, call.input["RoleName"])
    shape = _show(call.node.identity, role) | boundary_shape(role.boundary_arn)
    shape["RoleLastUsed"] = {}
    if role.tags:
        shape["Tags"] = shown_tags(role.tags)
    return {"Role": shape}


async def list_roles(call: Call) -> Output:
    identity = call.node.identity
    return identity_page(call, "Roles", identity.roles(), lambda role: _show(identity, role))


async def update_role(call: Call) -> Output:
    columns: dict[str, object] = {}
    if "Description" in call.input:
        columns["description"] = call.input["Description"]
    if "MaxSessionDuration" in call.input:
        columns["max_session_duration"] = call.input["MaxSessionDuration"]
    await _update(call, existing_role(call, call.input["RoleName"]), columns)
    return {}


async def update_role_description(call: Call) -> Output:
    role = existing_role(call, call.input["RoleName"])
    await _update(call, role, {"description": call.input["Description"]})
    shape = _show(call.node.identity, role) | {"Description": call.input["Description"]}
    del shape["MaxSessionDuration"]
    return {"Role": shape}


async def update_assume_role_policy(call: Call) -> Output:
    role = existing_role(call, call.input["RoleName"])
    trust = checked_trust_document(call, call.input["PolicyDocument"])
    await _update(call, role, {"trust": trust})
    return None


async def delete_role(call: Call) -> Output:
    role = existing_role(call, call.input["RoleName"])

    def change(transaction: Transaction) -> None:
        current_row(transaction, role)
        refuse_owner_of_policies(transaction, role.id)
        writes.delete_identity(transaction, _ROLE, role.id)

    await call.node.store.write(change)
    return None


async def list_instance_profiles_for_role(call: Call) -> Output:
    # There are no instances here, so none; tools ask before they delete a role.
    existing_role(call, call.input["RoleName"])
    return {"InstanceProfiles": [], "IsTruncated": False}


async def _update(call: Call, role: Role, columns: dict[str, object]) -> None:
    def change(transaction: Transaction) -> None:
        current_row(transaction, role)
        if columns:
            writes.update_identity(transaction, _ROLE, role.id, **columns)

    await call.node.store.write(change)


def _show(identity: IdentityCache, role: Role) -> dict[str, Any]:
    shape = identity_shape(role)
    shape["AssumeRolePolicyDocument"] = shown(ids_to_principals(role.trust_document, identity))
    shape["MaxSessionDuration"] = role.max_session_duration
    if role.description is not None:
        shape["Description"] = role.description
    return shape


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreateRole", on_new_identity(_ROLE), create_role),
    operation("GetRole", on_identity(_ROLE), get_role),
    operation("ListRoles", on_all(_ROLE), list_roles),
    operation("UpdateRole", on_identity(_ROLE), update_role),
    operation("UpdateRoleDescription", on_identity(_ROLE), update_role_description),
    operation("UpdateAssumeRolePolicy", on_identity(_ROLE), update_assume_role_policy),
    operation("DeleteRole", on_identity(_ROLE), delete_role),
    operation("ListInstanceProfilesForRole", on_identity(_ROLE), list_instance_profiles_for_role),
)
