"""AWS's own managed policies are the largest sample of what AWS accepts."""

import json
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from daypass.policy import (
    AuthorizationRequest,
    Layers,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
)


@pytest.fixture(scope="module")
def managed() -> dict[str, Any]:
    found = json.loads(aws_managed_policies_data)
    assert len(found) > 1500
    return {name: policy["Document"] for name, policy in found.items()}


def test_every_managed_policy_parses_and_prints_to_the_same(managed: dict[str, Any]) -> None:
    for name, document in managed.items():
        policy = parse_policy(json.dumps(document), PolicyKind.IDENTITY, label=name)
        printed = policy.print()
        assert json.loads(printed) == document
        again = parse_policy(printed, PolicyKind.IDENTITY, label=name)
        assert again.document == policy.document
        assert [each.conditions for each in again.statements] == [
            each.conditions for each in policy.statements
        ]


@pytest.mark.parametrize(
    ("name", "action", "allowed"),
    [
        ("AdministratorAccess", "iam:CreateUser", True),
        ("ReadOnlyAccess", "s3:GetObject", True),
        ("ReadOnlyAccess", "s3:PutObject", False),
        ("AmazonS3ReadOnlyAccess", "s3:ListBucket", True),
        ("AmazonS3ReadOnlyAccess", "s3:DeleteObject", False),
        ("PowerUserAccess", "lambda:InvokeFunction", True),
        ("PowerUserAccess", "iam:CreateUser", False),
        ("AWSDenyAll", "s3:GetObject", False),
    ],
)
def test_what_well_known_policies_allow(
    managed: dict[str, Any], name: str, action: str, allowed: bool
) -> None:
    user = Principal(PrincipalKind.USER, "123456789012", "arn:aws:iam::123456789012:user/alice")
    policy = parse_policy(json.dumps(managed[name]), PolicyKind.IDENTITY, label=name)
    request = AuthorizationRequest(user, action, "arn:aws:s3:::bucket/key")
    assert evaluate(request, Layers(identity=PolicySet([policy]))).allowed is allowed
