"""A short way to ask for one decision."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daypass.policy import (
    AuthorizationRequest,
    Decision,
    Layers,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
)

ACCOUNT = "123456789012"
ALICE = Principal(
    PrincipalKind.USER,
    ACCOUNT,
    f"arn:aws:iam::{ACCOUNT}:user/alice",
    unique_id="AIDAALICEALICEALICE00",
)
EVERYTHING = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}


def policy_set(
    *statements: Mapping[str, Any],
    kind: PolicyKind = PolicyKind.IDENTITY,
    version: str = "2012-10-17",
    label: str = "",
) -> PolicySet:
    if not statements:
        return PolicySet()
    text = json.dumps({"Version": version, "Statement": list(statements)})
    return PolicySet([parse_policy(text, kind, label=label)])


def ask(
    *statements: Mapping[str, Any],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::bucket/key",
    context: Mapping[str, str | Sequence[str]] | None = None,
    principal: Principal = ALICE,
) -> Decision:
    """What an identity-based policy of these statements decides."""
    request = AuthorizationRequest(principal, action, resource, context or {}, ACCOUNT)
    return evaluate(request, Layers(identity=policy_set(*statements)))
