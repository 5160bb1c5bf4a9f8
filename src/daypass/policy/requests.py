"""What is asked, and the policies that apply to it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from daypass.policy.patterns import NO_KEYS, Context
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
ROOT, USER, SERVICE = PrincipalKind.ROOT, PrincipalKind.USER, PrincipalKind.SERVICE


class AuthorizationRequest:
    """One question: may this principal do this?

    action: "s3:GetObject". resource: an ARN, "*" for an action without resource types. context:
    condition keys and their values, or what gives them; that is called once, and not at all if
    no policy that is about the action reads a key. resource_account: the resource's owner; "" is
    the caller's own account.
    """

    __slots__ = ("_context", "_given", "action", "principal", "resource", "resource_account")

    def __init__(
        self,
        principal: Principal,
        action: str,
        resource: str,
        context: Context | Callable[[], Context] = NO_KEYS,
        resource_account: str = "",
    ) -> None:
        self.principal: Final = principal
        self.action: Final = action
        self.resource: Final = resource
        self.resource_account: Final = resource_account
        self._given: Final = context
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """Condition keys, in the lower case in which they are compared, and their values."""
        if self._context is None:
            given = self._given() if callable(self._given) else self._given
            # INVARIANT: evaluation reads keys in lower case, so it finds each however it was given.
            names = "".join(given)
            if names != names.lower():
                given = {name.lower(): value for name, value in given.items()}
            self._context = given
        return self._context

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
    kind = request.principal.kind
    member = kind not in ACCOUNTLESS
    if layers.rcps and kind is not SERVICE:
        for level in layers.rcps:
            yield RCP, level
    if layers.scps and member:
        for level in layers.scps:
            yield SCP, level
    if layers.vpc_endpoint is not None:
        yield VPC_ENDPOINT, layers.vpc_endpoint
    if layers.resource is not None:
        yield TRUST if layers.resource.trust else RESOURCE, layers.resource
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
