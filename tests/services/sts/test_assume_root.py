"""AssumeRoot: the root user for one task."""

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

TASK = "arn:aws:iam::aws:policy/root-task/"
AUDIT = {"TaskPolicyArn": {"arn": f"{TASK}IAMAuditRootUserCredentials"}}
DELETE = {"TaskPolicyArn": {"arn": f"{TASK}IAMDeleteRootUserCredentials"}}
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def admin(node: LocalNode) -> Any:
    """A client of STS that may assume root."""
    return node.client("sts", node.user("admin", allow("sts:AssumeRoot", ROOT)))


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


@pytest.mark.parametrize("target", [ACCOUNT, ROOT])
def test_the_session_is_roots_for_a_quarter_of_an_hour(node, admin, target):
    answer = admin.assume_root(TargetPrincipal=target, **AUDIT)
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 900
    assert answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"])
    session = session_credentials(answer)
    identity = node.client("sts", session).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (ROOT, ACCOUNT)


def test_the_task_is_all_that_can_be_done(node, admin):
    session = session_credentials(admin.assume_root(TargetPrincipal=ACCOUNT, **AUDIT))
    iam = node.client("iam", session)
    [key] = iam.list_access_keys()["AccessKeyMetadata"]
    assert key["AccessKeyId"] == node.root["aws_access_key_id"]
    assert iam.get_user()["User"]["Arn"] == ROOT
    assert iam.get_account_summary()["SummaryMap"]
    key_id = {"AccessKeyId": key["AccessKeyId"]}
    code, _, message = refusal(iam.delete_access_key, **key_id)
    assert code == "AccessDenied"
    assert "with an explicit deny in an identity-based policy" in message
    assert refusal(iam.list_users)[0] == "AccessDenied"
    # Of other users neither, for the task is root's own credentials.
    assert refusal(iam.list_access_keys, UserName="admin")[0] == "AccessDenied"
    sts = node.client("sts", session)
    assert refusal(sts.get_session_token)[0] == "AccessDenied"
    assert refusal(sts.assume_root, TargetPrincipal=ACCOUNT, **DELETE)[0] == "AccessDenied"
    role = node.role("reader", trust({"AWS": ACCOUNT}))
    assert refusal(sts.assume_role, RoleArn=role, RoleSessionName="session")[0] == "AccessDenied"


def test_the_root_users_keys_can_be_taken_away(node, admin):
    session = session_credentials(admin.assume_root(TargetPrincipal=ACCOUNT, **DELETE))
    iam = node.client("iam", session)
    iam.delete_access_key(AccessKeyId=node.root["aws_access_key_id"])
    assert iam.list_access_keys()["AccessKeyMetadata"] == []
    assert refusal(node.client("sts").get_caller_identity)[0] == "InvalidClientTokenId"


def test_permission_is_for_root_and_can_be_for_one_task(node):
    condition = {"StringEquals": {"sts:TaskPolicyArn": AUDIT["TaskPolicyArn"]["arn"]}}
    auditor = node.client(
        "sts", node.user("auditor", allow("sts:AssumeRoot", ROOT, Condition=condition))
    )
    assert auditor.assume_root(TargetPrincipal=ACCOUNT, **AUDIT)
    code, status, message = refusal(auditor.assume_root, TargetPrincipal=ACCOUNT, **DELETE)
    assert (code, status) == ("AccessDenied", 403)
    assert f"sts:AssumeRoot on resource: {ROOT}" in message
    nobody = node.client("sts", node.user("nobody"))
    assert refusal(nobody.assume_root, TargetPrincipal=ACCOUNT, **AUDIT)[0] == "AccessDenied"


def test_a_role_assumes_root_and_the_source_identity_stays(node):
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    alice = node.user("alice", allow(actions))
    role = node.role("admin", trust({"AWS": ACCOUNT}, Action=actions), allow("sts:AssumeRoot"))
    session = node.assume(alice, role, SourceIdentity="alice")
    answer = node.client("sts", session).assume_root(TargetPrincipal=ACCOUNT, **AUDIT)
    assert answer["SourceIdentity"] == "alice"


def test_neither_root_nor_sessions_of_users_may_call_it(node):
    given = {"TargetPrincipal": ACCOUNT, **AUDIT}
    assert refusal(node.client("sts").assume_root, **given)[:2] == ("AccessDenied", 403)
    alice = node.client("sts", node.user("alice", allow("sts:*")))
    for session in (
        session_credentials(alice.get_session_token()),
        session_credentials(alice.get_federation_token(Name="bob", Policy=allow("*"))),
    ):
        assert refusal(node.client("sts", session).assume_root, **given) == (
            "AccessDenied",
            403,
            "Cannot call AssumeRoot with session credentials",
        )


def test_other_accounts_policies_and_principals_are_refused(node):
    admin = node.client("sts", node.user("admin", allow("sts:*")))
    for target in ("999999999999", "arn:aws:iam::999999999999:root"):
        code, status, message = refusal(admin.assume_root, TargetPrincipal=target, **AUDIT)
        assert (code, status) == ("AccessDenied", 403)
        assert "sts:AssumeRoot on resource: arn:aws:iam::999999999999:root" in message
    for target in (f"arn:aws:iam::{ACCOUNT}:user/admin", "x" * 12):
        assert refusal(admin.assume_root, TargetPrincipal=target, **AUDIT)[0] == "ValidationError"
    for policy in ("arn:aws:iam::aws:policy/AdministratorAccess", f"{TASK}Everything"):
        given = {"TargetPrincipal": ACCOUNT, "TaskPolicyArn": {"arn": policy}}
        assert refusal(admin.assume_root, **given)[:2] == ("ValidationError", 400)


def test_the_duration_has_bounds(node, admin):
    given = {"TargetPrincipal": ACCOUNT, **AUDIT}
    for seconds, lives in ((0, 1), (1, 1), (900, 900)):
        answer = admin.assume_root(DurationSeconds=seconds, **given)
        assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + lives
    for seconds in (-1, 901):
        code, _, message = refusal(admin.assume_root, DurationSeconds=seconds, **given)
        assert code == "ValidationError"
        assert "'durationSeconds'" in message


def test_revoking_who_assumed_root_ends_the_session(node, admin):
    session = session_credentials(admin.assume_root(TargetPrincipal=ACCOUNT, **AUDIT))
    client = node.client("sts", session)
    assert client.get_caller_identity()
    user_id = node.client("iam").get_user(UserName="admin")["User"]["UserId"]
    from daypass.store.sessions import revoke_subject

    node.store.write_now(lambda t: revoke_subject(t, user_id, node.now, node.now))
    assert refusal(client.get_caller_identity)[0] == "InvalidClientTokenId"
