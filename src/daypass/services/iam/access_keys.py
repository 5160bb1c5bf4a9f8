"""Access keys of users and of the root user."""

from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam import quotas
from daypass.services.iam.errors import no_such_access_key, quota_exceeded, validation_error
from daypass.services.iam.identities import current_row, existing_user
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import caller_user_name, on_own_user, operation
from daypass.store.engine import Transaction
from daypass.store.identity import AccessKey, User, writes
from daypass.tokens import new_access_key_id, new_secret_access_key


async def create_access_key(call: Call) -> Output:
    user = _user(call)
    access_key_id = new_access_key_id("AKIA", call.account_id)
    secret = new_secret_access_key()

    def change(transaction: Transaction) -> None:
        user_id = _user_id(transaction, user)
        if len(writes.access_key_ids(transaction, user_id)) >= quotas.ACCESS_KEYS_PER_USER:
            raise quota_exceeded("AccessKeysPerUser", quotas.ACCESS_KEYS_PER_USER)
        writes.insert_access_key(
            transaction, access_key_id, user_id, secret=secret, keys=call.node.keys, now=call.now
        )

    await call.node.store.write(change)
    shape: dict[str, Any] = {
        "AccessKeyId": access_key_id,
        "Status": "Active",
        "SecretAccessKey": secret,
        "CreateDate": int(call.now),
    }
    if user is not None:
        shape["UserName"] = user.name
    return {"AccessKey": shape}


async def list_access_keys(call: Call) -> Output:
    user = _user(call)
    keys = call.node.identity.access_keys_of(None if user is None else user.id)
    return page(call, "AccessKeyMetadata", keys, lambda key: f"{key.created:012} {key.id}", _show)


async def update_access_key(call: Call) -> Output:
    access_key_id, status = call.input["AccessKeyId"], call.input["Status"]
    if status not in ("Active", "Inactive"):
        raise validation_error(
            "1 validation error detected: Value at 'status' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Active, Inactive]"
        )
    user = _user(call)

    def change(transaction: Transaction) -> None:
        user_id = _user_id(transaction, user)
        active = status == "Active"
        if not writes.set_access_key_status(transaction, access_key_id, user_id, active):
            raise no_such_access_key(access_key_id)

    await call.node.store.write(change)
    return None


async def delete_access_key(call: Call) -> Output:
    access_key_id, user = call.input["AccessKeyId"], _user(call)

    def change(transaction: Transaction) -> None:
        user_id = _user_id(transaction, user)
        if not writes.delete_access_key(transaction, access_key_id, user_id):
            raise no_such_access_key(access_key_id)

    await call.node.store.write(change)
    return None


def _user(call: Call) -> User | None:
    """The user the input names, or else the caller; None: the root user."""
    name = call.input.get("UserName") or caller_user_name(call)
    return None if name is None else existing_user(call, name)


def _user_id(transaction: Transaction, user: User | None) -> str | None:
    return None if user is None else str(current_row(transaction, user)["id"])


def _show(key: AccessKey) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }
    if key.user is not None:
        shape["UserName"] = key.user
    return shape


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreateAccessKey", on_own_user, create_access_key),
    operation("ListAccessKeys", on_own_user, list_access_keys),
    operation("UpdateAccessKey", on_own_user, update_access_key),
    operation("DeleteAccessKey", on_own_user, delete_access_key),
)
