"""Names are compared as AWS compares them (attacks 87, 96), and types are not mixed up."""

import pytest

from daypass.policy import (
    AuthorizationRequest,
    Layers,
    PolicyKind,
    Principal,
    PrincipalKind,
    evaluate,
)
from tests.policy.asking import ACCOUNT, ask, policy_set


def allows(resource: str, asked: str) -> bool:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return ask(statement, resource=asked).allowed


@pytest.mark.parametrize(
    "asked",
    ["arn:aws:s3:::bucket/SECRET", "arn:aws:s3:::BUCKET/secret", "ARN:aws:s3:::bucket/secret"],
)
def test_keys_and_buckets_in_another_case_are_others(asked: str) -> None:
    assert allows("arn:aws:s3:::bucket/secret", "arn:aws:s3:::bucket/secret")
    assert not allows("arn:aws:s3:::bucket/secret", asked)


@pytest.mark.parametrize(
    "asked",
    [
        "arn:aws:s3:::bucket/tenant1234/x",
        "arn:aws:s3:::bucket/tenant1",
        "arn:aws:s3:::bucket-tenant1/x",
        "arn:aws:s3:::bucket/xtenant1/x",
        "x-arn:aws:s3:::bucket/tenant1/x",
    ],
)
def test_a_prefix_is_not_a_longer_name(asked: str) -> None:
    assert allows("arn:aws:s3:::bucket/tenant1/*", "arn:aws:s3:::bucket/tenant1/x")
    assert not allows("arn:aws:s3:::bucket/tenant1/*", asked)


@pytest.mark.parametrize(
    "principal",
    [
        Principal(PrincipalKind.FEDERATED, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice"),
        Principal(PrincipalKind.SERVICE, service=f"arn:aws:iam::{ACCOUNT}:user/alice"),
        Principal(PrincipalKind.SERVICE, account=ACCOUNT, service="s3.amazonaws.com"),
        Principal(PrincipalKind.ANONYMOUS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice"),
        Principal(PrincipalKind.USER, "999988887777", "arn:aws:iam::999988887777:user/alice"),
        Principal(PrincipalKind.ROOT, "999988887777", "arn:aws:iam::999988887777:root"),
        Principal(PrincipalKind.USER, "", ""),
        Principal(
            PrincipalKind.ROLE_SESSION,
            "999988887777",
            "arn:aws:sts::999988887777:assumed-role/alice/alice",
        ),
    ],
)
def test_a_caller_of_another_kind_with_the_same_name_is_another(principal: Principal) -> None:
    named = {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT], "Service": "x.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": named, "Action": "*", "Resource": "*"}
    policies = policy_set(statement, kind=PolicyKind.RESOURCE)
    asked = AuthorizationRequest(principal, "s3:GetObject", "arn:aws:s3:::b/k", {}, ACCOUNT)
    assert not evaluate(asked, Layers(resource=policies)).allowed


def test_a_recreated_user_is_not_the_one_the_policy_names() -> None:
    """Stored policies hold unique ids; a new user of an old name has another."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "AIDAOLDOLDOLDOLDOLD00"},
        "Action": "*",
        "Resource": "*",
    }
    asked = AuthorizationRequest(
        Principal(
            PrincipalKind.USER,
            ACCOUNT,
            f"arn:aws:iam::{ACCOUNT}:user/alice",
            unique_id="AIDANEWNEWNEWNEWNEW00",
        ),
        "s3:GetObject",
        "arn:aws:s3:::b/k",
    )
    policies = policy_set(statement, kind=PolicyKind.RESOURCE)
    assert not evaluate(asked, Layers(resource=policies)).allowed
