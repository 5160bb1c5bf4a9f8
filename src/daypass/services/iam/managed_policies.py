"""Managed policies of the account, their versions, and AWS's own."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import RowMapping

from daypass.gateway.operation import Call, Operation, Output
from daypass.protocol.errors import ServiceError
from daypass.services.iam import quotas
from daypass.services.iam.attachments import refuse_malformed_policy_arn
from daypass.services.iam.documents import checked_managed_document, shown
from daypass.services.iam.errors import (
    delete_conflict,
    limit_exceeded,
    no_such_policy,
    no_such_version,
    policy_already_exists,
    quota_exceeded,
)
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import on_new_policy, on_policy, on_policy_path, operation
from daypass.services.iam.tags import (
    merged_tags,
    new_tags,
    shown_tags,
    tag_page,
    without_tags,
)
from daypass.store.engine import Transaction
from daypass.store.identity import (
    Identity,
    IdentityCache,
    ManagedPolicy,
    Role,
    User,
    aws_managed_policies,
    policy_arn,
    read_version_document,
    writes,
)
from daypass.tokens import new_unique_id


async def create_policy(call: Call) -> Output:
    name, path = call.input["PolicyName"], call.input.get("Path", "/")
    tags = new_tags(call.input.get("Tags", ()), fold_case=False)
    document = checked_managed_document(call.input["PolicyDocument"])
    policy_id, arn = new_unique_id("ANPA"), policy_arn(call.account_id, path, name)

    def change(transaction: Transaction) -> None:
        if writes.policy_name_is_taken(transaction, name):
            raise policy_already_exists(name)
        if writes.count_policies(transaction) >= quotas.POLICIES:
            raise quota_exceeded("PoliciesPerAccount", quotas.POLICIES)
        writes.insert_policy(
            transaction,
            policy_id,
            arn=arn,
            name=name,
            path=path,
            description=call.input.get("Description"),
            tags=tags,
            document=document,
            now=call.now,
        )

    await call.node.store.write(change)
    shape: dict[str, Any] = {
        "PolicyName": name,
        "PolicyId": policy_id,
        "Arn": arn,
        "Path": path,
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": int(call.now),
        "UpdateDate": int(call.now),
    }
    if tags:
        shape["Tags"] = call.input["Tags"]
    return {"Policy": shape}


async def get_policy(call: Call) -> Output:
    policy = _existing(call)
    shape = _Uses(call.node.identity).show(policy) | {"Tags": shown_tags(policy.tags)}
    if policy.description is not None:
        shape["Description"] = policy.description
    return {"Policy": shape}


async def list_policies(call: Call) -> Output:
    scope, prefix = call.input.get("Scope", "All"), call.input.get("PathPrefix", "/")
    usage = call.input.get("PolicyUsageFilter")
    uses = _Uses(call.node.identity)
    policies: list[ManagedPolicy] = []
    if scope in ("All", "AWS"):
        policies += aws_managed_policies().values()
    if scope in ("All", "Local"):
        policies += call.node.identity.managed_policies()
    chosen = (policy for policy in policies if policy.path.startswith(prefix))
    if call.input.get("OnlyAttached"):
        chosen = (policy for policy in chosen if uses.attachments[policy.arn])
    if usage == "PermissionsPolicy":
        chosen = (policy for policy in chosen if uses.attachments[policy.arn])
    elif usage == "PermissionsBoundary":
        chosen = (policy for policy in chosen if uses.boundaries[policy.arn])
    return page(call, "Policies", chosen, lambda policy: f"{policy.name} {policy.arn}", uses.show)


async def delete_policy(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        row = _changeable(transaction, call)
        if writes.policy_is_in_use(transaction, row["arn"]):
            raise delete_conflict("Cannot delete a policy attached to entities.")
        if len(writes.policy_version_numbers(transaction, row["id"])) > 1:
            raise delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must "
                "delete the policy's versions. The default version is deleted with the policy."
            )
        writes.delete_policy(transaction, row["id"])

    await call.node.store.write(change)
    return None


# -- versions --------------------------------------------------------------------------------


async def create_policy_version(call: Call) -> Output:
    document = checked_managed_document(call.input["PolicyDocument"])
    as_default = bool(call.input.get("SetAsDefault"))

    def change(transaction: Transaction) -> int:
        row = _changeable(transaction, call)
        numbers = writes.policy_version_numbers(transaction, row["id"])
        if len(numbers) >= quotas.VERSIONS_PER_POLICY:
            raise limit_exceeded(
                f"A managed policy can have up to {quotas.VERSIONS_PER_POLICY} versions. Before "
                "you create a new version, you must delete an existing version."
            )
        return writes.insert_policy_version(
            transaction, row["id"], document, as_default=as_default, now=call.now
        )

    number = await call.node.store.write(change)
    return {"PolicyVersion": _version_shape(number, as_default, int(call.now))}


async def get_policy_version(call: Call) -> Output:
    arn, version_id = call.input["PolicyArn"], call.input["VersionId"]
    refuse_malformed_policy_arn(arn)
    policy = call.node.identity.managed_policy(arn)
    number = _number(version_id)
    if policy is None or number not in policy.versions:
        raise no_such_version(arn, version_id)
    document: str | None = policy.document
    if number != policy.default_version:
        document = read_version_document(call.node.store.reader, policy.id, number)
    if document is None:
        raise no_such_version(arn, version_id)
    is_default = number == policy.default_version
    shape = _version_shape(number, is_default, policy.versions[number])
    return {"PolicyVersion": shape | {"Document": shown(document)}}


async def list_policy_versions(call: Call) -> Output:
    policy = _existing(call)

    def show(number: int) -> dict[str, Any]:
        return _version_shape(number, number == policy.default_version, policy.versions[number])

    # Newest first.
    return page(call, "Versions", policy.versions, lambda number: f"{10**9 - number:09}", show)


async def set_default_policy_version(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        row, number = _changeable_version(transaction, call)
        writes.update_policy(transaction, row["id"], default_version=number, updated=int(call.now))

    await call.node.store.write(change)
    return None


async def delete_policy_version(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        row, number = _changeable_version(transaction, call)
        if number == row["default_version"]:
            raise delete_conflict("Cannot delete the default version of a policy.")
        writes.delete_policy_version(transaction, row["id"], number)

    await call.node.store.write(change)
    return None


# -- what a policy is used by, and its tags --------------------------------------------------


async def list_entities_for_policy(call: Call) -> Output:
    policy = _existing(call)
    prefix, usage = call.input.get("PathPrefix", "/"), call.input.get("PolicyUsageFilter")
    wanted = call.input.get("EntityFilter")

    def uses_it(identity: Identity) -> bool:
        bounded = isinstance(identity, User | Role) and identity.boundary_arn == policy.arn
        attached = policy.arn in identity.attached
        if usage is not None:
            return attached if usage == "PermissionsPolicy" else bounded
        return attached or bounded

    found = [
        identity
        for identity in _identities(call.node.identity)
        if (wanted is None or wanted == identity.kind.capitalize())
        and identity.path.startswith(prefix)
        and uses_it(identity)
    ]
    output = page(call, "found", found, lambda each: f"{each.kind}/{each.name}", lambda each: each)
    shown_identities: list[Identity] = output.pop("found")
    for word in ("Group", "User", "Role"):
        output[f"Policy{word}s"] = [
            {f"{word}Name": each.name, f"{word}Id": each.id}
            for each in shown_identities
            if each.kind.capitalize() == word
        ]
    return output


async def tag_policy(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        row = _changeable(transaction, call)
        tags = merged_tags(row["tags"], call.input["Tags"], "TagsPerPolicy", fold_case=False)
        writes.update_policy(transaction, row["id"], tags=tags)

    await call.node.store.write(change)
    return None


async def untag_policy(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        row = _changeable(transaction, call)
        tags = without_tags(row["tags"], call.input["TagKeys"], fold_case=False)
        writes.update_policy(transaction, row["id"], tags=tags)

    await call.node.store.write(change)
    return None


async def list_policy_tags(call: Call) -> Output:
    return tag_page(call, _existing(call).tags)


class _Uses:
    """How often each managed policy is attached and is a boundary, counted over all identities."""

    def __init__(self, identity: IdentityCache) -> None:
        self.attachments: Counter[str] = Counter()
        self.boundaries: Counter[str] = Counter()
        for each in _identities(identity):
            self.attachments.update(each.attached)
            if isinstance(each, User | Role) and each.boundary_arn is not None:
                self.boundaries[each.boundary_arn] += 1

    def show(self, policy: ManagedPolicy) -> dict[str, Any]:
        return {
            "PolicyName": policy.name,
            "PolicyId": policy.id,
            "Arn": policy.arn,
            "Path": policy.path,
            "DefaultVersionId": f"v{policy.default_version}",
            "AttachmentCount": self.attachments[policy.arn],
            "PermissionsBoundaryUsageCount": self.boundaries[policy.arn],
            "IsAttachable": True,
            "CreateDate": policy.created,
            "UpdateDate": policy.updated,
        }


def _identities(identity: IdentityCache) -> Iterable[Identity]:
    yield from identity.groups()
    yield from identity.users()
    yield from identity.roles()


def _existing(call: Call) -> ManagedPolicy:
    arn = call.input["PolicyArn"]
    refuse_malformed_policy_arn(arn)
    policy = call.node.identity.managed_policy(arn)
    if policy is None:
        raise no_such_policy(arn)
    return policy


def _changeable(
    transaction: Transaction,
    call: Call,
    missing: Callable[[str], ServiceError] = no_such_policy,
) -> RowMapping:
    arn = call.input["PolicyArn"]
    refuse_malformed_policy_arn(arn)
    if arn in aws_managed_policies():
        # AWS's own account owns it, and allows this to nobody.
        raise ServiceError(
            "AccessDenied",
            f"User: {call.caller.principal.arn} is not authorized to perform: "
            f"iam:{call.operation.name} on resource: policy {arn}",
            403,
        )
    row = writes.find_policy(transaction, arn)
    if row is None:
        raise missing(arn)
    return row


def _changeable_version(transaction: Transaction, call: Call) -> tuple[RowMapping, int]:
    version_id = call.input["VersionId"]
    row = _changeable(transaction, call, lambda arn: no_such_version(arn, version_id))
    number = _number(version_id)
    if number not in writes.policy_version_numbers(transaction, row["id"]):
        raise no_such_version(row["arn"], version_id)
    return row, number


def _number(version_id: str) -> int:
    """The number in "v3"; of what cannot be a version here, 0."""
    digits = version_id.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _version_shape(number: int, is_default: bool, created: int) -> dict[str, Any]:
    return {"VersionId": f"v{number}", "IsDefaultVersion": is_default, "CreateDate": created}


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreatePolicy", on_new_policy, create_policy),
    operation("GetPolicy", on_policy, get_policy),
    operation("ListPolicies", on_policy_path, list_policies),
    operation("DeletePolicy", on_policy, delete_policy),
    operation("CreatePolicyVersion", on_policy, create_policy_version),
    operation("GetPolicyVersion", on_policy, get_policy_version),
    operation("ListPolicyVersions", on_policy, list_policy_versions),
    operation("SetDefaultPolicyVersion", on_policy, set_default_policy_version),
    operation("DeletePolicyVersion", on_policy, delete_policy_version),
    operation("ListEntitiesForPolicy", on_policy, list_entities_for_policy),
    operation("TagPolicy", on_policy, tag_policy),
    operation("UntagPolicy", on_policy, untag_policy),
    operation("ListPolicyTags", on_policy, list_policy_tags),
)
