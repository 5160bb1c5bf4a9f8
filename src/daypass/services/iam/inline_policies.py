"""Inline policies: the same four operations for users, roles and groups."""

from collections.abc import Sequence

from daypass.gateway.operation import Call, Operation, Output
from daypass.policy import policy_size
from daypass.services.iam import quotas
from daypass.services.iam.documents import checked_inline_document, shown
from daypass.services.iam.errors import (
    limit_exceeded,
    no_such_inline_policy,
)
from daypass.services.iam.identities import current_row, existing_identity
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import on_identity, operation
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityKind, writes


def inline_policy_operations(kind: IdentityKind) -> Sequence[Operation]:
    """Put, Get, Delete and List…Policies of one kind of identity."""
    word = kind.capitalize()
    member = f"{word}Name"

    async def put(call: Call) -> Output:
        owner = existing_identity(call, kind, call.input[member])
        name = call.input["PolicyName"]
        document = checked_inline_document(call.input["PolicyDocument"])

        def change(transaction: Transaction) -> None:
            current_row(transaction, owner)
            documents = {**writes.inline_documents(transaction, owner.id), name: document}
            limit = quotas.INLINE_POLICY_SIZE[kind]
            if sum(map(policy_size, documents.values())) > limit:
                raise limit_exceeded(
                    f"Maximum policy size of {limit} bytes exceeded for {kind} {owner.name}"
                )
            writes.put_inline_policy(transaction, kind, owner.id, name, document)

        await call.node.store.write(change)
        return None

    async def get(call: Call) -> Output:
        owner = existing_identity(call, kind, call.input[member])
        document = owner.inline.get(call.input["PolicyName"])
        if document is None:
            raise no_such_inline_policy(kind, call.input["PolicyName"])
        return {
            member: owner.name,
            "PolicyName": call.input["PolicyName"],
            "PolicyDocument": shown(document),
        }

    async def delete(call: Call) -> Output:
        owner = existing_identity(call, kind, call.input[member])
        name = call.input["PolicyName"]

        def change(transaction: Transaction) -> None:
            current_row(transaction, owner)
            if not writes.delete_inline_policy(transaction, kind, owner.id, name):
                raise no_such_inline_policy(kind, name)

        await call.node.store.write(change)
        return None

    async def list_policies(call: Call) -> Output:
        owner = existing_identity(call, kind, call.input[member])
        return page(call, "PolicyNames", owner.inline, str, str)

    needs = on_identity(kind)
    return [
        operation(f"Put{word}Policy", needs, put),
        operation(f"Get{word}Policy", needs, get),
        operation(f"Delete{word}Policy", needs, delete),
        operation(f"List{word}Policies", needs, list_policies),
    ]
