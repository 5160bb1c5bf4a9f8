"""Callers by name, and the condition keys their requests have."""

import pytest

from daypass.policy import ANONYMOUS, Principal, PrincipalKind, principal_keys, principal_of

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", PrincipalKind.ROOT),
        (f"arn:aws:iam::{ACCOUNT}:user/team/alice", PrincipalKind.USER),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/alice", PrincipalKind.USER),
        (ROLE, PrincipalKind.ROLE),
        (SESSION, PrincipalKind.ROLE_SESSION),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/visitor", PrincipalKind.FEDERATED_USER),
        (f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com", PrincipalKind.FEDERATED),
        (f"arn:aws:iam::{ACCOUNT}:saml-provider/corporate", PrincipalKind.FEDERATED),
    ],
)
def test_arns(name: str, kind: PrincipalKind) -> None:
    assert principal_of(name) == Principal(kind, ACCOUNT, name)


def test_other_names() -> None:
    assert principal_of(ACCOUNT) == principal_of(f"arn:aws:iam::{ACCOUNT}:root")
    assert principal_of("anonymous") == ANONYMOUS
    service = principal_of("lambda.amazonaws.com")
    assert (service.kind, service.service) == (PrincipalKind.SERVICE, "lambda.amazonaws.com")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "*",
        "alice",
        "12345678901",
        "arn:aws:s3:::bucket",
        f"arn:aws:iam::{ACCOUNT}:user/",
        f"arn:aws:iam::{ACCOUNT}:group/staff",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/worker",
        f"arn:aws:sts::{ACCOUNT}:user/alice",
        f"arn:aws:iam::{ACCOUNT}",
        "https://lambda.amazonaws.com",
        "*.amazonaws.com",
    ],
)
def test_what_is_no_caller(name: str) -> None:
    with pytest.raises(ValueError, match="is not an account"):
        principal_of(name)


@pytest.mark.parametrize(
    ("principal", "keys"),
    [
        # The table "principal key values" of "IAM policy elements: Variables".
        (
            principal_of(ACCOUNT),
            {
                "aws:principaltype": "Account",
                "aws:userid": ACCOUNT,
                "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:root",
            },
        ),
        (
            Principal(
                PrincipalKind.USER,
                ACCOUNT,
                f"arn:aws:iam::{ACCOUNT}:user/team/alice",
                unique_id="AIDAALICE",
            ),
            {
                "aws:principaltype": "User",
                "aws:userid": "AIDAALICE",
                "aws:username": "alice",
                "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user/team/alice",
            },
        ),
        (
            Principal(
                PrincipalKind.ROLE_SESSION,
                ACCOUNT,
                SESSION,
                role_arn=ROLE,
                unique_id="AROAWORKER",
            ),
            {
                "aws:principaltype": "AssumedRole",
                "aws:userid": "AROAWORKER:run",
                "aws:principalarn": ROLE,
            },
        ),
        (
            principal_of(f"arn:aws:sts::{ACCOUNT}:federated-user/visitor"),
            {
                "aws:principaltype": "FederatedUser",
                "aws:userid": f"{ACCOUNT}:visitor",
                "aws:principalarn": f"arn:aws:sts::{ACCOUNT}:federated-user/visitor",
            },
        ),
    ],
)
def test_keys_of_a_callers_requests(principal: Principal, keys: dict[str, str]) -> None:
    assert principal_keys(principal) == {**keys, "aws:principalaccount": ACCOUNT}


def test_callers_without_an_account_have_none_of_them() -> None:
    assert principal_keys(ANONYMOUS) == {}
    assert principal_keys(principal_of("lambda.amazonaws.com")) == {}
