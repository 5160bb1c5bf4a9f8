"""Assuming a role as somebody for whom an identity provider vouches: what OIDC and SAML share."""

from collections.abc import Mapping, Sequence
from typing import Any

from daypass.federation import ExternalIdentity
from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Permission
from daypass.services.sts.errors import access_denied, packed_policy_too_large
from daypass.services.sts.requesting import Answer, answer
from daypass.services.sts.roles import (
    account_of_role,
    assumed_role_user,
    find_role,
    requested_duration,
    trust_policy,
)
from daypass.services.sts.session_policies import read_session_policies
from daypass.services.sts.session_tags import SessionTags
from daypass.tokens import SessionKind, TokenTooLargeError


def federated_permissions(
    call: Call, identity: ExternalIdentity, action: str, session_name: str
) -> Sequence[Permission]:
    """`action` by the role's trust policy, and what the identity's tags and source identity need.

    A caller without credentials has no policies of its own: the trust policy alone allows.
    """
    tags = _tags(identity)
    context: dict[str, str | Sequence[str]] = {
        "sts:rolesessionname": session_name,
        **tags.context(),
    }
    actions = [action]
    if tags:
        actions.append("sts:TagSession")
    if identity.source_identity:
        actions.append("sts:SetSourceIdentity")
        context["sts:sourceidentity"] = identity.source_identity
    arn: str = call.input["RoleArn"]
    return [
        Permission(
            each,
            arn,
            context,
            resource_policy=trust_policy(call),
            resource_account=account_of_role(arn),
            resource_must_allow=True,
        )
        for each in actions
    ]


def assume_with_federation(
    call: Call,
    identity: ExternalIdentity,
    action: str,
    session_name: str,
    further: Mapping[str, Any],
    *,
    duration: int | None = None,
) -> Answer:
    """Issue the session. duration: seconds, where the provider has its say in it."""
    role = find_role(call)
    if role is None:
        raise access_denied(f"Not authorized to perform {action}")
    seconds = requested_duration(call, role) if duration is None else duration
    policies, tags = read_session_policies(call), _tags(identity)
    try:
        issued = issue_session(
            call.node,
            kind=SessionKind.ASSUMED_ROLE,
            subject_id=role.id,
            subject_name=role.name,
            session_name=session_name,
            duration=seconds,
            now=call.now,
            issued_to=call.caller,
            session_policies=policies,
            source_identity=identity.source_identity,
            tags=tags.tags,
            transitive_tags=tags.transitive,
            smallest_token=call.input.get("MinimumSessionTokenSize", 0),
        )
    except TokenTooLargeError as error:
        raise packed_policy_too_large() from error
    output = {**assumed_role_user(call, role, session_name), **further}
    if identity.source_identity:
        output["SourceIdentity"] = identity.source_identity
    return answer(issued, output, packed=bool(policies or tags))


def _tags(identity: ExternalIdentity) -> SessionTags:
    return SessionTags(identity.tags, identity.transitive_tags)
