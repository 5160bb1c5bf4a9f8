"""Managed policies and their versions, inline policies, attachments, permissions boundaries."""

import json

import pytest

from tests.services.iam.conftest import ACCOUNT, ALLOW, NOW, document, trust

DENY = ALLOW.replace("Allow", "Deny")
ARN = f"arn:aws:iam::{ACCOUNT}:policy/lists"
MISSING_ARN = f"arn:aws:iam::{ACCOUNT}:policy/missing"
AWS_ARN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def policy(iam):
    return iam.do("CreatePolicy", PolicyName="lists", PolicyDocument=ALLOW)["Policy"]


# -- managed policies ------------------------------------------------------------------------


def test_create_and_get_show_what_aws_shows(iam):
    created = iam.do(
        "CreatePolicy",
        PolicyName="lists",
        Path="/p/",
        Description="lists buckets",
        PolicyDocument=ALLOW,
    )["Policy"]
    policy_id = created.pop("PolicyId")
    assert policy_id.startswith("ANPA")
    expected = {
        "PolicyName": "lists",
        "Arn": f"arn:aws:iam::{ACCOUNT}:policy/p/lists",
        "Path": "/p/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": int(NOW),
        "UpdateDate": int(NOW),
    }
    assert created == expected
    expected["PolicyId"] = policy_id
    arn = expected["Arn"]
    assert iam.do("GetPolicy", PolicyArn=arn)["Policy"] == {
        **expected,
        "Description": "lists buckets",
        "Tags": [],
    }
    assert iam.do("ListPolicies", Scope="Local")["Policies"] == [expected]


def test_a_policys_name_is_taken_whatever_its_case_and_path(iam, policy):
    for name in ("lists", "LISTS"):
        assert iam.refused("CreatePolicy", PolicyName=name, Path="/x/", PolicyDocument=ALLOW) == (
            "EntityAlreadyExists",
            409,
            f"A policy called {name} already exists. Duplicate names are not allowed.",
        )


# What AWS answered to these documents (recorded answers of CreatePolicy).
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("malformed", "Syntax errors in policy."),
        ('{"Statement": []}', "Syntax errors in policy."),
        (
            ALLOW.replace('"Version": "2012-10-17", ', ""),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (
            ALLOW.replace("2012-10-17", "2008-10-17"),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (
            ALLOW.replace("s3:ListBucket", "ListBucket"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            ALLOW.replace("s3:ListBucket", "a:b:c"),
            "Actions/Condition can contain only one colon.",
        ),
        (
            ALLOW.replace('"*"', '"adf"'),
            'Resource adf must be in ARN format or "*".',
        ),
        (trust("*"), "Policy document should not specify a principal."),
    ],
)
def test_malformed_documents_are_refused_in_awss_words(iam, policy, text, message):
    refusal = ("MalformedPolicyDocument", 400, message)
    assert iam.refused("CreatePolicy", PolicyName="p", PolicyDocument=text) == refusal
    assert iam.refused("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=text) == refusal


def test_the_size_of_a_managed_policy_is_limited_without_its_white_space(iam):
    roomy = ALLOW.replace("{", "{" + "\n " * 5000)
    iam.do("CreatePolicy", PolicyName="roomy", PolicyDocument=roomy)
    large = ALLOW.replace('"*"', json.dumps([f"arn:aws:s3:::b{n:04}" for n in range(400)]))
    assert iam.refused("CreatePolicy", PolicyName="large", PolicyDocument=large) == (
        "LimitExceeded",
        409,
        "Cannot exceed quota for PolicySize: 6144",
    )


def test_versions(iam, policy):
    two = iam.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=DENY, SetAsDefault=True)
    assert two["PolicyVersion"] == {
        "VersionId": "v2",
        "IsDefaultVersion": True,
        "CreateDate": int(NOW),
    }
    iam.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOW)
    listed = iam.do("ListPolicyVersions", PolicyArn=ARN)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [
        ("v3", False),
        ("v2", True),
        ("v1", False),
    ]
    for version, text in (("v1", ALLOW), ("v2", DENY), ("v3", ALLOW)):
        shown = iam.do("GetPolicyVersion", PolicyArn=ARN, VersionId=version)["PolicyVersion"]
        assert document(shown["Document"]) == json.loads(text)
        assert shown["IsDefaultVersion"] is (version == "v2")
    iam.do("SetDefaultPolicyVersion", PolicyArn=ARN, VersionId="v1")
    assert iam.do("GetPolicy", PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v1"
    iam.do("DeletePolicyVersion", PolicyArn=ARN, VersionId="v2")
    listed = iam.do("ListPolicyVersions", PolicyArn=ARN)["Versions"]
    assert [each["VersionId"] for each in listed] == ["v3", "v1"]


def test_at_most_five_versions_and_no_number_twice(iam, policy):
    for _ in range(4):
        iam.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOW)
    assert iam.refused("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOW) == (
        "LimitExceeded",
        409,
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.",
    )
    iam.do("DeletePolicyVersion", PolicyArn=ARN, VersionId="v5")
    new = iam.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOW)
    assert new["PolicyVersion"]["VersionId"] == "v6"


def test_version_errors(iam, policy):
    def missing(arn: str, version: str) -> tuple[str, int, str]:
        message = f"Policy {arn} version {version} does not exist or is not attachable."
        return "NoSuchEntity", 404, message

    for operation in ("GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"):
        for version in ("v9", "v1.x", "v99999999999999999999"):
            given = {"PolicyArn": ARN, "VersionId": version}
            assert iam.refused(operation, **given) == missing(ARN, version)
        given = {"PolicyArn": MISSING_ARN, "VersionId": "v1"}
        assert iam.refused(operation, **given) == missing(MISSING_ARN, "v1")
    assert iam.refused("DeletePolicyVersion", PolicyArn=ARN, VersionId="v1") == (
        "DeleteConflict",
        409,
        "Cannot delete the default version of a policy.",
    )


def test_deletion(iam, policy):
    iam.do("CreateUser", UserName="alice")
    iam.do("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=ALLOW)
    used = ("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    iam.do("AttachUserPolicy", UserName="alice", PolicyArn=ARN)
    assert iam.refused("DeletePolicy", PolicyArn=ARN) == used
    iam.do("DetachUserPolicy", UserName="alice", PolicyArn=ARN)
    iam.do("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=ARN)
    assert iam.refused("DeletePolicy", PolicyArn=ARN) == used
    iam.do("DeleteUserPermissionsBoundary", UserName="alice")
    assert iam.refused("DeletePolicy", PolicyArn=ARN) == (
        "DeleteConflict",
        409,
        "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy.",
    )
    iam.do("DeletePolicyVersion", PolicyArn=ARN, VersionId="v2")
    iam.do("DeletePolicy", PolicyArn=ARN)
    missing = ("NoSuchEntity", 404, f"Policy {ARN} was not found.")
    for operation in ("GetPolicy", "DeletePolicy", "ListPolicyVersions", "ListPolicyTags"):
        assert iam.refused(operation, PolicyArn=ARN) == missing
    assert iam.refused("TagPolicy", PolicyArn=ARN, Tags=[]) == missing


def test_policies_of_aws_can_be_read_and_not_changed(iam):
    shown = iam.do("GetPolicy", PolicyArn=AWS_ARN)["Policy"]
    assert shown["PolicyName"] == "AmazonS3ReadOnlyAccess"
    version = iam.do("GetPolicyVersion", PolicyArn=AWS_ARN, VersionId=shown["DefaultVersionId"])[
        "PolicyVersion"
    ]
    assert "s3:Get*" in document(version["Document"])["Statement"][0]["Action"]
    for operation, given in [
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": ALLOW}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": []}),
        ("UntagPolicy", {"TagKeys": []}),
    ]:
        assert iam.refused(operation, PolicyArn=AWS_ARN, **given) == (
            "AccessDenied",
            403,
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: iam:{operation} "
            f"on resource: policy {AWS_ARN}",
        )


def test_lists_by_scope_use_and_path(iam, policy):
    iam.do("CreatePolicy", PolicyName="bounds", Path="/b/", PolicyDocument=ALLOW)
    bounds = f"arn:aws:iam::{ACCOUNT}:policy/b/bounds"
    iam.do("CreateUser", UserName="alice", PermissionsBoundary=bounds)
    iam.do("AttachUserPolicy", UserName="alice", PolicyArn=AWS_ARN)

    def names(**given: object) -> list[str]:
        return [each["PolicyName"] for each in iam.do("ListPolicies", **given)["Policies"]]

    assert names(Scope="Local") == ["bounds", "lists"]
    assert "AdministratorAccess" in names(Scope="AWS")
    assert "lists" not in names(Scope="AWS")
    assert {"lists", "AdministratorAccess"} <= set(names())
    assert names(OnlyAttached=True) == ["AmazonS3ReadOnlyAccess"]
    assert names(PolicyUsageFilter="PermissionsPolicy") == ["AmazonS3ReadOnlyAccess"]
    assert names(PolicyUsageFilter="PermissionsBoundary") == ["bounds"]
    assert names(PathPrefix="/b/") == ["bounds"]
    shown = iam.do("GetPolicy", PolicyArn=bounds)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (0, 1)


def test_entities_for_a_policy(iam, policy):
    iam.do("CreateUser", UserName="alice")
    iam.do("CreateUser", UserName="bounded", PermissionsBoundary=ARN)
    iam.do("CreateGroup", GroupName="staff")
    iam.do("CreateRole", RoleName="worker", AssumeRolePolicyDocument=trust(ACCOUNT))
    iam.do("AttachUserPolicy", UserName="alice", PolicyArn=ARN)
    iam.do("AttachGroupPolicy", GroupName="staff", PolicyArn=ARN)
    iam.do("AttachRolePolicy", RoleName="worker", PolicyArn=ARN)

    def entities(**given: object) -> list[str]:
        output = iam.do("ListEntitiesForPolicy", PolicyArn=ARN, **given)
        return [
            each[f"{word}Name"]
            for word in ("Group", "User", "Role")
            for each in output[f"Policy{word}s"]
        ]

    assert entities() == ["staff", "alice", "bounded", "worker"]
    assert entities(EntityFilter="User") == ["alice", "bounded"]
    assert entities(PolicyUsageFilter="PermissionsBoundary") == ["bounded"]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == ["staff", "alice", "worker"]
    page = iam.do("ListEntitiesForPolicy", PolicyArn=ARN, MaxItems=3)
    assert page["IsTruncated"] is True
    assert len(page["PolicyGroups"] + page["PolicyUsers"] + page["PolicyRoles"]) == 3
    assert len(entities(Marker=page["Marker"])) == 1


def test_tags_of_a_policy_differ_in_case(iam):
    tags = [{"Key": "a", "Value": "lower"}, {"Key": "A", "Value": "upper"}]
    created = iam.do("CreatePolicy", PolicyName="lists", PolicyDocument=ALLOW, Tags=tags)
    assert created["Policy"]["Tags"] == tags
    assert iam.do("ListPolicyTags", PolicyArn=ARN)["Tags"] == tags[::-1]
    iam.do("UntagPolicy", PolicyArn=ARN, TagKeys=["a"])
    iam.do("TagPolicy", PolicyArn=ARN, Tags=[{"Key": "b", "Value": ""}])
    assert iam.do("GetPolicy", PolicyArn=ARN)["Policy"]["Tags"] == [
        {"Key": "A", "Value": "upper"},
        {"Key": "b", "Value": ""},
    ]
    twice = [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]
    assert iam.refused("TagPolicy", PolicyArn=ARN, Tags=twice) == (
        "InvalidInput",
        400,
        "Duplicate tag keys found.",
    )


# -- inline policies -------------------------------------------------------------------------

OWNERS = [
    ("User", {"UserName": "owner"}, 2048),
    ("Role", {"RoleName": "owner"}, 10240),
    ("Group", {"GroupName": "owner"}, 5120),
]


@pytest.fixture
def owners(iam):
    iam.do("CreateUser", UserName="owner")
    iam.do("CreateGroup", GroupName="owner")
    iam.do("CreateRole", RoleName="owner", AssumeRolePolicyDocument=trust(ACCOUNT))


@pytest.mark.parametrize(("word", "owner", "limit"), OWNERS)
def test_inline_policies(iam, owners, word, owner, limit):
    missing = ("NoSuchEntity", 404, f"The {word.lower()} policy with name p cannot be found.")
    assert iam.refused(f"Get{word}Policy", PolicyName="p", **owner) == missing
    assert iam.refused(f"Delete{word}Policy", PolicyName="p", **owner) == missing
    iam.do(f"Put{word}Policy", PolicyName="p", PolicyDocument=ALLOW, **owner)
    iam.do(f"Put{word}Policy", PolicyName="p", PolicyDocument=DENY, **owner)
    iam.do(f"Put{word}Policy", PolicyName="a", PolicyDocument=ALLOW, **owner)
    shown = iam.do(f"Get{word}Policy", PolicyName="p", **owner)
    assert document(shown.pop("PolicyDocument")) == json.loads(DENY)
    assert shown == {"PolicyName": "p", **owner}
    page = iam.do(f"List{word}Policies", MaxItems=1, **owner)
    assert (page["PolicyNames"], page["IsTruncated"]) == (["a"], True)
    page = iam.do(f"List{word}Policies", Marker=page["Marker"], **owner)
    assert (page["PolicyNames"], page["IsTruncated"]) == (["p"], False)
    # An inline policy may be of the version of 2008.
    old = ALLOW.replace("2012-10-17", "2008-10-17")
    iam.do(f"Put{word}Policy", PolicyName="p", PolicyDocument=old, **owner)
    assert iam.refused(f"Put{word}Policy", PolicyName="p", PolicyDocument="{", **owner) == (
        "MalformedPolicyDocument",
        400,
        "Syntax errors in policy.",
    )


@pytest.mark.parametrize(("word", "owner", "limit"), OWNERS)
def test_the_inline_policies_of_one_owner_are_limited_together(iam, owners, word, owner, limit):
    filler = json.dumps([f"arn:aws:s3:::b{n:04}" for n in range(limit // 40)])
    half = ALLOW.replace('"*"', filler)
    size = sum(map(len, half.split()))
    assert limit < 2 * size < 3 * limit
    iam.do(f"Put{word}Policy", PolicyName="one", PolicyDocument=half, **owner)
    # In the place of itself it does not count twice.
    iam.do(f"Put{word}Policy", PolicyName="one", PolicyDocument=half, **owner)
    assert iam.refused(f"Put{word}Policy", PolicyName="two", PolicyDocument=half, **owner) == (
        "LimitExceeded",
        409,
        f"Maximum policy size of {limit} bytes exceeded for {word.lower()} owner",
    )
    assert iam.do(f"List{word}Policies", **owner)["PolicyNames"] == ["one"]


# -- attachments -----------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "owner", "limit"), OWNERS)
def test_attachments(iam, owners, policy, word, owner, limit):
    for arn in (ARN, AWS_ARN, ARN):
        iam.do(f"Attach{word}Policy", PolicyArn=arn, **owner)
    page = iam.do(f"ListAttached{word}Policies", **owner)
    assert page["AttachedPolicies"] == [
        {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": AWS_ARN},
        {"PolicyName": "lists", "PolicyArn": ARN},
    ]
    assert iam.refused(f"Attach{word}Policy", PolicyArn=MISSING_ARN, **owner) == (
        "NoSuchEntity",
        404,
        f"Policy {MISSING_ARN} does not exist or is not attachable.",
    )
    iam.do(f"Detach{word}Policy", PolicyArn=ARN, **owner)
    assert iam.refused(f"Detach{word}Policy", PolicyArn=ARN, **owner) == (
        "NoSuchEntity",
        404,
        f"Policy {ARN} was not found.",
    )
    for malformed in ("longpolicynamebutnoarn", ARN + "\n", f"arn:aws:iam::{ACCOUNT}:role/lists"):
        assert iam.refused(f"Attach{word}Policy", PolicyArn=malformed, **owner) == (
            "ValidationError",
            400,
            f"ARN {malformed} is not valid.",
        )


@pytest.mark.parametrize(("word", "owner", "limit"), OWNERS)
def test_at_most_ten_attachments(iam, owners, word, owner, limit):
    for number in range(11):
        name = f"p{number}"
        arn = iam.do("CreatePolicy", PolicyName=name, PolicyDocument=ALLOW)["Policy"]["Arn"]
        if number < 10:
            iam.do(f"Attach{word}Policy", PolicyArn=arn, **owner)
    assert iam.refused(f"Attach{word}Policy", PolicyArn=arn, **owner) == (
        "LimitExceeded",
        409,
        f"Cannot exceed quota for PoliciesPer{word}: 10",
    )


# -- permissions boundaries ------------------------------------------------------------------


@pytest.mark.parametrize(("word", "owner", "limit"), OWNERS[:2])
def test_permissions_boundaries(iam, owners, policy, word, owner, limit):
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ARN}
    iam.do(f"Put{word}PermissionsBoundary", PermissionsBoundary=ARN, **owner)
    assert iam.do(f"Get{word}", **owner)[word]["PermissionsBoundary"] == boundary
    assert "PermissionsBoundary" not in iam.do(f"List{word}s")[f"{word}s"][0]
    iam.do(f"Delete{word}PermissionsBoundary", **owner)
    iam.do(f"Delete{word}PermissionsBoundary", **owner)
    assert "PermissionsBoundary" not in iam.do(f"Get{word}", **owner)[word]
    given = {f"{word}Name": "new"}
    if word == "Role":
        given["AssumeRolePolicyDocument"] = trust(ACCOUNT)
    malformed = f"arn:aws:iam::{ACCOUNT}:not_a_policy/invalid"
    for operation, to in ((f"Put{word}PermissionsBoundary", owner), (f"Create{word}", given)):
        assert iam.refused(operation, PermissionsBoundary=malformed, **to) == (
            "InvalidInput",
            400,
            f"ARN {malformed} is not valid.",
        )
        assert iam.refused(operation, PermissionsBoundary=MISSING_ARN, **to) == (
            "NoSuchEntity",
            404,
            f"Scope ARN: {MISSING_ARN} does not exist or is not attachable.",
        )
    created = iam.do(f"Create{word}", PermissionsBoundary=AWS_ARN, **given)[word]
    assert created["PermissionsBoundary"]["PermissionsBoundaryArn"] == AWS_ARN
