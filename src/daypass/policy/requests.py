"""What is asked, and the policies that apply to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from daypass.policy.patterns import Context
from daypass.policy.policyset import PolicySet
from daypass.policy.principals import ACCOUNTLESS, Principal, PrincipalKind


class Outcome(StrEnum):
    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"


class Layer(StrEnum):
    """The kinds of policy a decision can rest on, by AWS's names for them."""

    RCP = "resource control policy"
    SCP = "service control policy"
    VPC_ENDPOINT = "VPC endpoint policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SCOPE = "scope down policy"
    ROOT = "root user"


# A global name is looked up in a tenth of the time of an enumeration's member.
ALLOW, EXPLICIT_DENY, IMPLICIT_DENY = Outcome
RCP, SCP, VPC_ENDPOINT, RESOURCE, TRUST, IDENTITY, BOUNDARY, SESSION, SCOPE, ROOT_USER = Layer
ROOT, SERVICE = PrincipalKind.ROOT, PrincipalKind.SERVICE


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class AuthorizationRequest:
    """One question: may this principal do this?

    action: "s3:GetObject". resource: an ARN, "*" for an action without resource types. context:
    condition keys and their values; the keys are kept in lower case, in which they are compared.
    resource_account: the resource's owner; "" is the caller's own account.
    """

    principal: Final[Principal]
    action: Final[str]
    resource: Final[str]
    context: Final[Context] = field(default_factory=dict)
    resource_account: Final[str] = ""

    def __post_init__(self) -> None:
        # INVARIANT: evaluation reads keys in lower case and so finds each, however it was given.
        names = "".join(self.context)
        if names != names.lower():
            lowered = {name.lower(): value for name, value in self.context.items()}
            object.__setattr__(self, "context", lowered)

    @property
    def cross_account(self) -> bool:
        return bool(self.resource_account) and self.resource_account != self.principal.account


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Layers:
    """The policies that apply, by layer. None: the layer is absent and does not limit.

    scps: a set for each level, root of the organization first; each must allow. rcps: a set for
    each level; only their Deny statements count, since AWS's `RCPFullAWSAccess` cannot be
    detached. scopes: the policies that GetScopedCredentials narrowed a session by, one after the
    other; each must allow, whoever grants. resource_must_allow: the resource's own policy must
    allow, even in its own account (role trust policies).
    """

    identity: Final[PolicySet | None] = None
    resource: Final[PolicySet | None] = None
    boundary: Final[PolicySet | None] = None
    session: Final[PolicySet | None] = None
    scps: Final[Sequence[PolicySet]] = ()
    rcps: Final[Sequence[PolicySet]] = ()
    scopes: Final[Sequence[PolicySet]] = ()
    vpc_endpoint: Final[PolicySet | None] = None
    resource_must_allow: Final[bool] = False


def applicable_layers(
    request: AuthorizationRequest, layers: Layers
) -> Iterator[tuple[Layer, PolicySet]]:
    """The policies that can deny this caller, in the order in which a deny is named."""
    member = request.principal.kind not in ACCOUNTLESS
    if request.principal.kind is not SERVICE:
        for level in layers.rcps:
            yield RCP, level
    if member:
        for level in layers.scps:
            yield SCP, level
    if layers.vpc_endpoint is not None:
        yield VPC_ENDPOINT, layers.vpc_endpoint
    if layers.resource is not None:
        yield resource_layer(layers), layers.resource
    if member:
        if layers.identity is not None:
            yield IDENTITY, layers.identity
        if layers.boundary is not None:
            yield BOUNDARY, layers.boundary
        if layers.session is not None:
            yield SESSION, layers.session
        for scope in layers.scopes:
            yield SCOPE, scope


def resource_layer(layers: Layers) -> Layer:
    """What AWS calls the policy of the resource."""
    trust = layers.resource is not None and layers.resource.trust
    return TRUST if trust else RESOURCE
