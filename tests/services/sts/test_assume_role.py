"""AssumeRole answers as AWS does."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import (
    ACCOUNT,
    LocalNode,
    allow,
    local_node,
    session_credentials,
    trust,
)

ALICE = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}
ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def alice(node: LocalNode) -> dict[str, str]:
    """A user without permissions, whom roles can trust by name."""
    return node.user("alice")


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


def test_user_whom_the_role_trusts_gets_credentials_that_work(node, alice):
    role = node.role("reader", trust(ALICE))
    answer = node.client("sts", alice).assume_role(RoleArn=role, RoleSessionName="at-work")
    role_id = node.client("iam").get_role(RoleName="reader")["Role"]["RoleId"]
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/at-work"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:at-work", "Arn": arn}
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 3600
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    assert "PackedPolicySize" not in answer
    identity = node.client("sts", session_credentials(answer)).get_caller_identity()
    assert identity["UserId"] == f"{role_id}:at-work"
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == arn


def test_role_with_a_path_is_named_without_it_in_the_session(node, alice):
    role = node.role("reader", trust(ALICE), Path="/team/a/")
    assert role == f"arn:aws:iam::{ACCOUNT}:role/team/a/reader"
    answer = node.client("sts", alice).assume_role(RoleArn=role, RoleSessionName="at-work")
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/at-work"
    assert answer["AssumedRoleUser"]["Arn"] == arn


def test_role_that_trusts_the_account_needs_the_callers_own_policy_too(node):
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    bob, carol = node.user("bob"), node.user("carol", allow("sts:AssumeRole", role))
    code, status, message = refusal(
        node.client("sts", bob).assume_role, RoleArn=role, RoleSessionName="session"
    )
    assert (code, status) == ("AccessDenied", 403)
    assert message.startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: sts:AssumeRole on "
        f"resource: {role}"
    )
    assert node.assume(carol, role)


def test_role_that_does_not_exist_is_refused_like_one_that_does_not_trust(node):
    alice = node.user("alice", allow("sts:AssumeRole"))
    existing = node.role("closed", trust({"Service": "lambda.amazonaws.com"}))
    missing = f"arn:aws:iam::{ACCOUNT}:role/absent"
    client = node.client("sts", alice)
    texts = set()
    for arn in (existing, missing):
        code, status, message = refusal(client.assume_role, RoleArn=arn, RoleSessionName="session")
        assert (code, status) == ("AccessDenied", 403)
        texts.add(message.replace(arn, "ROLE"))
    assert len(texts) == 1


def test_role_of_another_account_or_another_path_is_not_found(node, alice):
    node.role("reader", trust(ALICE))
    client = node.client("sts", alice)
    for arn in (
        "arn:aws:iam::999999999999:role/reader",
        f"arn:aws:iam::{ACCOUNT}:role/team/reader",
        f"arn:aws:iam::{ACCOUNT}:role/Reader",
    ):
        code, status, _ = refusal(client.assume_role, RoleArn=arn, RoleSessionName="session")
        assert (code, status) == ("AccessDenied", 403)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/session",
        "nothing like an ARN at all",
    ],
)
def test_what_is_not_the_arn_of_a_role_is_invalid(node, alice, arn):
    client = node.client("sts", alice)
    assert refusal(client.assume_role, RoleArn=arn, RoleSessionName="session") == (
        "ValidationError",
        400,
        "Request ARN is invalid",
    )


def test_root_may_not_assume_roles(node):
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    assert refusal(node.client("sts").assume_role, RoleArn=role, RoleSessionName="session") == (
        "AccessDenied",
        403,
        "Roles may not be assumed by root accounts.",
    )


def test_external_id_is_compared_exactly(node, alice):
    condition = {"StringEquals": {"sts:ExternalId": "Unique-12345"}}
    role = node.role("partner", trust(ALICE, Condition=condition))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert client.assume_role(ExternalId="Unique-12345", **given)["Credentials"]
    for wrong in ({}, {"ExternalId": "unique-12345"}, {"ExternalId": "Unique-1234*"}):
        if "*" in str(wrong):
            assert refusal(client.assume_role, **given, **wrong)[0] == "ValidationError"
        else:
            assert refusal(client.assume_role, **given, **wrong)[0] == "AccessDenied"


def test_session_name_can_be_required_by_the_trust_policy(node, alice):
    condition = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
    role = node.role("reader", trust(ALICE, Condition=condition))
    client = node.client("sts", alice)
    assert client.assume_role(RoleArn=role, RoleSessionName="alice")
    assert refusal(client.assume_role, RoleArn=role, RoleSessionName="bob")[0] == "AccessDenied"


# -- duration ----------------------------------------------------------------------------------


def test_duration_is_limited_by_the_role(node, alice):
    hour, day = (
        node.role("hour", trust(ALICE)),
        node.role("day", trust(ALICE), MaxSessionDuration=43200),
    )
    client = node.client("sts", alice)
    answer = client.assume_role(RoleArn=day, RoleSessionName="session", DurationSeconds=43200)
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 43200
    assert refusal(
        client.assume_role, RoleArn=hour, RoleSessionName="session", DurationSeconds=3601
    ) == (
        "ValidationError",
        400,
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


@pytest.mark.parametrize("duration", [899, 43201, 0, -1])
def test_duration_out_of_bounds_fails_validation(node, alice, duration):
    role = node.role("reader", trust(ALICE))
    client = node.client("sts", alice)
    code, status, message = refusal(
        client.assume_role, RoleArn=role, RoleSessionName="session", DurationSeconds=duration
    )
    assert (code, status) == ("ValidationError", 400)
    assert "1 validation error detected" in message
    assert "'durationSeconds'" in message


def test_chain_of_roles_lasts_an_hour_at_most(node, alice):
    first = node.role("first", trust(ALICE), allow("sts:AssumeRole"), MaxSessionDuration=43200)
    second = node.role("second", trust(ACCOUNT_ITSELF), MaxSessionDuration=43200)
    session = node.assume(alice, first, DurationSeconds=43200)
    chained = node.client("sts", session)
    given = {"RoleArn": second, "RoleSessionName": "session"}
    assert chained.assume_role(DurationSeconds=3600, **given)
    assert refusal(chained.assume_role, DurationSeconds=3601, **given) == (
        "ValidationError",
        400,
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
        "chaining.",
    )


def test_session_token_of_a_user_is_not_a_chain(node, alice):
    role = node.role("reader", trust(ALICE), MaxSessionDuration=43200)
    own = session_credentials(node.client("sts", alice).get_session_token())
    assert node.assume(own, role, DurationSeconds=43200)


# -- session policies --------------------------------------------------------------------------


def test_session_policies_narrow_and_are_packed(node, alice):
    role = node.role("admin", trust(ALICE), allow("iam:*"))
    answer = node.client("sts", alice).assume_role(
        RoleArn=role, RoleSessionName="session", Policy=allow("iam:ListUsers")
    )
    assert 0 < answer["PackedPolicySize"] <= 100
    assert answer["PackedPolicySize"] == answer["SessionTokenUtilization"]
    client = node.client("iam", session_credentials(answer))
    assert client.list_users()["Users"]
    code, _, message = refusal(client.list_roles)
    assert code == "AccessDenied"
    assert "because no session policy allows the iam:ListRoles action" in message


def test_managed_session_policies_narrow(node, alice):
    role = node.role("admin", trust(ALICE), allow("iam:*"))
    policy = node.client("iam").create_policy(
        PolicyName="lists-roles", PolicyDocument=allow("iam:ListRoles")
    )["Policy"]["Arn"]
    client = node.client("iam", node.assume(alice, role, PolicyArns=[{"arn": policy}]))
    assert client.list_roles()["Roles"]
    assert refusal(client.list_users)[0] == "AccessDenied"


def test_managed_session_policy_must_exist(node, alice):
    role = node.role("admin", trust(ALICE))
    client = node.client("sts", alice)
    code, status, _ = refusal(
        client.assume_role,
        RoleArn=role,
        RoleSessionName="session",
        PolicyArns=[{"arn": f"arn:aws:iam::{ACCOUNT}:policy/absent"}],
    )
    assert (code, status) == ("MalformedPolicyDocument", 400)


def test_more_than_ten_managed_session_policies_fail_validation(node, alice):
    role = node.role("admin", trust(ALICE))
    client = node.client("sts", alice)
    code, status, _ = refusal(
        client.assume_role,
        RoleArn=role,
        RoleSessionName="session",
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11,
    )
    assert (code, status) == ("ValidationError", 400)


def test_tags_too_many_for_a_token_are_refused(node, alice):
    role = node.role("reader", trust(ALICE, Action=["sts:AssumeRole", "sts:TagSession"]))
    client = node.client("sts", alice)
    plain = [{"Key": f"key{i}", "Value": "x" * 256} for i in range(50)]
    noise = [{"Key": f"key{i}", "Value": secrets.token_hex(128)} for i in range(50)]
    assert client.assume_role(RoleArn=role, RoleSessionName="session", Tags=plain)
    code, status, _ = refusal(
        client.assume_role, RoleArn=role, RoleSessionName="session", Tags=noise
    )
    assert (code, status) == ("PackedPolicyTooLarge", 400)


def test_token_is_padded_as_asked(node, alice):
    role = node.role("reader", trust(ALICE))
    answer = node.client("sts", alice).assume_role(
        RoleArn=role, RoleSessionName="session", MinimumSessionTokenSize=3000
    )
    assert answer["SessionTokenSize"] >= 3000
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    assert node.client("sts", session_credentials(answer)).get_caller_identity()


# -- session tags ------------------------------------------------------------------------------


def test_tags_need_their_own_permission_from_the_trust_policy(node, alice):
    role = node.role("reader", trust(ALICE))
    client = node.client("sts", alice)
    code, _, message = refusal(
        client.assume_role,
        RoleArn=role,
        RoleSessionName="session",
        Tags=[{"Key": "Project", "Value": "Blue"}],
    )
    assert code == "AccessDenied"
    assert "is not authorized to perform: sts:TagSession on resource" in message


def test_tags_are_seen_by_the_trust_policy_and_by_the_sessions_policies(node, alice):
    statements = [
        {
            "Effect": "Allow",
            "Principal": ALICE,
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {"aws:RequestTag/Project": ["Blue", "Green"]},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["Project"]},
            },
        }
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    condition = {"StringEquals": {"aws:PrincipalTag/Project": "Blue"}}
    role = node.role("reader", document, allow("iam:ListUsers", Condition=condition))

    def tagged(**tags: str) -> dict[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    blue = node.assume(alice, role, **tagged(Project="Blue"))
    green = node.assume(alice, role, **tagged(Project="Green"))
    assert node.client("iam", blue).list_users()
    assert refusal(node.client("iam", green).list_users)[0] == "AccessDenied"
    for wrong in (tagged(Project="Red"), tagged(Project="Blue", Team="x"), {}):
        assert (
            refusal(
                node.client("sts", alice).assume_role,
                RoleArn=role,
                RoleSessionName="session",
                **wrong,
            )[0]
            == "AccessDenied"
        )


def test_transitive_tags_are_inherited_and_cannot_be_overridden(node, alice):
    actions = ["sts:AssumeRole", "sts:TagSession"]
    first = node.role("first", trust(ALICE, Action=actions), allow(actions))
    condition = {
        "StringEquals": {"aws:RequestTag/Project": "Blue"},
        "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Project"]},
    }
    second = node.role(
        "second", trust(ACCOUNT_ITSELF, Action=actions, Condition=condition), allow(actions)
    )
    seen = {
        "StringEquals": {"aws:PrincipalTag/project": "Blue"},
        "Null": {"aws:PrincipalTag/Team": "true"},
    }
    third = node.role(
        "third", trust(ACCOUNT_ITSELF, Action=actions), allow("iam:ListUsers", Condition=seen)
    )
    chain = node.assume(
        alice,
        first,
        Tags=[{"Key": "Project", "Value": "Blue"}, {"Key": "Team", "Value": "one"}],
        TransitiveTagKeys=["Project"],
    )
    chain = node.assume(chain, second)
    code, status, message = refusal(
        node.client("sts", chain).assume_role,
        RoleArn=third,
        RoleSessionName="session",
        Tags=[{"Key": "project", "Value": "Red"}],
    )
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == (
        "One of the specified transitive tag keys can't be set because it conflicts with a "
        "transitive tag key from the calling session."
    )
    assert node.client("iam", node.assume(chain, third)).list_users()


def test_inherited_tags_need_tag_session_in_the_next_trust_policy(node, alice):
    actions = ["sts:AssumeRole", "sts:TagSession"]
    first = node.role("first", trust(ALICE, Action=actions), allow(actions))
    second = node.role("second", trust(ACCOUNT_ITSELF))
    plain = node.assume(alice, first)
    tagged = node.assume(
        alice, first, Tags=[{"Key": "Project", "Value": "Blue"}], TransitiveTagKeys=["Project"]
    )
    assert node.assume(plain, second)
    assert (
        refusal(node.client("sts", tagged).assume_role, RoleArn=second, RoleSessionName="session")[
            0
        ]
        == "AccessDenied"
    )


def test_tag_keys_differ_by_more_than_case(node, alice):
    role = node.role("reader", trust(ALICE, Action="sts:*"))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert refusal(
        client.assume_role,
        Tags=[{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}],
        **given,
    ) == (
        "InvalidParameterValue",
        400,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    assert refusal(client.assume_role, TransitiveTagKeys=["Team"], **given) == (
        "InvalidParameterValue",
        400,
        "The specified transitive tag key must be included in the requested tags.",
    )
    assert refusal(client.assume_role, Tags=[{"Key": "aws:x", "Value": "a"}], **given)[0] == (
        "ValidationError"
    )


# -- source identity ---------------------------------------------------------------------------


def test_source_identity_needs_permission_and_stays_along_the_chain(node, alice):
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = node.role("first", trust(ALICE, Action=actions), allow(actions))
    condition = {"StringEquals": {"sts:SourceIdentity": "alice"}}
    second = node.role(
        "second",
        trust(ACCOUNT_ITSELF, Action=actions, Condition=condition),
        allow("iam:ListUsers", Condition={"StringEquals": {"aws:SourceIdentity": "alice"}}),
    )
    silent = node.role("silent", trust(ACCOUNT_ITSELF))
    answer = node.client("sts", alice).assume_role(
        RoleArn=first, RoleSessionName="session", SourceIdentity="alice"
    )
    assert answer["SourceIdentity"] == "alice"
    chained = node.client("sts", session_credentials(answer))
    given = {"RoleArn": second, "RoleSessionName": "session"}
    inherited = chained.assume_role(**given)
    assert inherited["SourceIdentity"] == "alice"
    assert node.client("iam", session_credentials(inherited)).list_users()
    assert chained.assume_role(SourceIdentity="alice", **given)
    assert refusal(chained.assume_role, SourceIdentity="bob", **given)[0] == "AccessDenied"
    assert refusal(chained.assume_role, RoleArn=silent, RoleSessionName="session")[0] == (
        "AccessDenied"
    )


def test_source_identity_without_permission_is_refused(node, alice):
    role = node.role("reader", trust(ALICE))
    code, _, message = refusal(
        node.client("sts", alice).assume_role,
        RoleArn=role,
        RoleSessionName="session",
        SourceIdentity="alice",
    )
    assert code == "AccessDenied"
    assert "sts:SetSourceIdentity" in message
