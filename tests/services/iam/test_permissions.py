"""What IAM's operations need allowed, and which sessions may not call it at all."""

import json
from dataclasses import replace

import pytest
from botocore.loaders import Loader

from daypass.policy import Principal, PrincipalKind
from daypass.services.iam import SERVICE
from daypass.tokens import Session, SessionKind, SessionPolicies
from tests.services.iam.conftest import ACCOUNT, ALLOW, trust

USERS = f"arn:aws:iam::{ACCOUNT}:user"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limits"
AWS_ARN = "arn:aws:iam::aws:policy/AWSDenyAll"


def session(kind: SessionKind, *, mfa: bool) -> Session:
    return Session(
        accessor="a",
        access_key_id="ASIA",
        account=ACCOUNT,
        kind=kind,
        subject_id="AIDA",
        subject_name="alice",
        session_name="s",
        issued=0,
        expires=1,
        session_policies=SessionPolicies(),
        mfa=mfa,
    )


def test_every_operation_exists_at_aws_and_needs_its_own_action(iam):
    model = Loader().load_service_model("iam", "service-2")
    samples = {
        "UserName": "u",
        "RoleName": "r",
        "GroupName": "g",
        "PolicyName": "p",
        "PolicyArn": AWS_ARN,
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "PermissionsBoundary": BOUNDARY,
        "Tags": [],
        "TagKeys": [],
    }
    for name in SERVICE.operations:
        shape = model["shapes"].get(model["operations"][name].get("input", {}).get("shape"), {})
        given = {member: samples.get(member, "x") for member in shape.get("required", ())}
        permissions = iam.needs(name, **given)
        assert permissions, name
        assert {each.action for each in permissions} == {f"iam:{name}"}


def test_resources_have_the_path_of_what_exists(iam):
    iam.do("CreateUser", UserName="alice", Path="/division/")
    assert iam.needs("GetUser", UserName="alice")[0].resource == f"{USERS}/division/alice"
    assert iam.needs("GetUser", UserName="nobody")[0].resource == f"{USERS}/nobody"
    created = iam.needs("CreateUser", UserName="bob", Path="/x/")[0]
    assert created.resource == f"{USERS}/x/bob"
    assert iam.needs("ListUsers")[0].resource == f"{USERS}/"
    assert iam.needs("ListUsers", PathPrefix="/x/")[0].resource == f"{USERS}/x/"
    assert iam.needs("GetPolicy", PolicyArn=AWS_ARN)[0].resource == AWS_ARN
    assert iam.needs("GetAccountSummary")[0].resource == "*"


def test_a_rename_is_needed_on_what_it_is_and_what_it_will_be(iam):
    iam.do("CreateUser", UserName="alice", Path="/a/")
    needs = iam.needs("UpdateUser", UserName="alice", NewUserName="admin", NewPath="/b/")
    assert [each.resource for each in needs] == [f"{USERS}/a/alice", f"{USERS}/b/admin"]
    needs = iam.needs("UpdateUser", UserName="alice", NewUserName="admin")
    assert [each.resource for each in needs] == [f"{USERS}/a/alice", f"{USERS}/a/admin"]
    assert len(iam.needs("UpdateUser", UserName="alice")) == 1


def test_tags_given_at_creation_need_the_permission_to_tag(iam):
    tags = [{"Key": "Team", "Value": "A"}]
    for operation, given in [
        ("CreateUser", {"UserName": "u"}),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": trust("*")}),
        ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": ALLOW}),
    ]:
        create, tag = iam.needs(operation, Tags=tags, **given)
        assert tag.action == f"iam:Tag{operation.removeprefix('Create')}"
        assert tag.resource == create.resource
        for permission in (create, tag):
            assert permission.context["aws:requesttag/team"] == "A"
            assert permission.context["aws:tagkeys"] == ("Team",)


def test_condition_keys_of_the_target(iam):
    iam.do("CreatePolicy", PolicyName="limits", PolicyDocument=ALLOW)
    tags = [{"Key": "Team", "Value": "A"}]
    iam.do("CreateUser", UserName="alice", PermissionsBoundary=BOUNDARY, Tags=tags)
    read = iam.needs("GetUser", UserName="alice")[0].context
    assert read == {"aws:resourcetag/team": "A", "iam:resourcetag/team": "A"}
    attach = iam.needs("AttachUserPolicy", UserName="alice", PolicyArn=AWS_ARN)[0].context
    assert attach["iam:policyarn"] == AWS_ARN
    assert attach["iam:permissionsboundary"] == BOUNDARY
    for operation, given in [
        ("PutUserPolicy", {"PolicyName": "p", "PolicyDocument": ALLOW}),
        ("DeleteUserPolicy", {"PolicyName": "p"}),
        ("DeleteUserPermissionsBoundary", {}),
        ("DetachUserPolicy", {"PolicyArn": AWS_ARN}),
    ]:
        context = iam.needs(operation, UserName="alice", **given)[0].context
        assert context["iam:permissionsboundary"] == BOUNDARY
    # Of a request to set another one, the value is the one asked for.
    put = iam.needs("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=AWS_ARN)
    assert put[0].context["iam:permissionsboundary"] == AWS_ARN
    new = iam.needs("CreateUser", UserName="bob", PermissionsBoundary=AWS_ARN)
    assert new[0].context["iam:permissionsboundary"] == AWS_ARN
    assert "iam:permissionsboundary" not in iam.needs("CreateUser", UserName="bob")[0].context
    untag = iam.needs("UntagUser", UserName="alice", TagKeys=["Team"])[0].context
    assert untag["aws:tagkeys"] == ("Team",)


@pytest.mark.parametrize(
    ("kind", "mfa", "may"),
    [
        (SessionKind.ASSUMED_ROLE, False, True),
        (SessionKind.SESSION_TOKEN, True, True),
        (SessionKind.SESSION_TOKEN, False, False),
        (SessionKind.FEDERATED_USER, False, False),
        (SessionKind.FEDERATED_USER, True, False),
    ],
)
def test_which_sessions_may_call_iam(iam, kind, mfa, may):
    caller = replace(iam, session=session(kind, mfa=mfa))
    for operation in ("ListUsers", "GetAccountSummary", "CreateAccessKey"):
        if may:
            assert caller.needs(operation)
            continue
        assert caller.refused(operation) == (
            "InvalidClientTokenId",
            403,
            "The security token included in the request is invalid",
        )


def test_a_role_session_must_say_which_user(iam):
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=trust("*"))
    role = iam.node.identity.role("worker")
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s"
    worker = replace(
        iam, principal=Principal(PrincipalKind.ROLE_SESSION, ACCOUNT, arn, role.arn, role.id)
    )
    for operation, given in [
        ("GetUser", {}),
        ("CreateAccessKey", {}),
        ("ListAccessKeys", {}),
        ("DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ]:
        assert worker.refused(operation, **given) == (
            "ValidationError",
            400,
            "Must specify userName when calling with non-User credentials",
        )


def test_the_account_summary_counts_and_states_the_quotas(iam):
    iam.do("CreateUser", UserName="alice")
    iam.do("CreateGroup", GroupName="staff")
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=trust("*"))
    iam.do("CreatePolicy", PolicyName="limits", PolicyDocument=ALLOW)
    iam.do("CreatePolicyVersion", PolicyArn=BOUNDARY, PolicyDocument=ALLOW)
    summary = iam.do("GetAccountSummary")["SummaryMap"]
    counted = ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse")
    assert [summary[name] for name in counted] == [1, 1, 1, 1, 2]
    # As recorded from AWS.
    assert summary["AccessKeysPerUserQuota"] == 2
    assert summary["AssumeRolePolicySizeQuota"] == 2048
    assert summary["UsersQuota"] == 5000
    assert summary["VersionsPerPolicyQuota"] == 5
    assert json.dumps(summary)
