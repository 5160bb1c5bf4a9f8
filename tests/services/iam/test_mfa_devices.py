"""Virtual MFA devices, through boto3."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import ACCOUNT, LocalNode, allow, local_node
from tests.mfa import Device, enabled_device, new_device


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def iam(node: LocalNode) -> Any:
    client = node.client("iam")
    for name in ("alice", "bob"):
        client.create_user(UserName=name)
    return client


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


def codes(device: Device, first: float, second: float) -> dict[str, str]:
    return {
        "SerialNumber": device.serial,
        "AuthenticationCode1": device.code(first),
        "AuthenticationCode2": device.code(second),
    }


def not_found(serial: str) -> tuple[str, int, str]:
    message = f"VirtualMFADevice with serial number {serial} does not exist."
    return ("NoSuchEntity", 404, message)


NOT_THE_USERS = ("NoSuchEntity", 404, "MFA Device invalid for user.")
INVALID_CODE = ("InvalidAuthenticationCode", 403, "Authentication code for device is not valid.")


def test_a_device_comes_with_its_seed_and_a_picture_of_it(iam):
    made = iam.create_virtual_mfa_device(Path="/team/", VirtualMFADeviceName="phone")
    device = made["VirtualMFADevice"]
    assert device["SerialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/team/phone"
    assert len(device["Base32StringSeed"]) == 64
    assert device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    assert set(device) == {"SerialNumber", "Base32StringSeed", "QRCodePNG"}


def test_the_seed_is_never_shown_again(node, iam):
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    listed = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert listed == [{"SerialNumber": made["SerialNumber"]}]


@pytest.mark.parametrize("name", ["phone", "Phone"])
def test_a_name_is_taken_whatever_its_case(iam, name):
    new_device(iam, "phone")
    assert refusal(iam.create_virtual_mfa_device, VirtualMFADeviceName=name) == (
        "EntityAlreadyExists",
        409,
        "MFADevice entity at the same path and name already exists.",
    )
    assert new_device(iam, name, Path="/elsewhere/")


def test_a_name_is_as_long_as_a_serial_number_allows(iam):
    longest = 256 - len(f"arn:aws:iam::{ACCOUNT}:mfa/")
    device = new_device(iam, "n" * longest)
    assert iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"] == []
    code, status, message = refusal(
        iam.create_virtual_mfa_device, VirtualMFADeviceName="n" * (longest + 1)
    )
    assert (code, status) == ("ValidationError", 400)
    assert message.endswith(f"must have length less than or equal to {longest}")


def test_two_codes_in_a_row_enable_a_device(node, iam):
    device = new_device(iam, "phone")
    given = codes(device, node.now - 30, node.now)
    assert refusal(iam.enable_mfa_device, UserName="nobody", **given) == (
        "NoSuchEntity",
        404,
        "The user with name nobody cannot be found.",
    )
    iam.enable_mfa_device(UserName="alice", **given)
    [shown] = iam.list_mfa_devices(UserName="alice")["MFADevices"]
    assert shown["UserName"] == "alice"
    assert shown["SerialNumber"] == device.serial
    assert shown["EnableDate"].timestamp() == int(node.now)
    got = iam.get_mfa_device(SerialNumber=device.serial)
    assert (got["UserName"], got["SerialNumber"]) == ("alice", device.serial)
    assert iam.list_mfa_devices(UserName="bob")["MFADevices"] == []


@pytest.mark.parametrize(
    ("first", "second"),
    [(0, 0), (0, -30), (-60, 0), (-1800, -1770), (1800, 1830)],
    ids=["the same twice", "in the wrong order", "not in a row", "too old", "too early"],
)
def test_codes_that_are_not_two_in_a_row_enable_nothing(node, iam, first, second):
    device = new_device(iam, "phone")
    given = codes(device, node.now + first, node.now + second)
    assert refusal(iam.enable_mfa_device, UserName="alice", **given) == INVALID_CODE
    assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []


def test_a_device_is_one_users_until_it_is_deactivated(node, iam):
    device = enabled_device(iam, "alice", node.now)
    given = codes(device, node.now, node.now + 30)
    assert refusal(iam.enable_mfa_device, UserName="bob", **given) == (
        "EntityAlreadyExists",
        409,
        "MFA Device is already in use.",
    )
    assert refusal(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == (
        "DeleteConflict",
        409,
        "MFA VirtualDevice in use. Must deactivate first.",
    )
    of_bob = {"UserName": "bob", "SerialNumber": device.serial}
    assert refusal(iam.deactivate_mfa_device, **of_bob) == NOT_THE_USERS
    assert refusal(iam.resync_mfa_device, UserName="bob", **given) == NOT_THE_USERS
    assert refusal(iam.get_mfa_device, **of_bob) == not_found(device.serial)
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=device.serial)
    assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []
    iam.enable_mfa_device(UserName="bob", **given)
    iam.deactivate_mfa_device(UserName="bob", SerialNumber=device.serial)
    iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    assert refusal(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == not_found(
        device.serial
    )


def test_a_user_with_a_device_is_not_deleted(node, iam):
    device = enabled_device(iam, "alice", node.now)
    assert refusal(iam.delete_user, UserName="alice") == (
        "DeleteConflict",
        409,
        "Cannot delete entity, must delete MFA device first.",
    )
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=device.serial)
    iam.delete_user(UserName="alice")


def test_a_user_has_eight_devices_at_most(node, iam):
    for number in range(8):
        enabled_device(iam, "alice", node.now, f"phone{number}")
    ninth = new_device(iam, "phone8")
    given = codes(ninth, node.now - 30, node.now)
    assert refusal(iam.enable_mfa_device, UserName="alice", **given)[:2] == ("LimitExceeded", 409)
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["MFADevices"], summary["MFADevicesInUse"]) == (9, 8)


def test_devices_are_listed_by_their_status_and_in_pages(node, iam):
    enabled_device(iam, "alice", node.now, "a")
    new_device(iam, "b")
    new_device(iam, "c" * 200)

    def names(**given: Any) -> list[str]:
        pages = iam.get_paginator("list_virtual_mfa_devices").paginate(**given)
        return [
            device["SerialNumber"].rpartition("/")[2]
            for page in pages
            for device in page["VirtualMFADevices"]
        ]

    assert names() == names(AssignmentStatus="Any") == ["a", "b", "c" * 200]
    assert names(AssignmentStatus="Assigned") == ["a"]
    assert names(AssignmentStatus="Unassigned") == ["b", "c" * 200]
    assert names(PaginationConfig={"PageSize": 1}) == ["a", "b", "c" * 200]
    [assigned] = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert assigned["EnableDate"].timestamp() == int(node.now)


def test_tags_of_a_device(iam):
    device = new_device(iam, "phone", Tags=[{"Key": "Team", "Value": "one"}])
    iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "team", "Value": "two"}])
    iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "Cost", "Value": "x"}])
    tags = iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"]
    assert tags == [{"Key": "Cost", "Value": "x"}, {"Key": "team", "Value": "two"}]
    iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=["TEAM"])
    tags = iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"]
    assert tags == [{"Key": "Cost", "Value": "x"}]


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("delete_virtual_mfa_device", {}),
        ("get_mfa_device", {}),
        ("tag_mfa_device", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_mfa_device", {"TagKeys": ["a"]}),
        ("list_mfa_device_tags", {}),
        ("deactivate_mfa_device", {"UserName": "alice"}),
        (
            "enable_mfa_device",
            {"UserName": "alice", "AuthenticationCode1": "123456", "AuthenticationCode2": "123457"},
        ),
        (
            "resync_mfa_device",
            {"UserName": "alice", "AuthenticationCode1": "123456", "AuthenticationCode2": "123457"},
        ),
    ],
)
def test_a_device_that_is_not_there_is_not_found(iam, operation, given):
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/absent"
    assert refusal(getattr(iam, operation), SerialNumber=serial, **given) == not_found(serial)


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", ""])
def test_what_is_not_six_digits_fails_validation(iam, code):
    device = new_device(iam, "phone")
    answer = refusal(
        iam.enable_mfa_device,
        UserName="alice",
        SerialNumber=device.serial,
        AuthenticationCode1=code,
        AuthenticationCode2="123456",
    )
    assert answer[:2] == ("ValidationError", 400)
    assert "authenticationCode1" in answer[2]


def test_users_manage_their_own_devices_by_the_policy_that_aws_publishes(node):
    # IAM User Guide, "AWS: Allows MFA-authenticated IAM users to manage their own MFA device".
    statements = [
        {
            "Effect": "Allow",
            "Action": "iam:CreateVirtualMFADevice",
            "Resource": "arn:aws:iam::*:mfa/${aws:username}",
        },
        {
            "Effect": "Allow",
            "Action": [
                "iam:DeactivateMFADevice",
                "iam:EnableMFADevice",
                "iam:GetMFADevice",
                "iam:ListMFADevices",
                "iam:ResyncMFADevice",
            ],
            "Resource": "arn:aws:iam::*:user/${aws:username}",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    carol, dave = (node.client("iam", node.user(name, policy)) for name in ("carol", "dave"))
    assert refusal(carol.create_virtual_mfa_device, VirtualMFADeviceName="dave")[0] == (
        "AccessDenied"
    )
    device = enabled_device(carol, "carol", node.now)
    assert carol.list_mfa_devices()["MFADevices"][0]["SerialNumber"] == device.serial
    assert carol.get_mfa_device(SerialNumber=device.serial)["UserName"] == "carol"
    assert refusal(dave.get_mfa_device, SerialNumber=device.serial)[0] == "AccessDenied"
    given = {"UserName": "carol", "SerialNumber": device.serial}
    assert refusal(dave.deactivate_mfa_device, **given)[0] == "AccessDenied"
    carol.deactivate_mfa_device(SerialNumber=device.serial)
    code, _, message = refusal(carol.delete_virtual_mfa_device, SerialNumber=device.serial)
    assert code == "AccessDenied"
    assert f"iam:DeleteVirtualMFADevice on resource: {device.serial}" in message


def test_tagging_at_creation_and_tags_of_the_device_are_asked_for(node):
    given = {"Tags": [{"Key": "Team", "Value": "one"}]}
    erin = node.client("iam", node.user("erin", allow("iam:CreateVirtualMFADevice")))
    name = {"VirtualMFADeviceName": "phone"}
    assert "iam:TagMFADevice" in refusal(erin.create_virtual_mfa_device, **name, **given)[2]
    device = new_device(node.client("iam"), "phone", **given)
    condition = {"StringEquals": {"aws:ResourceTag/Team": "one"}}
    frank = node.client(
        "iam", node.user("frank", allow("iam:DeleteVirtualMFADevice", Condition=condition))
    )
    other = new_device(node.client("iam"), "other")
    assert refusal(frank.delete_virtual_mfa_device, SerialNumber=other.serial)[0] == "AccessDenied"
    frank.delete_virtual_mfa_device(SerialNumber=device.serial)
