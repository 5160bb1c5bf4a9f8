"""Where the records of asynchronous events go: other functions, as the execution role may."""

import re
from typing import Final

from daypass.gateway.node import Node
from daypass.policy import (
    AuthorizationRequest,
    Layers,
    Principal,
    PrincipalKind,
    evaluate,
    principal_keys,
)
from daypass.protocol.timestamps import iso8601_seconds
from daypass.services.functions.names import Reference, lookup, permission

_FUNCTION: Final = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:"
    r"(?P<name>[a-zA-Z0-9_-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)


def read_destination(node: Node, arn: str) -> Reference | None:
    """The function of this ARN, if it is one here."""
    match = _FUNCTION.fullmatch(arn)
    if match is None or match["region"] != node.region:
        return None
    reference = Reference(
        match["name"], match["qualifier"] or "", match["account"], match["region"]
    )
    return None if lookup(node, reference) is None else reference


def may_invoke(node: Node, role_arn: str, session_name: str, reference: Reference) -> bool:
    """Whether the execution role may invoke that function, by its policies or the function's."""
    role = node.identity.role(role_arn.rpartition("/")[2])
    if role is None or role.arn != role_arn:
        return False
    principal = Principal(
        PrincipalKind.ROLE_SESSION,
        node.account_id,
        f"arn:aws:sts::{node.account_id}:assumed-role/{role.name}/{session_name}",
        role_arn=role.arn,
        unique_id=role.id,
    )
    now = node.clock()
    needed = permission(node, reference, "lambda:InvokeFunction", {})
    context = {
        **needed.context,
        **principal_keys(principal),
        **{f"aws:principaltag/{name.lower()}": value for name, value in role.tags.items()},
        "aws:currenttime": iso8601_seconds(now),
        "aws:epochtime": str(int(now)),
        "aws:requestedregion": node.region,
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
    }
    request = AuthorizationRequest(
        principal, needed.action, needed.resource, context, needed.resource_account
    )
    layers = Layers(identity=role.identity, resource=needed.resource_policy, boundary=role.boundary)
    return evaluate(request, layers).allowed
