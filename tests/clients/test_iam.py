"""boto3 against IAM: what it reads back, and that what IAM says holds from the next request."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*", **further: Any) -> str:
    return document({"Effect": "Allow", "Action": list(actions), "Resource": resource, **further})


def trust(principal: str) -> str:
    return document(
        {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    )


def code_of(call: Any, **given: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def iam(server) -> Any:
    return server.client("iam")


@pytest.fixture
def name() -> str:
    """A name of this test's own in the server that all tests share."""
    return f"t{uuid4().hex[:16]}"


@pytest.fixture
def user(server, iam, name) -> Any:
    """A user without permissions, and clients for it."""
    created = iam.create_user(UserName=name, Path="/clients/")["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    return created, lambda service: server.client(service, **credentials), key


def test_a_user_made_by_root_is_who_it_is(user, server):
    created, client, _ = user
    assert created["Arn"] == f"arn:aws:iam::{server.account_id}:user/clients/{created['UserName']}"
    identity = client("sts").get_caller_identity()
    assert identity["Arn"] == created["Arn"]
    assert identity["UserId"] == created["UserId"]


def test_a_user_may_do_what_its_policies_say_from_the_next_request(user, iam, name):
    _, client, _ = user
    mine = client("iam")
    assert code_of(mine.list_users) == ("AccessDenied", 403)
    iam.put_user_policy(UserName=name, PolicyName="list", PolicyDocument=allow("iam:ListUsers"))
    assert mine.list_users()["Users"]
    iam.delete_user_policy(UserName=name, PolicyName="list")
    assert code_of(mine.list_users) == ("AccessDenied", 403)


def test_a_refusal_names_caller_action_and_resource(user, server, name):
    created, client, _ = user
    with pytest.raises(ClientError) as refused:
        client("iam").get_user(UserName=name)
    assert refused.value.response["Error"]["Message"] == (
        f"User: {created['Arn']} is not authorized to perform: iam:GetUser on resource: "
        f"{created['Arn']} because no identity-based policy allows the iam:GetUser action"
    )


def test_managed_policies_versions_and_boundaries_hold(user, server, iam, name):
    _, client, _ = user
    mine = client("iam")
    policy = iam.create_policy(PolicyName=name, PolicyDocument=allow("iam:ListUsers"))["Policy"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy["Arn"])
    mine.list_users()
    iam.create_policy_version(
        PolicyArn=policy["Arn"], PolicyDocument=allow("iam:ListRoles"), SetAsDefault=True
    )
    assert code_of(mine.list_users) == ("AccessDenied", 403)
    mine.list_roles()
    bounds = iam.create_policy(PolicyName=f"{name}b", PolicyDocument=allow("s3:*"))["Policy"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=bounds["Arn"])
    assert code_of(mine.list_roles) == ("AccessDenied", 403)
    iam.delete_user_permissions_boundary(UserName=name)
    mine.list_roles()
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("iam:ListPolicies"))
    assert any(each["Arn"] == policy["Arn"] for each in mine.list_policies()["Policies"])
    read = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v1")["PolicyVersion"]
    # botocore decodes the document itself.
    assert read["Document"] == json.loads(allow("iam:ListUsers"))
    assert read["IsDefaultVersion"] is False


def test_a_groups_policies_hold_for_its_members(user, iam, name):
    _, client, _ = user
    mine = client("iam")
    iam.create_group(GroupName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert code_of(mine.get_account_summary) == ("AccessDenied", 403)
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert mine.get_account_summary()["SummaryMap"]["Users"] >= 1
    iam.remove_user_from_group(GroupName=name, UserName=name)
    assert code_of(mine.get_account_summary) == ("AccessDenied", 403)


def test_an_inactive_or_deleted_access_key_is_refused(user, iam, name):
    _, client, key = user
    sts = client("sts")
    sts.get_caller_identity()
    given = {"UserName": name, "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(Status="Inactive", **given)
    assert code_of(sts.get_caller_identity) == ("InvalidClientTokenId", 403)
    iam.update_access_key(Status="Active", **given)
    sts.get_caller_identity()
    iam.delete_access_key(**given)
    assert code_of(sts.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_a_role_trusts_the_user_and_not_the_next_of_its_name(user, server, iam, name):
    created, client, key = user
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(created["Arn"]))["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust(created["Arn"]))
    given = {"RoleArn": role["Arn"], "RoleSessionName": "session"}
    client("sts").assume_role(**given)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)
    shown = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"] == created["UserId"]
    again = iam.create_user(UserName=name, Path="/clients/")["User"]
    assert again["Arn"] == created["Arn"]
    new = iam.create_access_key(UserName=name)["AccessKey"]
    stranger = server.client(
        "sts",
        aws_access_key_id=new["AccessKeyId"],
        aws_secret_access_key=new["SecretAccessKey"],
    )
    assert code_of(stranger.assume_role, **given) == ("AccessDenied", 403)


def test_errors_arrive_as_botocores_own_exceptions(iam, name):
    iam.create_user(UserName=name)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=name)
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument="{}")
    iam.create_access_key(UserName=name)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_user(UserName=name)
    iam.create_access_key(UserName=name)
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_access_key(UserName=name)
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.tag_user(UserName=name, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])


def test_paginators_walk_all_pages(iam, name):
    names = [f"{name}-{number}" for number in range(5)]
    for each in names:
        iam.create_user(UserName=each, Path=f"/{name}/")
    pages = list(
        iam.get_paginator("list_users").paginate(
            PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["Users"]) for page in pages] == [2, 2, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names


def test_what_is_not_validated_by_the_client_is_by_the_server(server, name):
    iam = server.client("iam", config=Config(parameter_validation=False))
    assert code_of(iam.create_user, UserName="a b") == ("ValidationError", 400)
    assert code_of(iam.create_user, UserName="") == ("ValidationError", 400)
    assert code_of(iam.create_user, UserName=name, Path="no-slash") == ("ValidationError", 400)
    assert code_of(iam.create_role, RoleName=name) == ("ValidationError", 400)
    assert code_of(iam.list_users, MaxItems=0) == ("ValidationError", 400)
    assert code_of(iam.update_access_key, AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="Perhaps") == (
        "ValidationError",
        400,
    )


def test_an_operation_that_is_not_there_is_named(iam):
    with pytest.raises(ClientError) as refused:
        iam.list_server_certificates()
    assert "ListServerCertificates" in refused.value.response["Error"]["Message"]


def test_tags_and_conditions_on_them(user, iam, name):
    _, client, _ = user
    condition = {"StringEquals": {"aws:RequestTag/team": "a"}}
    iam.put_user_policy(
        UserName=name,
        PolicyName="tagged",
        PolicyDocument=allow("iam:CreateUser", "iam:TagUser", Condition=condition),
    )
    mine = client("iam")
    given = {"UserName": f"{name}x"}
    assert code_of(mine.create_user, **given) == ("AccessDenied", 403)
    wrong = [{"Key": "team", "Value": "b"}]
    assert code_of(mine.create_user, Tags=wrong, **given) == ("AccessDenied", 403)
    tags = [{"Key": "team", "Value": "a"}]
    assert mine.create_user(Tags=tags, **given)["User"]["Tags"] == tags
    assert iam.list_user_tags(**given)["Tags"] == tags


def test_a_boundary_can_be_demanded_of_new_users(user, iam, name):
    _, client, _ = user
    bounds = iam.create_policy(PolicyName=name, PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    condition = {"StringEquals": {"iam:PermissionsBoundary": bounds}}
    iam.put_user_policy(
        UserName=name,
        PolicyName="delegate",
        PolicyDocument=allow("iam:CreateUser", "iam:PutUserPolicy", Condition=condition),
    )
    mine = client("iam")
    assert code_of(mine.create_user, UserName=f"{name}x") == ("AccessDenied", 403)
    mine.create_user(UserName=f"{name}x", PermissionsBoundary=bounds)
    policy = {"PolicyName": "p", "PolicyDocument": allow("s3:*")}
    mine.put_user_policy(UserName=f"{name}x", **policy)
    assert code_of(mine.put_user_policy, UserName=name, **policy) == ("AccessDenied", 403)


def test_the_aws_cli(server, name):
    made = server.aws("iam", "create-user", "--user-name", name)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["User"]["UserName"] == name
    shown = server.aws("iam", "get-user", "--user-name", f"{name}x")
    assert shown.returncode != 0
    assert "NoSuchEntity" in shown.stderr
    listed = server.aws("iam", "list-users", "--query", f"Users[?UserName=='{name}'].UserName")
    assert json.loads(listed.stdout) == [name]
