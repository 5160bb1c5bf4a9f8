"""Users and access keys, with the answers and errors that were recorded from AWS."""

import pytest

from tests.services.iam.conftest import ACCOUNT, ALLOW, NOW, ROOT_KEY_ID

USER_NOT_FOUND = "The user with name nobody cannot be found."


def test_create_get_and_delete(iam):
    created = iam.do("CreateUser", UserName="alice", Path="/division/")["User"]
    assert created["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/division/alice"
    assert created["UserId"].startswith("AIDA")
    assert len(created["UserId"]) == 21
    assert created["CreateDate"] == int(NOW)
    assert set(created) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}
    assert iam.do("GetUser", UserName="alice")["User"] == created
    assert iam.do("DeleteUser", UserName="alice") is None
    assert iam.refused("GetUser", UserName="alice") == (
        "NoSuchEntity",
        404,
        "The user with name alice cannot be found.",
    )


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_name_is_taken_whatever_its_case(iam, name):
    iam.do("CreateUser", UserName="alice")
    assert iam.refused("CreateUser", UserName=name) == (
        "EntityAlreadyExists",
        409,
        f"User with name {name} already exists.",
    )


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("GetUser", {}),
        ("UpdateUser", {"NewUserName": "x"}),
        ("DeleteUser", {}),
        ("CreateAccessKey", {}),
        ("ListAccessKeys", {}),
        ("UpdateAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active"}),
        ("DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        ("TagUser", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("UntagUser", {"TagKeys": ["a"]}),
        ("ListUserTags", {}),
        ("PutUserPolicy", {"PolicyName": "p", "PolicyDocument": ALLOW}),
        ("GetUserPolicy", {"PolicyName": "p"}),
        ("DeleteUserPolicy", {"PolicyName": "p"}),
        ("ListUserPolicies", {}),
        ("AttachUserPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}),
        ("ListAttachedUserPolicies", {}),
        ("PutUserPermissionsBoundary", {"PermissionsBoundary": "arn:aws:iam::aws:policy/X"}),
        ("DeleteUserPermissionsBoundary", {}),
        ("ListGroupsForUser", {}),
    ],
)
def test_what_does_not_exist_cannot_be_found(iam, operation, given):
    refusal = iam.refused(operation, UserName="nobody", **given)
    assert refusal == ("NoSuchEntity", 404, USER_NOT_FOUND)


def test_update_keeps_the_id(iam):
    created = iam.do("CreateUser", UserName="alice")["User"]
    iam.do("UpdateUser", UserName="alice", NewUserName="alicia", NewPath="/new/")
    user = iam.do("GetUser", UserName="alicia")["User"]
    assert user["UserId"] == created["UserId"]
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/new/alicia"
    assert iam.refused("GetUser", UserName="alice")[0] == "NoSuchEntity"
    iam.do("UpdateUser", UserName="alicia", NewUserName="ALICIA")
    assert iam.do("GetUser", UserName="ALICIA")["User"]["UserId"] == created["UserId"]
    iam.do("CreateUser", UserName="bob")
    assert iam.refused("UpdateUser", UserName="bob", NewUserName="alicia") == (
        "EntityAlreadyExists",
        409,
        "User with name alicia already exists.",
    )


def test_list_is_paged_by_name_under_a_path(iam):
    for number in range(5):
        iam.do("CreateUser", UserName=f"user{number}", Path="/a/" if number < 4 else "/b/")
    page = iam.do("ListUsers", MaxItems=2, PathPrefix="/a/")
    assert [user["UserName"] for user in page["Users"]] == ["user0", "user1"]
    assert page["IsTruncated"] is True
    # What goes away between two pages moves nothing.
    iam.do("DeleteUser", UserName="user1")
    rest = iam.do("ListUsers", MaxItems=2, PathPrefix="/a/", Marker=page["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["user2", "user3"]
    assert rest["IsTruncated"] is False
    assert "Marker" not in rest
    assert len(iam.do("ListUsers")["Users"]) == 4


@pytest.mark.parametrize("marker", ["x", "!!!!", "gA==", "ÿ"])
def test_a_marker_of_somebody_elses_is_refused(iam, marker):
    assert iam.refused("ListUsers", Marker=marker) == ("ValidationError", 400, "Invalid Marker.")


def test_a_user_that_has_something_is_not_deleted(iam):
    iam.do("CreateUser", UserName="alice")
    arn = "arn:aws:iam::aws:policy/AWSDenyAll"
    iam.do("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    iam.do("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=ALLOW)
    iam.do("CreateGroup", GroupName="staff")
    iam.do("AddUserToGroup", GroupName="staff", UserName="alice")
    key = iam.do("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    for reason, operation, given in [
        ("detach all policies", "DetachUserPolicy", {"PolicyArn": arn}),
        ("delete policies", "DeleteUserPolicy", {"PolicyName": "p"}),
        ("delete access keys", "DeleteAccessKey", {"AccessKeyId": key}),
        ("remove users from group", "RemoveUserFromGroup", {"GroupName": "staff"}),
    ]:
        message = f"Cannot delete entity, must {reason} first."
        assert iam.refused("DeleteUser", UserName="alice") == ("DeleteConflict", 409, message)
        iam.do(operation, UserName="alice", **given)
    iam.do("DeleteUser", UserName="alice")


def test_quota_of_users(iam, monkeypatch):
    from daypass.services.iam import quotas
    from daypass.store.identity import IdentityKind

    monkeypatch.setattr(quotas, "IDENTITIES", {IdentityKind.USER: 1})
    iam.do("CreateUser", UserName="alice")
    assert iam.refused("CreateUser", UserName="bob") == (
        "LimitExceeded",
        409,
        "Cannot exceed quota for UsersPerAccount: 1",
    )


# -- the caller itself -----------------------------------------------------------------------


def test_without_a_name_the_caller_is_meant(iam):
    created = iam.do("CreateUser", UserName="alice")["User"]
    alice = iam.as_user("alice")
    assert alice.do("GetUser")["User"] == created
    key = alice.do("CreateAccessKey")["AccessKey"]
    assert key["UserName"] == "alice"
    listed = alice.do("ListAccessKeys")["AccessKeyMetadata"]
    assert [each["AccessKeyId"] for each in listed] == [key["AccessKeyId"]]
    assert alice.needs("GetUser")[0].resource == created["Arn"]


def test_without_a_name_the_root_user_is_meant(iam):
    user = iam.do("GetUser")["User"]
    assert user["UserId"] == ACCOUNT
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert [key["AccessKeyId"] for key in iam.do("ListAccessKeys")["AccessKeyMetadata"]] == [
        ROOT_KEY_ID
    ]
    second = iam.do("CreateAccessKey")["AccessKey"]
    assert "UserName" not in second
    iam.do("DeleteAccessKey", AccessKeyId=ROOT_KEY_ID)
    assert iam.node.identity.access_key(ROOT_KEY_ID) is None
    assert iam.node.identity.access_key(second["AccessKeyId"]).secret == second["SecretAccessKey"]


# -- access keys -----------------------------------------------------------------------------


def test_the_secret_is_shown_once_and_kept_encrypted(iam):
    iam.do("CreateUser", UserName="alice")
    key = iam.do("CreateAccessKey", UserName="alice")["AccessKey"]
    assert len(key["SecretAccessKey"]) == 40
    assert key["AccessKeyId"].startswith("AKIA")
    assert key["Status"] == "Active"
    listed = iam.do("ListAccessKeys", UserName="alice")
    assert key["SecretAccessKey"] not in repr(listed)
    assert listed["AccessKeyMetadata"] == [
        {
            "UserName": "alice",
            "AccessKeyId": key["AccessKeyId"],
            "Status": "Active",
            "CreateDate": int(NOW),
        }
    ]
    assert iam.node.identity.access_key(key["AccessKeyId"]).secret == key["SecretAccessKey"]


def test_a_user_has_at_most_two_access_keys(iam):
    iam.do("CreateUser", UserName="alice")
    for _ in range(2):
        iam.do("CreateAccessKey", UserName="alice")
    assert iam.refused("CreateAccessKey", UserName="alice") == (
        "LimitExceeded",
        409,
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )


def test_status_and_deletion(iam):
    iam.do("CreateUser", UserName="alice")
    key_id = iam.do("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    iam.do("UpdateAccessKey", UserName="alice", AccessKeyId=key_id, Status="Inactive")
    listed = iam.do("ListAccessKeys", UserName="alice")["AccessKeyMetadata"]
    assert listed[0]["Status"] == "Inactive"
    assert iam.node.identity.access_key(key_id).active is False
    iam.do("DeleteAccessKey", UserName="alice", AccessKeyId=key_id)
    missing = ("NoSuchEntity", 404, f"The Access Key with id {key_id} cannot be found.")
    given = {"UserName": "alice", "AccessKeyId": key_id}
    assert iam.refused("DeleteAccessKey", **given) == missing
    assert iam.refused("UpdateAccessKey", Status="Active", **given) == missing
    assert iam.refused("UpdateAccessKey", Status="Expired", **given)[0] == "ValidationError"


def test_an_access_key_of_another_user_cannot_be_found(iam):
    iam.do("CreateUser", UserName="alice")
    iam.do("CreateUser", UserName="mallory")
    key_id = iam.do("CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    mallory = iam.as_user("mallory")
    for given in ({}, {"UserName": "mallory"}):
        for other in (key_id, ROOT_KEY_ID):
            missing = ("NoSuchEntity", 404, f"The Access Key with id {other} cannot be found.")
            assert mallory.refused("DeleteAccessKey", AccessKeyId=other, **given) == missing
    assert iam.node.identity.access_key(key_id) is not None


# -- tags ------------------------------------------------------------------------------------


def tags(**pairs: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def test_tags_of_a_user_differ_in_more_than_case(iam):
    created = iam.do("CreateUser", UserName="alice", Tags=tags(Team="Platform", Env="Test"))
    assert created["User"]["Tags"] == tags(Team="Platform", Env="Test")
    iam.do("TagUser", UserName="alice", Tags=tags(team="Other", zone="1"))
    assert iam.do("ListUserTags", UserName="alice")["Tags"] == tags(
        Env="Test", team="Other", zone="1"
    )
    assert iam.do("GetUser", UserName="alice")["User"]["Tags"] == tags(
        Env="Test", team="Other", zone="1"
    )
    iam.do("UntagUser", UserName="alice", TagKeys=["ENV", "absent"])
    assert iam.do("ListUserTags", UserName="alice")["Tags"] == tags(team="Other", zone="1")
    duplicate = (
        "InvalidInput",
        400,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    assert iam.refused("TagUser", UserName="alice", Tags=tags(a="1", A="2")) == duplicate
    assert iam.refused("CreateUser", UserName="b", Tags=tags(a="1", A="2")) == duplicate


def test_tags_are_paged_and_at_most_fifty(iam):
    given = [{"Key": f"k{number:02}", "Value": ""} for number in range(50)]
    iam.do("CreateUser", UserName="alice", Tags=given)
    first = iam.do("ListUserTags", UserName="alice", MaxItems=30)
    second = iam.do("ListUserTags", UserName="alice", Marker=first["Marker"])
    assert first["Tags"] + second["Tags"] == given
    assert iam.refused("TagUser", UserName="alice", Tags=tags(more="x"))[:2] == (
        "LimitExceeded",
        409,
    )
    iam.do("TagUser", UserName="alice", Tags=tags(k00="new"))
