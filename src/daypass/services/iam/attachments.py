"""Managed policies attached to users, roles and groups, and permissions boundaries."""

import re
from collections.abc import Sequence
from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam import quotas
from daypass.services.iam.errors import (
    invalid_input,
    no_such_entity,
    no_such_policy,
    not_attachable,
    quota_exceeded,
    validation_error,
)
from daypass.services.iam.identities import current_row, existing_identity
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import on_identity, operation
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityKind, ManagedPolicy, writes
from daypass.store.identity.aws_managed import aws_managed_policies

POLICY_ARN: Final = re.compile(r"arn:aws:iam::(?:\d{12}|aws):policy/(?:[!-~]+/)?[\w+=,.@-]+\Z")


def refuse_malformed_policy_arn(arn: str) -> None:
    """Raises `ServiceError` for what cannot be a managed policy's ARN."""
    if not POLICY_ARN.match(arn):
        raise validation_error(f"ARN {arn} is not valid.")


def policy_exists(transaction: Transaction, arn: str) -> bool:
    """Whether there is such a managed policy, of the account or of AWS."""
    return arn in aws_managed_policies() or writes.find_policy(transaction, arn) is not None


def refuse_unusable_boundary(transaction: Transaction, arn: str | None) -> None:
    """Raises `ServiceError` for a permissions boundary that is no managed policy."""
    if arn is None:
        return
    if not POLICY_ARN.match(arn):
        raise invalid_input(f"ARN {arn} is not valid.")
    if not policy_exists(transaction, arn):
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")


def attachment_operations(kind: IdentityKind) -> Sequence[Operation]:
    """Attach, Detach and ListAttached…Policies of one kind of identity."""
    word = kind.capitalize()
    member = f"{word}Name"

    async def attach(call: Call) -> Output:
        arn = call.input["PolicyArn"]
        refuse_malformed_policy_arn(arn)
        owner = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            current_row(transaction, owner)
            if not policy_exists(transaction, arn):
                raise not_attachable(arn)
            attached = writes.attached_arns(transaction, owner.id)
            if arn in attached:
                return
            if len(attached) >= quotas.ATTACHED_POLICIES:
                raise quota_exceeded(f"PoliciesPer{word}", quotas.ATTACHED_POLICIES)
            writes.attach(transaction, kind, owner.id, arn)

        await call.node.store.write(change)
        return None

    async def detach(call: Call) -> Output:
        arn = call.input["PolicyArn"]
        refuse_malformed_policy_arn(arn)
        owner = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            current_row(transaction, owner)
            if not writes.detach(transaction, kind, owner.id, arn):
                raise no_such_policy(arn)

        await call.node.store.write(change)
        return None

    async def list_attached(call: Call) -> Output:
        owner = existing_identity(call, kind, call.input[member])
        prefix = call.input.get("PathPrefix", "/")
        found = (call.node.identity.managed_policy(arn) for arn in owner.attached)
        policies = [each for each in found if each is not None and each.path.startswith(prefix)]
        return page(call, "AttachedPolicies", policies, _by_name, _show)

    needs = on_identity(kind)
    return [
        operation(f"Attach{word}Policy", needs, attach),
        operation(f"Detach{word}Policy", needs, detach),
        operation(f"ListAttached{word}Policies", needs, list_attached),
    ]


def boundary_operations(kind: IdentityKind) -> Sequence[Operation]:
    """Put and Delete…PermissionsBoundary of users or of roles."""
    word = kind.capitalize()
    member = f"{word}Name"

    async def put(call: Call) -> Output:
        identity = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            current_row(transaction, identity)
            refuse_unusable_boundary(transaction, call.input["PermissionsBoundary"])
            boundary = call.input["PermissionsBoundary"]
            writes.update_identity(transaction, kind, identity.id, boundary=boundary)

        await call.node.store.write(change)
        return None

    async def delete(call: Call) -> Output:
        identity = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            current_row(transaction, identity)
            writes.update_identity(transaction, kind, identity.id, boundary=None)

        await call.node.store.write(change)
        return None

    needs = on_identity(kind)
    return [
        operation(f"Put{word}PermissionsBoundary", needs, put),
        operation(f"Delete{word}PermissionsBoundary", needs, delete),
    ]


def _by_name(policy: ManagedPolicy) -> str:
    # AWS's own and the account's may share a name.
    return f"{policy.name} {policy.arn}"


def _show(policy: ManagedPolicy) -> dict[str, Any]:
    return {"PolicyName": policy.name, "PolicyArn": policy.arn}
