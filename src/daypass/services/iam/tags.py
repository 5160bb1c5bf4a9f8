"""Tags of users, roles and managed policies."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam import quotas
from daypass.services.iam.errors import invalid_input, quota_exceeded
from daypass.services.iam.identities import current_row, existing_identity
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import on_identity, operation
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityKind, Role, User, writes
from daypass.store.identity.records import Tags

GivenTags = Sequence[dict[str, str]]


def new_tags(given: GivenTags, *, fold_case: bool = True) -> dict[str, str]:
    """The tags of something new. Raises `ServiceError` for a key that comes twice.

    fold_case: keys of users and roles differ in more than case, those of policies need not.
    """
    tags = {tag["Key"]: tag["Value"] for tag in given}
    distinct = {key.lower() for key in tags} if fold_case else set(tags)
    if len(distinct) < len(given):
        hint = " Please note that Tag keys are case insensitive." if fold_case else ""
        raise invalid_input(f"Duplicate tag keys found.{hint}")
    return tags


def merged_tags(
    existing: Tags, given: GivenTags, quota: str, *, fold_case: bool = True
) -> dict[str, str]:
    """The existing tags with the given ones in the place of those with their keys."""
    added = new_tags(given, fold_case=fold_case)
    tags = without_tags(existing, added, fold_case=fold_case) | added
    if len(tags) > quotas.TAGS:
        raise quota_exceeded(quota, quotas.TAGS)
    return tags


def without_tags(existing: Tags, keys: Iterable[str], *, fold_case: bool = True) -> dict[str, str]:
    gone = {key.lower() if fold_case else key for key in keys}
    return {
        key: value
        for key, value in existing.items()
        if (key.lower() if fold_case else key) not in gone
    }


def shown_tags(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_page(call: Call, tags: Tags) -> dict[str, Any]:
    # By position: a key in base64 could be longer than a marker may be.
    numbered = [(f"{number:02}", tag) for number, tag in enumerate(shown_tags(tags))]
    return page(call, "Tags", numbered, itemgetter(0), itemgetter(1))


def tag_operations(kind: IdentityKind) -> Sequence[Operation]:
    """Tag, Untag and List…Tags of users or of roles."""
    word = kind.capitalize()
    member = f"{word}Name"

    async def tag(call: Call) -> Output:
        identity = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            row = current_row(transaction, identity)
            tags = merged_tags(row["tags"], call.input["Tags"], f"TagsPer{word}")
            writes.update_identity(transaction, kind, row["id"], tags=tags)

        await call.node.store.write(change)
        return None

    async def untag(call: Call) -> Output:
        identity = existing_identity(call, kind, call.input[member])

        def change(transaction: Transaction) -> None:
            row = current_row(transaction, identity)
            tags = without_tags(row["tags"], call.input["TagKeys"])
            writes.update_identity(transaction, kind, row["id"], tags=tags)

        await call.node.store.write(change)
        return None

    async def list_tags(call: Call) -> Output:
        identity = existing_identity(call, kind, call.input[member])
        return tag_page(call, identity.tags if isinstance(identity, User | Role) else {})

    needs = on_identity(kind)
    return [
        operation(f"Tag{word}", needs, tag),
        operation(f"Untag{word}", needs, untag),
        operation(f"List{word}Tags", needs, list_tags),
    ]
