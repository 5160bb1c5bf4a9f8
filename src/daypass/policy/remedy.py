"""What would have to change for a refused request to be allowed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from daypass.policy.documents import Policy, PolicyKind, Statement
from daypass.policy.errors import PolicyError
from daypass.policy.evaluation import decide
from daypass.policy.grammar import parse_policy
from daypass.policy.policyset import PolicySet
from daypass.policy.principals import Principal, PrincipalKind
from daypass.policy.requests import AuthorizationRequest, Layer, Layers, Outcome
from daypass.policy.variables import ESCAPES

# Where each kind of policy is, for people.
PLACES: Final = {
    Layer.IDENTITY: "a policy of the caller (of the user, its groups, or the role)",
    Layer.RESOURCE: "the policy of the resource",
    Layer.TRUST: "the trust policy of the role",
    Layer.BOUNDARY: "the permissions boundary of the caller",
    Layer.SESSION: "the session policy, passed when the session is made",
    Layer.SCOPE: "the scope down policy that does not allow it, passed to GetScopedCredentials",
    Layer.SCP: "the service control policies of the level that does not allow it",
    Layer.RCP: "the resource control policies",
    Layer.VPC_ENDPOINT: "the policy of the VPC endpoint",
}
# More steps than there are layers and levels that a person would change.
MOST_STEPS: Final = 16


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change. layer: where. remove: the statement that denies. add: a statement that would
    allow; it is what this request needs and no more."""

    layer: Layer
    add: dict[str, object] | None = None
    remove: Statement | None = None

    def text(self) -> str:
        """What to do, for people."""
        place = PLACES[self.layer]
        if self.remove is None:
            return f"add to {place}:\n{json.dumps(self.add, indent=2)}"
        label = f' of "{self.remove.label}"' if self.remove.label else ""
        return (
            f"change {self.remove.name}{label} in {place} so that it does not apply to this "
            "request; no Allow outweighs an explicit deny"
        )

    def data(self) -> dict[str, object]:
        """JSON-ready."""
        removed = self.remove
        if removed is None:
            return {"layer": str(self.layer), "add": self.add}
        described = {"policy": removed.label, "statement": removed.number, "sid": removed.sid}
        return {"layer": str(self.layer), "remove": described}


def find_remedies(request: AuthorizationRequest, layers: Layers) -> tuple[Remedy, ...]:
    """Every change it takes, in the order in which the layers refuse. Empty if it is allowed.

    Each change is tried out with the evaluation itself before the next is looked for.
    """
    remedies: list[Remedy] = []
    for _ in range(MOST_STEPS):
        outcome, layer, statement = decide(request, layers)
        if outcome is Outcome.ALLOW:
            break
        if statement is not None:
            remedies.append(Remedy(layer, remove=statement))
            layers = _without(layers, statement)
            continue
        remedies.append(Remedy(layer, add=_allowing(request, layer)))
        try:
            layers = _with(layers, request, remedies[-1])
        except PolicyError:
            # An action or ARN that no policy can name: nothing can be added for it.
            return tuple(remedies[:-1])
    return tuple(remedies)


def _allowing(request: AuthorizationRequest, layer: Layer) -> dict[str, object]:
    add: dict[str, object] = {"Effect": "Allow"}
    if layer in (Layer.RESOURCE, Layer.TRUST, Layer.VPC_ENDPOINT):
        add["Principal"] = _principal(request.principal)
    add["Action"] = request.action
    if layer is not Layer.TRUST:
        add["Resource"] = _literal(request.resource)
    return add


def _literal(resource: str) -> str:
    """The ARN as a pattern of itself alone: a key may hold a star."""
    if resource == "*":
        return resource
    return "".join(f"${{{each}}}" if each in ESCAPES else each for each in resource)


def _principal(principal: Principal) -> object:
    if principal.kind is PrincipalKind.ANONYMOUS:
        return "*"
    if principal.kind is PrincipalKind.SERVICE:
        return {"Service": principal.service}
    if principal.kind is PrincipalKind.FEDERATED:
        return {"Federated": principal.arn}
    if principal.kind is PrincipalKind.ROLE_SESSION:
        role = f"arn:aws:iam::{principal.account}:role/{principal.role_name}"
        return {"AWS": principal.role_arn or role}
    return {"AWS": principal.arn}


def _with(layers: Layers, request: AuthorizationRequest, remedy: Remedy) -> Layers:
    """The layers after the statement was added."""

    def added(policies: PolicySet | None, kind: PolicyKind) -> PolicySet:
        text = json.dumps({"Version": "2012-10-17", "Statement": [remedy.add]})
        return PolicySet((*(policies.policies if policies else ()), parse_policy(text, kind)))

    if remedy.layer is Layer.IDENTITY:
        return replace(layers, identity=added(layers.identity, PolicyKind.IDENTITY))
    if remedy.layer is Layer.BOUNDARY:
        return replace(layers, boundary=added(layers.boundary, PolicyKind.BOUNDARY))
    if remedy.layer is Layer.SESSION:
        return replace(layers, session=added(layers.session, PolicyKind.SESSION))
    if remedy.layer is Layer.VPC_ENDPOINT:
        return replace(layers, vpc_endpoint=added(layers.vpc_endpoint, PolicyKind.RESOURCE))
    if remedy.layer in (Layer.SCP, Layer.SCOPE):
        scp = remedy.layer is Layer.SCP
        levels = list(layers.scps if scp else layers.scopes)
        silent = next(
            place for place, level in enumerate(levels) if level.allowing(request) is None
        )
        levels[silent] = added(levels[silent], PolicyKind.SCP if scp else PolicyKind.SESSION)
        return replace(layers, scps=levels) if scp else replace(layers, scopes=levels)
    kind = PolicyKind.TRUST if remedy.layer is Layer.TRUST else PolicyKind.RESOURCE
    return replace(layers, resource=added(layers.resource, kind))


def _without(layers: Layers, statement: Statement) -> Layers:
    """The layers as if the statement were not there."""

    def without(policies: PolicySet | None) -> PolicySet | None:
        return None if policies is None else PolicySet(_dropped(policies.policies, statement))

    return replace(
        layers,
        identity=without(layers.identity),
        resource=without(layers.resource),
        boundary=without(layers.boundary),
        session=without(layers.session),
        vpc_endpoint=without(layers.vpc_endpoint),
        scps=[PolicySet(_dropped(level.policies, statement)) for level in layers.scps],
        rcps=[PolicySet(_dropped(level.policies, statement)) for level in layers.rcps],
        scopes=[PolicySet(_dropped(level.policies, statement)) for level in layers.scopes],
    )


def _dropped(policies: Iterable[Policy], statement: Statement) -> Iterable[Policy]:
    for policy in policies:
        if statement in policy.statements:
            kept = tuple(each for each in policy.statements if each is not statement)
            yield replace(policy, statements=kept)
        else:
            yield policy
