"""The decision: AWS's policy evaluation logic.

From "Policy evaluation logic" of the IAM User Guide, and its tables of how resource-based
policies and the principals they name meet permissions boundaries and session policies.
"""

from daypass.policy.documents import Statement
from daypass.policy.principals import (
    ACCOUNTLESS,
    FULL,
    LIMITED,
    NONE,
    PrincipalKind,
)
from daypass.policy.requests import (
    ALLOW,
    BOUNDARY,
    EXPLICIT_DENY,
    IDENTITY,
    IMPLICIT_DENY,
    ROOT,
    ROOT_USER,
    SCOPE,
    SCP,
    SESSION,
    USER,
    VPC_ENDPOINT,
    AuthorizationRequest,
    Layer,
    Layers,
    Outcome,
    applicable_layers,
    resource_layer,
)

Verdict = tuple[Outcome, Layer, Statement | None]


def decide(request: AuthorizationRequest, layers: Layers) -> Verdict:
    """The outcome, the layer that decided, and the statement, if one did.

    An explicit deny in any layer ends it. Then every limit must allow, and something must grant;
    a grant in a resource-based policy passes the limits that the principal it names passes.
    """
    denied = _explicit_deny(request, layers)
    if denied is not None:
        return denied
    missing = _missing_outer_allow(request, layers)
    if missing is not None:
        return IMPLICIT_DENY, missing, None
    return _grant(request, layers)


def _explicit_deny(request: AuthorizationRequest, layers: Layers) -> Verdict | None:
    bounded = layers.boundary is not None
    for layer, policies in applicable_layers(request, layers):
        if policies.denies:
            statement = policies.denying(request, bounded)
            if statement is not None:
                return EXPLICIT_DENY, layer, statement
    return None


def _missing_outer_allow(request: AuthorizationRequest, layers: Layers) -> Layer | None:
    """The limit that does not allow, whoever grants: the organization's, the session's scope, or
    the endpoint's."""
    if layers.scps and request.principal.kind not in ACCOUNTLESS:
        for level in layers.scps:
            if level.allowing(request) is None:
                return SCP
    for scope in layers.scopes:
        if scope.allowing(request) is None:
            return SCOPE
    endpoint = layers.vpc_endpoint
    if endpoint is not None and endpoint.granting(request, False)[0] is NONE:
        return VPC_ENDPOINT
    return None


def _grant(request: AuthorizationRequest, layers: Layers) -> Verdict:
    grant, statement, kind = NONE, None, request.principal.kind
    if layers.resource is not None:
        grant, statement = layers.resource.granting(request, layers.boundary is not None)
    if kind in ACCOUNTLESS:
        return ALLOW if grant else IMPLICIT_DENY, resource_layer(layers), statement
    cross_account = request.cross_account
    if grant is NONE and (cross_account or layers.resource_must_allow):
        return IMPLICIT_DENY, resource_layer(layers), None
    # What the resource's account grants, the caller's account must grant as well.
    if cross_account or grant < LIMITED:
        return _caller_side(request, layers)
    if grant is FULL and not _limits_users(layers, kind):
        return ALLOW, resource_layer(layers), statement
    limit = _silent_limit(request, layers)
    if limit is not None:
        return IMPLICIT_DENY, limit, None
    return ALLOW, resource_layer(layers), statement


def _caller_side(request: AuthorizationRequest, layers: Layers) -> Verdict:
    """Whether the caller's account allows: identity-based policies within their limits. The root
    user is allowed by default."""
    layer, statement = IDENTITY, None
    if request.principal.kind is ROOT:
        layer = ROOT_USER
    elif layers.identity is not None:
        statement = layers.identity.allowing(request)
    if statement is None and layer is IDENTITY:
        return IMPLICIT_DENY, layer, None
    limit = _silent_limit(request, layers)
    if limit is not None:
        return IMPLICIT_DENY, limit, None
    return ALLOW, layer, statement


def _silent_limit(request: AuthorizationRequest, layers: Layers) -> Layer | None:
    """The boundary or the session policy that is there and does not allow."""
    boundary, session = layers.boundary, layers.session
    if boundary is not None and boundary.allowing(request) is None:
        return BOUNDARY
    if session is not None and session.allowing(request) is None:
        return SESSION
    return None


def _limits_users(layers: Layers, kind: PrincipalKind) -> bool:
    """A user whom a role trust policy names still needs its permissions boundary to allow
    sts:AssumeRole ("Update a role trust policy")."""
    return kind is USER and layers.resource is not None and layers.resource.trust
