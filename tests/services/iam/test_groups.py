"""Groups and their members."""

from tests.services.iam.conftest import ACCOUNT, ALLOW, NOW


def test_create_get_update_and_delete(iam):
    created = iam.do("CreateGroup", GroupName="staff", Path="/g/")["Group"]
    assert created.pop("GroupId").startswith("AGPA")
    assert created == {
        "Path": "/g/",
        "GroupName": "staff",
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/g/staff",
        "CreateDate": int(NOW),
    }
    assert iam.refused("CreateGroup", GroupName="Staff") == (
        "EntityAlreadyExists",
        409,
        "Group with name Staff already exists.",
    )
    iam.do("UpdateGroup", GroupName="staff", NewGroupName="team", NewPath="/")
    shown = iam.do("GetGroup", GroupName="team")
    assert shown["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/team"
    assert (shown["Users"], shown["IsTruncated"]) == ([], False)
    assert [each["GroupName"] for each in iam.do("ListGroups")["Groups"]] == ["team"]
    missing = ("NoSuchEntity", 404, "The group with name staff cannot be found.")
    for operation in ("GetGroup", "UpdateGroup", "DeleteGroup", "ListGroupPolicies"):
        assert iam.refused(operation, GroupName="staff") == missing
    iam.do("DeleteGroup", GroupName="team")
    assert iam.do("ListGroups")["Groups"] == []


def test_membership(iam):
    user = iam.do("CreateUser", UserName="alice")["User"]
    iam.do("CreateGroup", GroupName="staff")
    for _ in range(2):
        iam.do("AddUserToGroup", GroupName="staff", UserName="alice")
    assert iam.do("GetGroup", GroupName="staff")["Users"] == [user]
    groups = iam.do("ListGroupsForUser", UserName="alice")["Groups"]
    assert [each["GroupName"] for each in groups] == ["staff"]
    conflict = (
        "DeleteConflict",
        409,
        "Cannot delete entity, must remove users from group first.",
    )
    assert iam.refused("DeleteGroup", GroupName="staff") == conflict
    for _ in range(2):
        iam.do("RemoveUserFromGroup", GroupName="staff", UserName="alice")
    assert iam.do("ListGroupsForUser", UserName="alice")["Groups"] == []
    iam.do("PutGroupPolicy", GroupName="staff", PolicyName="p", PolicyDocument=ALLOW)
    assert iam.refused("DeleteGroup", GroupName="staff")[2] == (
        "Cannot delete entity, must delete policies first."
    )


def test_membership_errors(iam):
    iam.do("CreateUser", UserName="alice")
    iam.do("CreateGroup", GroupName="staff")
    for operation in ("AddUserToGroup", "RemoveUserFromGroup"):
        assert iam.refused(operation, GroupName="staff", UserName="nobody")[2] == (
            "The user with name nobody cannot be found."
        )
        assert iam.refused(operation, GroupName="none", UserName="alice")[2] == (
            "The group with name none cannot be found."
        )


def test_a_user_is_in_at_most_ten_groups(iam):
    iam.do("CreateUser", UserName="alice")
    for number in range(11):
        iam.do("CreateGroup", GroupName=f"g{number}")
    for number in range(10):
        iam.do("AddUserToGroup", GroupName=f"g{number}", UserName="alice")
    assert iam.refused("AddUserToGroup", GroupName="g10", UserName="alice") == (
        "LimitExceeded",
        409,
        "Cannot exceed quota for GroupsPerUser: 10",
    )
