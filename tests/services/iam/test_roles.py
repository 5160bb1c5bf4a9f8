"""Roles and their trust policies."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from daypass.protocol.errors import ServiceError
from daypass.store.engine import Transaction
from daypass.store.identity import writes
from daypass.tokens import new_unique_id
from tests.services.iam.conftest import ACCOUNT, ALLOW, NOW, document, trust

EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def test_create_and_get_show_what_aws_shows(iam):
    created = iam.do(
        "CreateRole",
        RoleName="worker",
        Path="/svc/",
        AssumeRolePolicyDocument=EC2,
        Description="works",
        MaxSessionDuration=7200,
    )["Role"]
    assert document(created.pop("AssumeRolePolicyDocument")) == json.loads(EC2)
    assert created.pop("RoleId").startswith("AROA")
    assert created == {
        "Path": "/svc/",
        "RoleName": "worker",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/svc/worker",
        "CreateDate": int(NOW),
    }
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert role["MaxSessionDuration"] == 7200
    assert role["Description"] == "works"
    assert role["RoleLastUsed"] == {}
    listed = iam.do("ListRoles", PathPrefix="/svc/")["Roles"][0]
    assert set(role) - set(listed) == {"RoleLastUsed"}


def test_defaults(iam):
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert role["MaxSessionDuration"] == 3600
    assert role["Path"] == "/"
    assert "Description" not in role
    assert "Tags" not in role
    assert "PermissionsBoundary" not in role


def test_errors(iam):
    missing = ("NoSuchEntity", 404, "The role with name worker cannot be found.")
    for operation, given in [
        ("GetRole", {}),
        ("UpdateRole", {"Description": "x"}),
        ("UpdateRoleDescription", {"Description": "x"}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": EC2}),
        ("DeleteRole", {}),
    ]:
        assert iam.refused(operation, RoleName="worker", **given) == missing
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    assert iam.refused("CreateRole", RoleName="Worker", AssumeRolePolicyDocument=EC2) == (
        "EntityAlreadyExists",
        409,
        "Role with name Worker already exists.",
    )


def test_updates(iam):
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    assert iam.do("UpdateRole", RoleName="worker", Description="a", MaxSessionDuration=7200) == {}
    assert iam.do("UpdateRole", RoleName="worker") == {}
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("a", 7200)
    updated = iam.do("UpdateRoleDescription", RoleName="worker", Description="b")["Role"]
    assert updated["Description"] == "b"
    assert "MaxSessionDuration" not in updated
    assert iam.do("GetRole", RoleName="worker")["Role"]["Description"] == "b"


def test_trust_policies_name_users_and_roles_that_exist(iam):
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    refusal = (
        "MalformedPolicyDocument",
        400,
        f'Invalid principal in policy: "AWS":"{arn}"',
    )
    given = {"RoleName": "worker", "AssumeRolePolicyDocument": trust(arn)}
    assert iam.refused("CreateRole", **given) == refusal
    user = iam.do("CreateUser", UserName="alice")["User"]
    created = iam.do("CreateRole", **given)["Role"]
    assert document(created["AssumeRolePolicyDocument"]) == json.loads(trust(arn))
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert document(role["AssumeRolePolicyDocument"]) == json.loads(trust(arn))
    assert user["UserId"] in iam.node.identity.role("worker").trust_document
    iam.do("DeleteUser", UserName="alice")
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert document(role["AssumeRolePolicyDocument"]) == json.loads(trust(user["UserId"]))
    assert iam.refused(
        "UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=trust(user["UserId"])
    ) == ("MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{user["UserId"]}"')
    iam.do("UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=EC2)
    role = iam.do("GetRole", RoleName="worker")["Role"]
    assert document(role["AssumeRolePolicyDocument"]) == json.loads(EC2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("null", "This policy contains invalid Json"),
        ("{}", "Could not parse the policy: Statement is empty!"),
        (ALLOW, "Has prohibited field Resource"),
        (
            EC2.replace("sts:AssumeRole", "s3:GetObject"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (EC2.replace('"Effect"', '"Resource": "*", "Effect"'), "Has prohibited field Resource"),
        (EC2.replace('"Allow"', '"Perhaps"'), "Invalid effect: Perhaps"),
        (
            EC2.replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'),
            "This policy contains invalid Json",
        ),
        (
            EC2.replace('{"Service": "ec2.amazonaws.com"}', '"*"'),
            "Principal must be a JSON object.",
        ),
    ],
)
def test_malformed_trust_policies_are_refused(iam, text, message):
    refusal = ("MalformedPolicyDocument", 400, message)
    given = {"RoleName": "worker", "AssumeRolePolicyDocument": text}
    assert iam.refused("CreateRole", **given) == refusal
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    given = {"RoleName": "worker", "PolicyDocument": text}
    assert iam.refused("UpdateAssumeRolePolicy", **given) == refusal


def test_the_size_of_a_trust_policy_is_limited_without_its_white_space(iam):
    roomy = EC2.replace("{", "{" + " " * 3000)
    iam.do("CreateRole", RoleName="roomy", AssumeRolePolicyDocument=roomy)
    accounts = [f"{number:012}" for number in range(1, 150)]
    assert iam.refused(
        "CreateRole", RoleName="large", AssumeRolePolicyDocument=trust(*accounts)
    ) == ("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048")


def test_a_role_that_has_policies_is_not_deleted(iam):
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.do("AttachRolePolicy", RoleName="worker", PolicyArn=arn)
    iam.do("PutRolePolicy", RoleName="worker", PolicyName="p", PolicyDocument=ALLOW)
    assert iam.refused("DeleteRole", RoleName="worker") == (
        "DeleteConflict",
        409,
        "Cannot delete entity, must detach all policies first.",
    )
    iam.do("DetachRolePolicy", RoleName="worker", PolicyArn=arn)
    assert iam.refused("DeleteRole", RoleName="worker") == (
        "DeleteConflict",
        409,
        "Cannot delete entity, must delete policies first.",
    )
    iam.do("DeleteRolePolicy", RoleName="worker", PolicyName="p")
    assert iam.do("ListInstanceProfilesForRole", RoleName="worker")["InstanceProfiles"] == []
    iam.do("DeleteRole", RoleName="worker")
    assert iam.node.identity.role("worker") is None


@pytest.mark.parametrize("path", ["/", "/admin/"])
def test_what_was_replaced_since_it_was_authorized_is_not_touched(iam, path):
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=EC2)
    old = iam.node.identity.role("worker")
    store = iam.node.store

    def replace(transaction: Transaction) -> None:
        writes.delete_identity(transaction, old.kind, old.id)
        writes.insert_identity(
            transaction,
            old.kind,
            new_unique_id("AROA"),
            name=old.name,
            path=path,
            now=NOW,
            boundary=None,
            tags={},
            description=None,
            max_session_duration=3600,
            trust=EC2,
        )

    async def write_late(change: object) -> object:
        await store.write(replace)
        return await store.write(change)

    call = iam.call("DeleteRole", RoleName="worker")
    call.node = SimpleNamespace(**{**vars(iam.node), "store": SimpleNamespace(write=write_late)})
    with pytest.raises(ServiceError) as refusal:
        asyncio.run(call.operation.perform(call))
    assert refusal.value.code == "NoSuchEntity"
    assert iam.do("GetRole", RoleName="worker")["Role"]["Path"] == path
