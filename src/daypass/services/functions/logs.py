"""Where a function's lines go: its log group, as far as its execution role allows."""

from daypass.gateway.node import Node
from daypass.policy import (
    AuthorizationRequest,
    Layers,
    Principal,
    PrincipalKind,
    evaluate,
    principal_keys,
)
from daypass.store.identity import Role
from daypass.store.logs import LogStream, Permit

_NOTHING = Permit(put=False, make_group=False)


def open_stream(node: Node, role_arn: str, group: str, stream: str) -> LogStream:
    """A stream of the log group, written with the execution role as Lambda writes it."""
    asked = -1
    permit = _NOTHING

    def current() -> Permit:
        nonlocal asked, permit
        if asked != node.store.version:
            asked, permit = node.store.version, _permit(node, role_arn, group, stream)
        return permit

    return node.log_queue.stream(group, stream, current)


def _permit(node: Node, role_arn: str, group: str, stream: str) -> Permit:
    role = node.identity.role(role_arn.rpartition("/")[2])
    if role is None or role.arn != role_arn:
        return _NOTHING
    arn = f"arn:aws:logs:{node.region}:{node.account_id}:log-group:{group}:log-stream:"
    may_put = all(
        _allows(node, role, action, resource)
        for action, resource in (
            ("logs:CreateLogStream", arn),
            ("logs:PutLogEvents", f"{arn}{stream}"),
        )
    )
    return Permit(may_put, may_put and _allows(node, role, "logs:CreateLogGroup", arn))


def _allows(node: Node, role: Role, action: str, resource: str) -> bool:
    principal = Principal(
        PrincipalKind.ROLE_SESSION,
        node.account_id,
        f"arn:aws:sts::{node.account_id}:assumed-role/{role.name}/logs",
        role_arn=role.arn,
        unique_id=role.id,
    )
    context = {**principal_keys(principal), "aws:requestedregion": node.region}
    request = AuthorizationRequest(principal, action, resource, context, node.account_id)
    return evaluate(request, Layers(identity=role.identity, boundary=role.boundary)).allowed
