"""Ways to more permissions through IAM itself.

As in CVE-2022-24842, CVE-2025-62506 (MinIO) and GHSA-cwq8-g58r-32hg.
"""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError


def allow(*actions: str, resource: Any = "*", **further: Any) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **further}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**given)
    return str(refusal.value.response["Error"]["Code"])


class World:
    """A user without permissions in the shared server, and what root does for it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.root = server.client("iam")
        self.name = f"m{uuid4().hex[:16]}"
        self.arn = self.root.create_user(UserName=self.name)["User"]["Arn"]
        key = self.root.create_access_key(UserName=self.name)["AccessKey"]
        self.credentials = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    def grant(self, policy: str) -> None:
        self.root.put_user_policy(UserName=self.name, PolicyName="p", PolicyDocument=policy)

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:
        if credentials is None:
            return self.server.client(service, **self.credentials)
        return self.server.client(
            service,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def role(self, policy: str) -> str:
        """A role of the user's name that only the user may assume."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": self.arn},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.root.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)
        self.root.put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=policy)
        return str(made["Role"]["Arn"])


@pytest.fixture
def world(server) -> World:
    return World(server)


def test_a_user_without_policies_can_change_nothing_not_even_itself(world):
    iam = world.client("iam")
    me = {"UserName": world.name}
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refused(iam.create_access_key) == "AccessDenied"
    assert refused(iam.create_access_key, **me) == "AccessDenied"
    assert refused(iam.attach_user_policy, PolicyArn=admin, **me) == "AccessDenied"
    policy = {"PolicyName": "p", "PolicyDocument": allow("*")}
    assert refused(iam.put_user_policy, **policy, **me) == "AccessDenied"
    assert refused(iam.delete_user_permissions_boundary, **me) == "AccessDenied"
    assert refused(iam.tag_user, Tags=[{"Key": "a", "Value": "b"}], **me) == "AccessDenied"


def test_what_is_allowed_on_oneself_is_not_allowed_on_others(world):
    world.grant(allow("iam:*AccessKey*", "iam:PutUserPolicy", resource=world.arn))
    other = World(world.server)
    iam = world.client("iam")
    iam.create_access_key()
    assert refused(iam.create_access_key, UserName=other.name) == "AccessDenied"
    assert refused(iam.list_access_keys, UserName=other.name) == "AccessDenied"
    key_id = other.credentials["aws_access_key_id"]
    assert refused(iam.delete_access_key, AccessKeyId=key_id) == "NoSuchEntity"
    assert refused(iam.delete_access_key, AccessKeyId=world.server.access_key_id) == "NoSuchEntity"
    other.client("sts").get_caller_identity()


def test_the_right_to_rename_does_not_reach_into_another_path(world):
    prefix = world.arn.removesuffix(world.name)
    world.grant(allow("iam:UpdateUser", resource=f"{prefix}{world.name}"))
    iam = world.client("iam")
    given = {"UserName": world.name}
    assert refused(iam.update_user, NewPath="/admins/", **given) == "AccessDenied"
    assert refused(iam.update_user, NewUserName="admin", **given) == "AccessDenied"


def test_a_narrowed_session_makes_no_lasting_credentials_that_are_wider(world):
    role = world.role(allow("iam:*", "s3:*"))
    narrowed = world.client("sts").assume_role(
        RoleArn=role, RoleSessionName="session", Policy=allow("s3:ListAllMyBuckets")
    )["Credentials"]
    iam = world.client("iam", narrowed)
    assert refused(iam.create_access_key, UserName=world.name) == "AccessDenied"
    assert refused(iam.create_user, UserName=f"{world.name}x") == "AccessDenied"
    assert refused(iam.get_user, UserName=world.name) == "AccessDenied"
    whole = world.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    world.client("iam", whole).get_user(UserName=world.name)


def test_a_session_token_without_mfa_does_not_reach_iam(world):
    world.grant(allow("*"))
    session = world.client("sts").get_session_token()["Credentials"]
    assert refused(world.client("iam", session).list_users) == "InvalidClientTokenId"
    assert world.client("sts", session).get_caller_identity()["Arn"] == world.arn
    world.client("iam").list_users()


def test_a_boundary_limits_an_administrator_who_can_lift_it_only_if_allowed_to(world):
    own_arn = f"arn:aws:iam::{world.server.account_id}:policy/{world.name}"
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:*PermissionsBoundary", "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:*Policy*", "Resource": own_arn},
            ],
        }
    )
    bounds = world.root.create_policy(PolicyName=world.name, PolicyDocument=document)["Policy"]
    world.grant(allow("*"))
    world.root.put_user_permissions_boundary(UserName=world.name, PermissionsBoundary=bounds["Arn"])
    iam = world.client("iam")
    iam.list_users()
    assert refused(iam.delete_user_permissions_boundary, UserName=world.name) == "AccessDenied"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert (
        refused(iam.put_user_permissions_boundary, UserName=world.name, PermissionsBoundary=admin)
        == "AccessDenied"
    )
    version = {"PolicyDocument": allow("*"), "SetAsDefault": True}
    assert refused(iam.create_policy_version, PolicyArn=bounds["Arn"], **version) == "AccessDenied"


def test_the_right_to_attach_one_policy_attaches_no_other(world):
    condition = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSDenyAll"}}
    world.grant(allow("iam:AttachUserPolicy", Condition=condition))
    iam = world.client("iam")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    given = {"UserName": world.name}
    assert refused(iam.attach_user_policy, PolicyArn=admin, **given) == "AccessDenied"
    iam.attach_user_policy(PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll", **given)


def test_sessions_of_a_deleted_role_end_even_if_it_is_made_again(world):
    role = world.role(allow("iam:*"))
    session = world.client("sts").assume_role(RoleArn=role, RoleSessionName="session")[
        "Credentials"
    ]
    iam = world.client("iam", session)
    iam.list_users()
    world.root.delete_role_policy(RoleName=world.name, PolicyName="p")
    assert refused(iam.list_users) == "AccessDenied"
    world.root.delete_role(RoleName=world.name)
    assert refused(iam.list_users) == "InvalidClientTokenId"
    world.role(allow("iam:*"))
    assert refused(iam.list_users) == "InvalidClientTokenId"


def test_aws_managed_policies_are_nobodys_to_change(server):
    root = server.client("iam")
    given = {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    version = {"PolicyDocument": allow("*"), "SetAsDefault": True}
    assert refused(root.create_policy_version, **version, **given) == "AccessDenied"
    assert refused(root.delete_policy, **given) == "AccessDenied"
    # Nor is there a name of the account's that could be taken for one of them.
    made = root.create_policy(PolicyName="ReadOnlyAccess", PolicyDocument=allow("s3:*"))["Policy"]
    assert made["Arn"].startswith(f"arn:aws:iam::{server.account_id}:policy/")
    root.delete_policy(PolicyArn=made["Arn"])
