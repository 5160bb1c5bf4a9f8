"""AssumeRole and GetSessionToken with the code of an MFA device."""

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
from tests.mfa import Device, enabled_device, new_device

ALICE = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
FAILED = "MultiFactorAuthentication failed"
WRONG = ("AccessDenied", 403, f"{FAILED} with invalid MFA one time pass code.")
NOT_ASSOCIATED = (
    "AccessDenied",
    403,
    f"{FAILED}, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user.",
)
INCOMPLETE = (
    "AccessDenied",
    403,
    f"{FAILED}, must provide both MFA serial number and one time pass code.",
)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def alice(node: LocalNode) -> dict[str, str]:
    return node.user("alice")


@pytest.fixture
def device(node: LocalNode, alice: dict[str, str]) -> Device:
    """Alice's device, which has shown no code of now or later."""
    return enabled_device(node.client("iam"), "alice", node.now)


def refusal(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refused:
        call(**given)
    answer = refused.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


# -- AssumeRole --------------------------------------------------------------------------------


def test_a_trust_policy_that_wants_mfa_is_satisfied_by_a_code_alone(node, alice, device):
    role = node.role("careful", trust(ALICE, Condition=WITH_MFA))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    without = refusal(client.assume_role, **given)
    assert without[:2] == ("AccessDenied", 403)
    assert "is not authorized to perform: sts:AssumeRole" in without[2]
    assert client.assume_role(**given, **device.given(node.now))["Credentials"]


def test_the_age_is_nothing_at_the_moment_of_the_code(node, alice, device):
    condition = {"NumericLessThan": {"aws:MultiFactorAuthAge": "1"}}
    role = node.role("careful", trust(ALICE, Condition=condition))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert refusal(client.assume_role, **given)[0] == "AccessDenied"
    assert client.assume_role(**given, **device.given(node.now))


def test_a_session_without_mfa_can_still_show_a_code(node, alice, device):
    role = node.role("careful", trust(ALICE, Condition=WITH_MFA))
    own = session_credentials(node.client("sts", alice).get_session_token())
    client = node.client("sts", own)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert refusal(client.assume_role, **given)[0] == "AccessDenied"
    assert client.assume_role(**given, **device.given(node.now))


def test_the_session_of_a_role_does_not_carry_mfa_on(node, alice, device):
    # "The temporary credentials returned by AssumeRole do not include MFA information."
    present = {"Null": {"aws:MultiFactorAuthAge": "false"}}
    policy = allow("iam:ListUsers", Condition=WITH_MFA), allow("iam:ListRoles", Condition=present)
    role = node.role("careful", trust(ALICE), policy[0])
    node.client("iam").put_role_policy(
        RoleName="careful", PolicyName="age", PolicyDocument=policy[1]
    )
    session = node.assume(alice, role, **device.given(node.now))
    client = node.client("iam", session)
    assert refusal(client.list_users)[0] == "AccessDenied"
    assert refusal(client.list_roles)[0] == "AccessDenied"


def test_a_code_is_checked_even_if_the_role_does_not_ask_for_it(node, alice, device):
    role = node.role("easy", trust(ALICE))
    client = node.client("sts", alice)
    given = {"RoleArn": role, "RoleSessionName": "session"}
    wrong = {"SerialNumber": device.serial, "TokenCode": device.code(node.now - 3600)}
    assert refusal(client.assume_role, **given, **wrong) == WRONG
    assert client.assume_role(**given)


def test_root_and_federated_users_are_refused_before_a_code_is_looked_at(node, device):
    role = node.role("careful", trust({"AWS": ACCOUNT}))
    given = {"RoleArn": role, "RoleSessionName": "session", **device.given(node.now)}
    assert refusal(node.client("sts").assume_role, **given)[2] == (
        "Roles may not be assumed by root accounts."
    )
    bob = node.user("bob", allow("sts:*"))
    federated = session_credentials(
        node.client("sts", bob).get_federation_token(Name="carol", Policy=allow("*"))
    )
    assert refusal(node.client("sts", federated).assume_role, **given)[2] == (
        "Cannot call AssumeRole with session credentials"
    )


def test_the_session_of_a_role_has_no_device(node, alice, device):
    first = node.role("first", trust(ALICE), allow("sts:AssumeRole"))
    second = node.role("second", trust({"AWS": ACCOUNT}))
    client = node.client("sts", node.assume(alice, first))
    given = {"RoleArn": second, "RoleSessionName": "session"}
    assert refusal(client.assume_role, **given, **device.given(node.now)) == NOT_ASSOCIATED


# -- GetSessionToken ---------------------------------------------------------------------------


def test_session_tokens_with_mfa_carry_it_and_its_age(node, device):
    # Alice may list users with MFA, and roles for five minutes after it.
    iam = node.client("iam")
    recent = {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    for name, policy in {
        "mfa": allow("iam:ListUsers", Condition=WITH_MFA),
        "age": allow("iam:ListRoles", Condition=recent),
    }.items():
        iam.put_user_policy(UserName="alice", PolicyName=name, PolicyDocument=policy)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    answer = node.client("sts", alice).get_session_token(**device.given(node.now))
    client = node.client("iam", session_credentials(answer))
    assert client.list_users()["Users"]
    assert client.list_roles()["Roles"] == []
    node.now += 299
    assert client.list_roles()["Roles"] == []
    node.now += 1
    assert refusal(client.list_roles)[0] == "AccessDenied"
    assert client.list_users()["Users"]
    assert refusal(node.client("iam", alice).list_users)[0] == "AccessDenied"


def test_iam_is_closed_to_session_tokens_without_mfa(node, device):
    bob = node.user("bob", allow("iam:*"))
    own = enabled_device(node.client("iam"), "bob", node.now)
    client = node.client("sts", bob)
    plain = session_credentials(client.get_session_token())
    assert refusal(node.client("iam", plain).list_users)[:2] == ("InvalidClientTokenId", 403)
    strong = session_credentials(client.get_session_token(**own.given(node.now)))
    assert node.client("iam", strong).list_users()["Users"]


def test_mfa_is_absent_for_long_term_keys_and_false_for_other_sessions(node):
    # IAM User Guide, "aws:MultiFactorAuthPresent".
    role = node.role("reader", trust({"AWS": ACCOUNT}), allow("iam:ListUsers"))
    absent = allow("sts:*", Condition={"Null": {"aws:MultiFactorAuthPresent": "true"}})
    false = allow("sts:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})
    for policy, long_term, session in ((absent, True, False), (false, False, True)):
        name = "long" if long_term else "short"
        user = node.user(name, policy)
        own = session_credentials(node.client("sts", user).get_session_token())
        for credentials, allowed in ((user, long_term), (own, session)):
            client = node.client("sts", credentials)
            given = {"RoleArn": role, "RoleSessionName": "session"}
            if allowed:
                assert client.assume_role(**given)
            else:
                assert refusal(client.assume_role, **given)[0] == "AccessDenied"


def test_a_session_token_with_mfa_assumes_a_role_that_wants_it(node, alice, device):
    condition = {**WITH_MFA, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}
    role = node.role("careful", trust(ALICE, Condition=condition))
    answer = node.client("sts", alice).get_session_token(**device.given(node.now))
    client = node.client("sts", session_credentials(answer))
    given = {"RoleArn": role, "RoleSessionName": "session"}
    assert client.assume_role(**given)
    node.now += 60
    assert refusal(client.assume_role, **given)[0] == "AccessDenied"
    # A code now is newer than that of the session.
    assert client.assume_role(**given, **device.given(node.now))


def test_root_has_no_device(node, device):
    assert refusal(node.client("sts").get_session_token, **device.given(node.now)) == NOT_ASSOCIATED


# -- codes -------------------------------------------------------------------------------------


def test_both_members_are_needed(node, alice, device):
    client = node.client("sts", alice)
    for given in ({"SerialNumber": device.serial}, {"TokenCode": device.code(node.now)}):
        assert refusal(client.get_session_token, **given) == INCOMPLETE
        role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any", "RoleSessionName": "session"}
        assert refusal(client.assume_role, **role, **given) == INCOMPLETE


def test_codes_of_the_window_are_taken_and_no_others(node, alice, device):
    client = node.client("sts", alice)
    node.now += 600
    for moment in (-60, 60):
        assert refusal(client.get_session_token, **device.given(node.now + moment)) == WRONG
    for moment in (-30, 0, 30):
        assert client.get_session_token(**device.given(node.now + moment))


def test_a_device_whose_clock_is_wrong_is_brought_in_step(node, alice, device):
    iam, client = node.client("iam"), node.client("sts", alice)
    node.now += 600
    late = node.now - 300
    assert refusal(client.get_session_token, **device.given(late)) == WRONG
    iam.resync_mfa_device(
        UserName="alice",
        SerialNumber=device.serial,
        AuthenticationCode1=device.code(late),
        AuthenticationCode2=device.code(late + 30),
    )
    node.now += 60
    assert client.get_session_token(**device.given(node.now - 300))
    assert refusal(client.get_session_token, **device.given(node.now)) == WRONG


@pytest.mark.parametrize(
    ("serial", "code"),
    [("short", "123456"), ("s" * 257, "123456"), ("with a space", "123456")],
)
def test_a_serial_number_that_cannot_be_one_fails_validation(node, alice, serial, code):
    answer = refusal(
        node.client("sts", alice).get_session_token, SerialNumber=serial, TokenCode=code
    )
    assert answer[:2] == ("ValidationError", 400)
    assert "serialNumber" in answer[2]


@pytest.mark.parametrize("code", ["12345", "1234567", "12345x", "12 456"])
def test_a_code_that_cannot_be_one_fails_validation(node, alice, device, code):
    client = node.client("sts", alice)
    answer = refusal(client.get_session_token, SerialNumber=device.serial, TokenCode=code)
    assert answer[:2] == ("ValidationError", 400)
    assert "tokenCode" in answer[2]


def test_a_device_that_is_not_enabled_for_the_user_proves_nothing(node, alice):
    unassigned = new_device(node.client("iam"), "spare")
    client = node.client("sts", alice)
    assert refusal(client.get_session_token, **unassigned.given(node.now)) == NOT_ASSOCIATED
    absent = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/absent", "TokenCode": "123456"}
    assert refusal(client.get_session_token, **absent) == NOT_ASSOCIATED
