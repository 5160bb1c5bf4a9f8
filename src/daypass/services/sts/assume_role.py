"""AssumeRole: temporary credentials with a role's permissions, if its trust policy allows."""

from collections.abc import Sequence
from typing import Final

from daypass.gateway.caller import Caller
from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.services.sts.errors import (
    access_denied,
    invalid_context_assertion,
    not_authorized,
    packed_policy_too_large,
    session_credentials,
    validation_error,
)
from daypass.services.sts.multi_factor import prove_mfa
from daypass.services.sts.requesting import Answer, answer, is_root
from daypass.services.sts.roles import (
    account_of_role,
    assumed_role_user,
    find_role,
    requested_duration,
    trust_policy,
)
from daypass.services.sts.session_policies import read_session_policies
from daypass.services.sts.session_tags import SessionTags, read_session_tags
from daypass.store.identity import Role
from daypass.tokens import SessionKind, TokenTooLargeError

_CHAINED_DURATION: Final = 3600


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
        raise invalid_context_assertion()
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
    trust, account = trust_policy(call), account_of_role(arn)
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
    role = find_role(call)
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
    further = assumed_role_user(call, role, session_name)
    if source_identity:
        further["SourceIdentity"] = source_identity
    return answer(issued, further, packed=bool(policies or tags))


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
    session = call.caller.session
    chained = session is not None and session.kind is SessionKind.ASSUMED_ROLE
    if chained and call.input.get("DurationSeconds", 0) > _CHAINED_DURATION:
        raise validation_error(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining."
        )
    return requested_duration(call, role)


OPERATION = Operation("AssumeRole", needs, perform, prove, issues=True)
