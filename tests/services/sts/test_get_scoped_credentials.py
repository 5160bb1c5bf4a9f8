"""GetScopedCredentials: the same session with less, as its model and AWS's pages describe it.

IAM stands for what a session may do: its policies decide, as they do everywhere.
"""

import json
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

HOUR = 3600
READS = allow("iam:List*")
ALL = allow(["iam:*", "sts:*"])


@pytest.fixture
def node(tmp_path, monkeypatch):
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def session(node: LocalNode) -> dict[str, str]:
    """A role session that may do everything in IAM and STS."""
    user = node.user("alice", ALL)
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    role = node.role("wide", trust({"AWS": arn}, Action=["sts:AssumeRole", "sts:TagSession"]), ALL)
    return node.assume(user, role, Tags=[{"Key": "Team", "Value": "blue"}])


def narrow(node: LocalNode, credentials: dict[str, str], **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = node.client("sts", credentials).get_scoped_credentials(**given)
    return answer


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_identity_stays_and_permissions_are_the_intersection(node, session):
    before = node.client("sts", session).get_caller_identity()
    answer = narrow(node, session, Policy=allow(["iam:ListUsers", "s3:*"]))
    scoped = session_credentials(answer)
    after = node.client("sts", scoped).get_caller_identity()
    assert (after["Arn"], after["UserId"]) == (before["Arn"], before["UserId"])
    assert answer["SessionInfo"] == {"ScopedSessionId": before["UserId"], "Arn": before["Arn"]}
    assert answer["ScopedPoliciesCount"] == 1
    assert scoped["aws_access_key_id"] != session["aws_access_key_id"]
    assert node.client("iam", scoped).list_users()["Users"]
    code, message = refused(node.client("iam", scoped).list_roles)
    assert code == "AccessDenied"
    assert "no scope down policy allows the iam:ListRoles action" in message
    assert node.client("iam", session).list_roles()["Roles"]


def test_deny_in_a_scope_is_a_deny(node, session):
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    scoped = session_credentials(narrow(node, session, Policy=policy))
    _, message = refused(node.client("iam", scoped).list_users)
    assert "with an explicit deny in a scope down policy" in message


def test_scope_limits_what_a_trust_policy_grants_to_the_session_itself(node, session):
    """A session policy lets through what a resource names its session for; a scope does not."""
    arn = node.client("sts", session).get_caller_identity()["Arn"]
    role = node.role("next", trust({"AWS": arn}))
    scoped = session_credentials(narrow(node, session, Policy=READS))
    code, _ = refused(
        node.client("sts", scoped).assume_role, RoleArn=role, RoleSessionName="session"
    )
    assert code == "AccessDenied"
    assert node.assume(session, role)


def test_three_scopes_each_narrow_and_a_fourth_is_denied(node, session):
    again = "sts:GetScopedCredentials"
    scopes = [
        allow([again, "iam:ListUsers", "iam:ListRoles", "iam:ListGroups"]),
        allow([again, "iam:ListUsers", "iam:ListRoles"]),
        allow([again, "iam:ListUsers"]),
    ]
    for number, policy in enumerate(scopes, 1):
        answer = narrow(node, session, Policy=policy)
        session = session_credentials(answer)
        assert answer["ScopedPoliciesCount"] == number
    client = node.client("iam", session)
    assert client.list_users()["Users"]
    for call in (client.list_roles, client.list_groups):
        assert refused(call)[0] == "AccessDenied"
    code, _ = refused(node.client("sts", session).get_scoped_credentials, Policy=READS)
    assert code == "AccessDenied"
    shorter = narrow(node, session, DurationSeconds=60)
    assert shorter["ScopedPoliciesCount"] == 3


def test_scope_that_leaves_it_out_ends_the_chain(node, session):
    scoped = session_credentials(narrow(node, session, Policy=READS))
    code, message = refused(node.client("sts", scoped).get_scoped_credentials, DurationSeconds=60)
    assert (code, "sts:GetScopedCredentials" in message) == ("AccessDenied", True)


def test_life_is_inherited_or_shorter_and_never_longer(node, session):
    ends = int(node.now) + HOUR
    assert narrow(node, session, Policy=READS)["Credentials"]["Expiration"].timestamp() == ends
    node.now += 600
    scoped = session_credentials(narrow(node, session, DurationSeconds=1))
    code, message = refused(
        node.client("sts", session).get_scoped_credentials, DurationSeconds=HOUR - 599
    )
    assert (code, "3000 seconds" in message) == ("InsufficientSessionLifetime", True)
    assert narrow(node, session, DurationSeconds=HOUR - 600)["ScopedPoliciesCount"] == 0
    node.now += 1
    assert refused(node.client("sts", scoped).get_caller_identity)[0] == "ExpiredToken"


def test_tags_and_source_identity_go_on(node, session):
    role = node.role(
        "tagged",
        trust({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalTag/Team": "blue"}}),
    )
    wide = allow(["sts:AssumeRole", "sts:SetSourceIdentity"])
    assert node.assume(session_credentials(narrow(node, session, Policy=wide)), role)
    other = node.role(
        "sourced", trust({"AWS": "*"}, Action=["sts:AssumeRole", "sts:SetSourceIdentity"]), ALL
    )
    sourced = node.assume(node.user("carol", ALL), other, SourceIdentity="carol")
    assert narrow(node, sourced, Policy=READS)["SourceIdentity"] == "carol"


def test_only_temporary_credentials_are_narrowed(node):
    for credentials in (node.user("bob", ALL), node.root):
        code, message = refused(
            node.client("sts", credentials).get_scoped_credentials, Policy=READS
        )
        assert (code, "GetSessionToken" in message) == ("InvalidSubjectCredentials", True)


def test_session_of_a_user_and_of_root_are_narrowed_too(node):
    for credentials in (node.user("dave", ALL), node.root):
        wide = session_credentials(node.client("sts", credentials).get_session_token())
        scoped = session_credentials(narrow(node, wide, Policy=allow("sts:AssumeRole")))
        assert node.client("sts", scoped).get_caller_identity()["Account"] == ACCOUNT
        code, _ = refused(node.client("sts", scoped).get_scoped_credentials, Policy=READS)
        assert code == "AccessDenied"


def test_what_is_asked_for_is_checked(node, session):
    client = node.client("sts", session)
    assert refused(client.get_scoped_credentials)[0] == "ValidationError"
    assert refused(client.get_scoped_credentials, Policy="{}")[0] == "MalformedPolicyDocument"
    assert refused(client.get_scoped_credentials, DurationSeconds=0)[0] == "ValidationError"
    assert refused(client.get_scoped_credentials, Policy="x" * 2049)[0] == "ValidationError"
    large = narrow(node, session, Policy=READS, MinimumSessionTokenSize=3000)
    assert 3000 <= large["SessionTokenSize"] == len(large["Credentials"]["SessionToken"]) <= 4096


def test_revoking_a_session_or_its_role_until_now_reaches_what_it_was_narrowed_to(node, session):
    scoped = session_credentials(narrow(node, session, Policy=READS))
    other = session_credentials(narrow(node, session, Policy=READS))
    root = node.root

    def revoke(body: dict[str, str]) -> None:
        answer = signed(node, root, "POST", "/_daypass/sessions/revoke", body)
        assert answer == 200

    revoke({"AccessKeyId": scoped["aws_access_key_id"]})
    assert refused(node.client("iam", scoped).list_users)[0] == "InvalidClientTokenId"
    assert node.client("iam", other).list_users()["Users"]
    revoke({"AccessKeyId": session["aws_access_key_id"]})
    assert refused(node.client("iam", other).list_users)[0] == "InvalidClientTokenId"


def test_narrowing_does_not_escape_a_deny_on_the_time_of_issue(node, session):
    """What AWS calls "revoke active sessions" names a time; a session narrowed later is older."""
    node.now += 600
    issued = node.now - 300
    deny = {
        "Effect": "Deny",
        "Action": "iam:*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": f"{int(issued)}"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    node.client("iam").put_role_policy(
        RoleName="wide", PolicyName="revoked", PolicyDocument=document
    )
    scoped = session_credentials(narrow(node, session, Policy=READS))
    assert refused(node.client("iam", scoped).list_users)[0] == "AccessDenied"


def signed(
    node: LocalNode, credentials: dict[str, str], method: str, path: str, body: dict[str, str]
) -> int:
    """The status of a request to Daypass's own API, signed by botocore."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(
        method,
        f"{node.node.endpoint_url}{path}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    key = Credentials(credentials["aws_access_key_id"], credentials["aws_secret_access_key"])
    SigV4Auth(key, "daypass", node.node.region).add_auth(request)
    fields = [("host", "127.0.0.1:9311"), *request.headers.items()]
    return node.send(method, path, "", fields, request.body).status_code
