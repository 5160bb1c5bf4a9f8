"""GetLimits: what the process that answers counts, and whom it makes wait."""

import os
from typing import Any

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.store.issued import count_issued
from daypass.tokens import provider_subject


def needs(call: Call) -> tuple[Permission, ...]:
    """daypass:GetLimits."""
    arn = f"arn:aws:daypass:{call.node.region}:{call.node.account_id}:limits"
    return (Permission("daypass:GetLimits", arn),)


async def perform(call: Call) -> dict[str, Any]:
    """The settings, the counts, and what was refused or lost since the process began."""
    node = call.node
    limits, settings = node.limits, node.limits.settings
    listed, unlisted = count_issued(node.store.reader)
    return {
        "Process": os.getpid(),
        "PrincipalRate": settings.principal_rate,
        "AddressRate": settings.address_rate,
        "LiveSessions": settings.live_sessions,
        "Throttled": dict(limits.throttled),
        "Principals": [
            {"PrincipalId": principal, "Arn": _arn_of(node, principal), "Sessions": count}
            for principal, count in limits.live(call.now).items()
        ],
        "LockedOut": list(limits.locked_out()),
        "SessionsListed": listed,
        "SessionsUnlisted": unlisted,
        "AuditEventsLost": node.trail.lost,
    }


def _arn_of(node: Node, principal: str) -> str:
    """The ARN of who has this unique id; the id where nobody has it any more."""
    if principal == node.account_id:
        return f"arn:aws:iam::{principal}:root"
    subject = node.identity.user_by_id(principal) or node.identity.role_by_id(principal)
    if subject is not None:
        return subject.arn
    arns = [provider.arn for provider in node.oidc_providers.all()]
    arns += [provider.arn for provider in node.saml_providers.all()]
    return next((arn for arn in arns if provider_subject(arn) == principal), principal)


OPERATION = Operation("GetLimits", needs, perform, effect=Effect.READ)
