"""Whether the policies let a caller do what an operation needs."""

from collections.abc import Mapping, Sequence
from functools import partial

from daypass.gateway.caller import Caller
from daypass.gateway.node import Node
from daypass.gateway.operation import Permission
from daypass.policy import AuthorizationRequest, Decision, Layers, evaluate
from daypass.protocol.message import Request
from daypass.protocol.timestamps import iso8601_seconds

Context = Mapping[str, str | Sequence[str]]


def request_context(node: Node, caller: Caller, request: Request, now: float) -> Context:
    """The condition keys of one request that do not depend on the service.

    INVARIANT: keys under `aws:` come from here and from the verified caller alone. Of what the
    client sent, only its user agent and referer are among them, under the names AWS gives them.
    """
    context: dict[str, str | Sequence[str]] = {
        **caller.context,
        "aws:currenttime": iso8601_seconds(now),
        "aws:epochtime": str(int(now)),
        "aws:securetransport": "true" if request.scheme == "https" else "false",
        "aws:sourceip": request.client,
        "aws:requestedregion": node.region,
        "aws:viaawsservice": "false",
    }
    session = caller.session
    # A code in the request itself is newer than the session's.
    if session is not None and session.mfa and "aws:multifactorauthage" not in context:
        context["aws:multifactorauthage"] = str(max(0, int(now - session.issued)))
    user_agent = request.headers.get("user-agent")
    if user_agent is not None:
        context["aws:useragent"] = user_agent
    referer = request.headers.get("referer")
    if referer is not None:
        context["aws:referer"] = referer
    return context


class RequestContext:
    """The condition keys of one request, read when a policy first asks for one; few do."""

    __slots__ = ("_caller", "_keys", "_node", "_now", "_request")

    def __init__(self, node: Node, caller: Caller, request: Request, now: float) -> None:
        self._node = node
        self._caller = caller
        self._request = request
        self._now = now
        self._keys: Context | None = None

    def over(self, own: Context) -> Context:
        """These keys and a service's own, which cannot displace them: they are merged below."""
        if self._keys is None:
            self._keys = request_context(self._node, self._caller, self._request, self._now)
        return {**own, **self._keys} if own else self._keys


def decide(node: Node, caller: Caller, context: RequestContext, permission: Permission) -> Decision:
    """The decision of all policies that apply."""
    return evaluate(
        AuthorizationRequest(
            caller.principal,
            permission.action,
            permission.resource,
            partial(context.over, permission.context),
            permission.resource_account or node.account_id,
        ),
        Layers(
            identity=caller.identity,
            resource=permission.resource_policy,
            boundary=caller.boundary,
            session=caller.session_policies,
            scopes=caller.scopes,
            resource_must_allow=permission.resource_must_allow,
        ),
    )
