"""The decision: AWS's policy evaluation logic.

From "Policy evaluation logic" of the IAM User Guide, and its tables of how resource-based
policies and the principals they name meet permissions boundaries and session policies.
"""

from daypass.policy.documents import Statement
from daypass.policy.patterns import Context
from daypass.policy.principals import (
    ACCOUNTLESS,
    DELEGATED,
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
    SCP,
    SESSION,
    VPC_ENDPOINT,
    AuthorizationRequest,
    Layer,
    Layers,
    Outcome,
    applicable_layers,
    lower_keys,
    resource_layer,
)

Verdict = tuple[Outcome, Layer, Statement | None]


def decide(request: AuthorizationRequest, layers: Layers) -> Verdict:
    """The outcome, the layer that decided, and the statement, if one did.

    An explicit deny in any layer ends it. Then every limit must allow, and something must grant;
    a grant in a resource-based policy passes the limits that the principal it names passes.
    """
    context = lower_keys(request.context)
    denied = _explicit_deny(request, context, layers)
    if denied is not None:
        return EXPLICIT_DENY, *denied
    missing = _missing_outer_allow(request, context, layers)
    if missing is not None:
        return IMPLICIT_DENY, missing, None
    return _grant(request, context, layers)


def _explicit_deny(
    request: AuthorizationRequest, context: Context, layers: Layers
) -> tuple[Layer, Statement] | None:
    action, resource, principal = request.action, request.resource, request.principal
    bounded = layers.boundary is not None
    for layer, policies in applicable_layers(request, layers):
        statement = policies.denying(action, resource, context, principal, bounded)
        if statement is not None:
            return layer, statement
    return None


def _missing_outer_allow(
    request: AuthorizationRequest, context: Context, layers: Layers
) -> Layer | None:
    """The organization's or the endpoint's limit that does not allow, whoever grants."""
    action, resource = request.action, request.resource
    if request.principal.kind not in ACCOUNTLESS:
        for level in layers.scps:
            if level.allowing(action, resource, context) is None:
                return SCP
    endpoint = layers.vpc_endpoint
    if endpoint is not None:
        grant, _ = endpoint.granting(action, resource, context, request.principal, False)
        if grant is NONE:
            return VPC_ENDPOINT
    return None


def _grant(request: AuthorizationRequest, context: Context, layers: Layers) -> Verdict:
    action, resource, principal = request.action, request.resource, request.principal
    named, layer = resource_layer(layers), IDENTITY
    grant, statement = NONE, None
    if layers.resource is not None:
        grant, statement = layers.resource.granting(
            action, resource, context, principal, layers.boundary is not None
        )
    if principal.kind in ACCOUNTLESS:
        outcome = IMPLICIT_DENY if grant is NONE else ALLOW
        return outcome, named, statement
    cross_account = request.cross_account
    if grant is NONE and (cross_account or layers.resource_must_allow):
        return IMPLICIT_DENY, named, None
    if cross_account:
        # What the resource's account grants, the caller's account must grant as well.
        grant = DELEGATED
    elif grant is FULL and not _limits_users(layers, principal.kind):
        return ALLOW, named, statement
    if grant < LIMITED:
        layer, statement = _caller_side(request, context, layers)
        if layer is IDENTITY and statement is None:
            return IMPLICIT_DENY, layer, None
    else:
        layer = named
    for limit, policies in ((BOUNDARY, layers.boundary), (SESSION, layers.session)):
        if policies is not None and policies.allowing(action, resource, context) is None:
            return IMPLICIT_DENY, limit, None
    return ALLOW, layer, statement


def _limits_users(layers: Layers, kind: PrincipalKind) -> bool:
    """A user whom a role trust policy names still needs its permissions boundary to allow
    sts:AssumeRole ("Update a role trust policy")."""
    return kind is PrincipalKind.USER and layers.resource is not None and layers.resource.trust


def _caller_side(
    request: AuthorizationRequest, context: Context, layers: Layers
) -> tuple[Layer, Statement | None]:
    """What allows on the caller's side. The root user is allowed by default."""
    if request.principal.kind is ROOT:
        return ROOT_USER, None
    if layers.identity is None:
        return IDENTITY, None
    allowing = layers.identity.allowing(request.action, request.resource, context)
    return IDENTITY, allowing
