"""The role that a request wants to assume, and how long its session may be."""

import re
from typing import Final

from daypass.gateway.operation import Call
from daypass.policy import PolicyKind, PolicySet, parse_policy
from daypass.services.sts.errors import validation_error
from daypass.services.sts.requesting import Answer
from daypass.store.identity import Role

_DEFAULT_DURATION: Final = 3600
_ROLE_ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[!-~]*/)?([\w+=,.@-]+)", re.ASCII)
# What stands in for the trust policy of a role that does not exist: it trusts no caller there is,
# so that the answer is the one for a role that exists and does not trust the caller.
_TRUSTS_NOBODY: Final = PolicySet(
    [
        parse_policy(
            '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",'
            '"Principal":{"Service":"nobody.invalid"}}}',
            PolicyKind.TRUST,
        )
    ]
)


def account_of_role(arn: str) -> str:
    """The account in a role's ARN. Raises `ServiceError` for what is not one."""
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise validation_error("Request ARN is invalid")
    return match[1]


def find_role(call: Call) -> Role | None:
    """The role with exactly the ARN of the request, its path included."""
    arn: str = call.input["RoleArn"]
    role = call.node.identity.role(arn.rpartition("/")[2])
    return role if role is not None and role.arn == arn else None


def trust_policy(call: Call) -> PolicySet:
    """The trust policy of the role; of one that does not exist, one that trusts nobody."""
    role = find_role(call)
    return _TRUSTS_NOBODY if role is None else role.trust


def requested_duration(call: Call, role: Role) -> int:
    """Seconds. Raises `ServiceError` for more than sessions of the role may have."""
    duration: int = call.input.get("DurationSeconds", _DEFAULT_DURATION)
    if duration > role.max_session_duration:
        raise validation_error(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return duration


def assumed_role_user(call: Call, role: Role, session_name: str) -> Answer:
    """The member that names the session."""
    arn = f"arn:aws:sts::{call.node.account_id}:assumed-role/{role.name}/{session_name}"
    return {"AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session_name}", "Arn": arn}}
