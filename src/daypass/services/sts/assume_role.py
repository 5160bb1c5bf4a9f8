"""AssumeRole: temporary credentials with a role's permissions, if its trust policy allows."""

import re
from collections.abc import Sequence
from typing import Final

from daypass.gateway.caller import Caller
from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.policy import PolicyKind, PolicySet, parse_policy
from daypass.services.sts.errors import (
    access_denied,
    not_authorized,
    packed_policy_too_large,
    session_credentials,
    validation_error,
)
from daypass.services.sts.multi_factor import prove_mfa
from daypass.services.sts.requesting import Answer, answer, is_root
from daypass.services.sts.session_policies import read_session_policies
from daypass.services.sts.session_tags import SessionTags, read_session_tags
from daypass.store.identity import Role
from daypass.tokens import SessionKind, TokenTooLargeError

_DEFAULT_DURATION: Final = 3600
_CHAINED_DURATION: Final = 3600
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


async def prove(call: Call) -> Caller:
    """The code of an MFA device, if the request has one.

    The trust policy sees it; the session does not keep it ("Secure API access with MFA" in the
    IAM User Guide).
    """
    if is_root(call):
        raise access_denied("Roles may not be assumed by root accounts.")
    session = call.caller.session
    if session is not None and session.kind is SessionKind.FEDERATED_USER:
        raise session_credentials(call.operation.name)
    return await prove_mfa(call)


def needs(call: Call) -> Sequence[Permission]:
    """sts:AssumeRole by the role's trust policy, and what tags and a source identity ask for."""
    if call.input.get("ProvidedContexts"):
        raise validation_error("ProvidedContexts is not supported by this server. Leave it out.")
    tags = read_session_tags(call)
    source_identity = _source_identity(call)
    context: dict[str, str | Sequence[str]] = {
        "sts:rolesessionname": call.input["RoleSessionName"],
        **tags.context(),
    }
    if "ExternalId" in call.input:
        context["sts:externalid"] = call.input["ExternalId"]
    if source_identity:
        context["sts:sourceidentity"] = source_identity
    actions = ["sts:AssumeRole"]
    if tags:
        actions.append("sts:TagSession")
    if source_identity:
        actions.append("sts:SetSourceIdentity")
    arn: str = call.input["RoleArn"]
    account = _account_of_role(arn)
    role = _find_role(call)
    trust = _TRUSTS_NOBODY if role is None else role.trust
    return [
        Permission(
            action,
            arn,
            context,
            resource_policy=trust,
            resource_account=account,
            resource_must_allow=True,
        )
        for action in actions
    ]


async def perform(call: Call) -> Answer:
    """Issue the session."""
    role = _find_role(call)
    if role is None:
        raise not_authorized(call, "sts:AssumeRole", call.input["RoleArn"])
    session_name: str = call.input["RoleSessionName"]
    policies = read_session_policies(call)
    tags: SessionTags = read_session_tags(call)
    source_identity = _source_identity(call)
    try:
        issued = issue_session(
            call.node,
            kind=SessionKind.ASSUMED_ROLE,
            subject_id=role.id,
            subject_name=role.name,
            session_name=session_name,
            duration=_duration(call, role),
            now=call.now,
            issued_to=call.caller,
            session_policies=policies,
            source_identity=source_identity,
            tags=tags.tags,
            transitive_tags=tags.transitive,
            smallest_token=call.input.get("MinimumSessionTokenSize", 0),
        )
    except TokenTooLargeError as error:
        raise packed_policy_too_large() from error
    account = call.node.account_id
    further: Answer = {
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{session_name}",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role.name}/{session_name}",
        }
    }
    if source_identity:
        further["SourceIdentity"] = source_identity
    return answer(issued, further, packed=bool(policies or tags))


def _account_of_role(arn: str) -> str:
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise validation_error("Request ARN is invalid")
    return match[1]


def _find_role(call: Call) -> Role | None:
    """The role with exactly this ARN, its path included."""
    arn: str = call.input["RoleArn"]
    role = call.node.identity.role(arn.rpartition("/")[2])
    return role if role is not None and role.arn == arn else None


def _source_identity(call: Call) -> str:
    """The source identity of the new session; once set it stays along the chain."""
    passed: str = call.input.get("SourceIdentity", "")
    session = call.caller.session
    inherited = session.source_identity if session is not None else ""
    if inherited and passed and passed != inherited:
        raise not_authorized(call, "sts:SetSourceIdentity", call.input["RoleArn"])
    return inherited or passed


def _duration(call: Call, role: Role) -> int:
    """Seconds. Raises `ServiceError` for more than the role, or a chain of roles, may have."""
    duration: int = call.input.get("DurationSeconds", _DEFAULT_DURATION)
    session = call.caller.session
    chained = session is not None and session.kind is SessionKind.ASSUMED_ROLE
    if chained and duration > _CHAINED_DURATION:
        raise validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining."
        )
    if duration > role.max_session_duration:
        raise validation_error(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return duration


OPERATION = Operation("AssumeRole", needs, perform, prove)
