"""Virtual MFA devices: made, enabled for a user by two codes in a row, and taken away again."""

import io
from collections.abc import Sequence
from typing import Any, Final

from daypass.gateway.operation import Call, Operation, Output, Permission
from daypass.services.iam import quotas
from daypass.services.iam.errors import (
    authentication_code_invalid,
    delete_conflict,
    mfa_device_exists,
    mfa_device_in_use,
    mfa_device_not_of_user,
    no_such_mfa_device,
    quota_exceeded,
    validation_error,
)
from daypass.services.iam.identities import current_row, existing_user, identity_shape
from daypass.services.iam.paging import page
from daypass.services.iam.permissions import (
    caller_user_name,
    on_identity,
    on_nothing,
    on_own_user,
    operation,
    permission_on_identity,
    tagged_permission,
)
from daypass.services.iam.tags import merged_tags, new_tags, tag_page, without_tags
from daypass.store import mfa
from daypass.store.engine import Transaction
from daypass.store.identity import IdentityKind, User
from daypass.store.mfa import MfaDevice
from daypass.tokens.totp import base32_seed, new_seed

_USER: Final = IdentityKind.USER
# Characters of a serial number, which is the device's ARN.
_LONGEST_SERIAL: Final = 256
# Pixels of one module of the QR code.
_QR_SCALE: Final = 5


async def create_virtual_mfa_device(call: Call) -> Output:
    arn = _new_arn(call)
    if len(arn) > _LONGEST_SERIAL:
        longest = _LONGEST_SERIAL - len(arn) + len(call.input["VirtualMFADeviceName"])
        raise validation_error(
            "1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {longest}"
        )
    tags = new_tags(call.input.get("Tags", ()))
    seed = new_seed()

    def change(transaction: Transaction) -> None:
        if mfa.arn_is_taken(transaction.connection, arn):
            raise mfa_device_exists()
        if mfa.count_devices(transaction.connection) >= quotas.MFA_DEVICES:
            raise quota_exceeded("VirtualMFADevicesPerAccount", quotas.MFA_DEVICES)
        mfa.insert_device(transaction, arn, seed, tags, call.node.keys)

    await call.node.store.write(change)
    shown = base32_seed(seed)
    shape: dict[str, Any] = {
        "SerialNumber": arn,
        "Base32StringSeed": shown.encode(),
        "QRCodePNG": _qr_code(call, shown),
    }
    if tags:
        shape["Tags"] = call.input["Tags"]
    return {"VirtualMFADevice": shape}


def _qr_code(call: Call, shown_seed: str) -> bytes:
    import segno  # noqa: PLC0415 - 40 ms of import, for an operation that is hardly ever called

    # As the IAM API Reference, "VirtualMFADevice", gives it.
    name = call.input["VirtualMFADeviceName"]
    uri = f"otpauth://totp/{name}@{call.account_id}?secret={shown_seed}"
    picture = io.BytesIO()
    segno.make_qr(uri).save(picture, kind="png", scale=_QR_SCALE)
    return picture.getvalue()


async def enable_mfa_device(call: Call) -> Output:
    user = existing_user(call, call.input["UserName"])
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        user_id = current_row(transaction, user)["id"]
        if _existing(transaction, arn).user_id is not None:
            raise mfa_device_in_use()
        if len(mfa.devices_of(transaction.connection, user_id)) >= quotas.MFA_DEVICES_PER_USER:
            raise quota_exceeded("MFADevicesPerUser", quotas.MFA_DEVICES_PER_USER)
        _synchronize(call, transaction, arn)
        mfa.assign_device(transaction, arn, user_id, call.now)

    await call.node.store.write(change)
    return None


async def resync_mfa_device(call: Call) -> Output:
    user = existing_user(call, call.input["UserName"])
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        _refuse_unless_of(transaction, arn, user)
        _synchronize(call, transaction, arn)

    await call.node.store.write(change)
    return None


async def deactivate_mfa_device(call: Call) -> Output:
    name = call.input.get("UserName") or caller_user_name(call)
    user = None if name is None else existing_user(call, name)
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        _refuse_unless_of(transaction, arn, user)
        mfa.assign_device(transaction, arn, None, call.now)

    await call.node.store.write(change)
    return None


async def delete_virtual_mfa_device(call: Call) -> Output:
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        if _existing(transaction, arn).user_id is not None:
            raise delete_conflict("MFA VirtualDevice in use. Must deactivate first.")
        mfa.delete_device(transaction, arn)

    await call.node.store.write(change)
    return None


async def get_mfa_device(call: Call) -> Output:
    device = mfa.find_device(call.node.store.reader, call.input["SerialNumber"])
    user = _user_of(call, device)
    name = call.input.get("UserName")
    if device is None or user is None or (name is not None and name != user.name):
        raise no_such_mfa_device(call.input["SerialNumber"])
    return _shape(device, user)


async def list_mfa_devices(call: Call) -> Output:
    name = call.input.get("UserName") or caller_user_name(call)
    # The root user is authenticated by its keys alone.
    if name is None:
        return {"MFADevices": [], "IsTruncated": False}
    user = existing_user(call, name)
    devices = mfa.devices_of(call.node.store.reader, user.id)
    return page(call, "MFADevices", devices, _path_and_name, lambda each: _shape(each, user))


async def list_virtual_mfa_devices(call: Call) -> Output:
    status = call.input.get("AssignmentStatus", "Any")
    devices = [
        device
        for device in mfa.all_devices(call.node.store.reader)
        if status == "Any" or (status == "Assigned") == (device.user_id is not None)
    ]

    def show(device: MfaDevice) -> dict[str, Any]:
        user = _user_of(call, device)
        shape: dict[str, Any] = {"SerialNumber": device.arn}
        if user is not None:
            shape |= {"User": identity_shape(user), "EnableDate": device.enabled}
        return shape

    return page(call, "VirtualMFADevices", devices, _path_and_name, show)


async def tag_mfa_device(call: Call) -> Output:
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        existing = _existing(transaction, arn).tags
        tags = merged_tags(existing, call.input["Tags"], "TagsPerMFADevice")
        mfa.set_device_tags(transaction, arn, tags)

    await call.node.store.write(change)
    return None


async def untag_mfa_device(call: Call) -> Output:
    arn = call.input["SerialNumber"]

    def change(transaction: Transaction) -> None:
        tags = without_tags(_existing(transaction, arn).tags, call.input["TagKeys"])
        mfa.set_device_tags(transaction, arn, tags)

    await call.node.store.write(change)
    return None


async def list_mfa_device_tags(call: Call) -> Output:
    device = mfa.find_device(call.node.store.reader, call.input["SerialNumber"])
    if device is None:
        raise no_such_mfa_device(call.input["SerialNumber"])
    return tag_page(call, device.tags)


# -- parts -------------------------------------------------------------------------------------


def _existing(transaction: Transaction, arn: str) -> MfaDevice:
    device = mfa.find_device(transaction.connection, arn)
    if device is None:
        raise no_such_mfa_device(arn)
    return device


def _refuse_unless_of(transaction: Transaction, arn: str, user: User | None) -> None:
    device = _existing(transaction, arn)
    if user is None or device.user_id != current_row(transaction, user)["id"]:
        raise mfa_device_not_of_user()


def _synchronize(call: Call, transaction: Transaction, arn: str) -> None:
    codes = call.input["AuthenticationCode1"], call.input["AuthenticationCode2"]
    if not mfa.synchronize_device(transaction, arn, codes, call.node.keys, call.now):
        raise authentication_code_invalid()


def _user_of(call: Call, device: MfaDevice | None) -> User | None:
    if device is None or device.user_id is None:
        return None
    return call.node.identity.user_by_id(device.user_id)


def _shape(device: MfaDevice, user: User) -> dict[str, Any]:
    return {"UserName": user.name, "SerialNumber": device.arn, "EnableDate": device.enabled}


def _path_and_name(device: MfaDevice) -> str:
    # Without what all ARNs begin with, a marker made of it is never longer than a marker may be.
    return device.arn.partition(":mfa")[2]


def _new_arn(call: Call) -> str:
    path, name = call.input.get("Path", "/"), call.input["VirtualMFADeviceName"]
    return f"arn:aws:iam::{call.account_id}:mfa{path}{name}"


# -- needs -------------------------------------------------------------------------------------


def _on_new_device(call: Call) -> Sequence[Permission]:
    permission = tagged_permission(call, _new_arn(call), {})
    if not call.input.get("Tags"):
        return [permission]
    return [permission, Permission("iam:TagMFADevice", permission.resource, permission.context)]


def _on_device(call: Call) -> Sequence[Permission]:
    arn = call.input["SerialNumber"]
    device = mfa.find_device(call.node.store.reader, arn)
    return [tagged_permission(call, arn, device.tags if device else {})]


def _on_users_device(call: Call) -> Sequence[Permission]:
    if "UserName" not in call.input:
        device = mfa.find_device(call.node.store.reader, call.input["SerialNumber"])
        user = _user_of(call, device)
        if user is not None:
            return [permission_on_identity(call, _USER, user.name)]
    return on_own_user(call)


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("CreateVirtualMFADevice", _on_new_device, create_virtual_mfa_device),
    operation("EnableMFADevice", on_identity(_USER), enable_mfa_device),
    operation("ResyncMFADevice", on_identity(_USER), resync_mfa_device),
    operation("DeactivateMFADevice", on_own_user, deactivate_mfa_device),
    operation("DeleteVirtualMFADevice", _on_device, delete_virtual_mfa_device),
    operation("GetMFADevice", _on_users_device, get_mfa_device),
    operation("ListMFADevices", on_own_user, list_mfa_devices),
    operation("ListVirtualMFADevices", on_nothing, list_virtual_mfa_devices),
    operation("TagMFADevice", _on_device, tag_mfa_device),
    operation("UntagMFADevice", _on_device, untag_mfa_device),
    operation("ListMFADeviceTags", _on_device, list_mfa_device_tags),
)
