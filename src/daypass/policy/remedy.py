"""What would have to be added, or taken away, for a refused request to be allowed."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.policy.documents import Statement
from daypass.policy.principals import PrincipalKind
from daypass.policy.requests import Layer, Outcome

if TYPE_CHECKING:
    from daypass.policy.decision import Decision

# Where each kind of policy is, for people.
PLACES = {
    Layer.IDENTITY: "a policy of the caller (of the user, its groups, or the role)",
    Layer.RESOURCE: "the policy of the resource",
    Layer.TRUST: "the trust policy of the role",
    Layer.BOUNDARY: "the permissions boundary of the caller",
    Layer.SESSION: "the session policy passed when the session was made",
    Layer.SCP: "a service control policy of the level that does not allow it",
    Layer.RCP: "a resource control policy",
    Layer.VPC_ENDPOINT: "the policy of the VPC endpoint",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """The next thing to change; another limit may refuse after it. layer: where. add: the
    statement to add there. remove: the statement that stands in the way."""

    layer: Layer
    add: dict[str, object] | None = None
    remove: Statement | None = None

    def text(self) -> str:
        """What to do, for people."""
        if self.remove is not None:
            label = f' of "{self.remove.label}"' if self.remove.label else ""
            return (
                f"To allow it, change {self.remove.name}{label} in {PLACES[self.layer]} so that "
                "it does not apply to this request. No Allow outweighs an explicit deny."
            )
        return f"To allow it, add to {PLACES[self.layer]}:\n{json.dumps(self.add, indent=2)}"

    def data(self) -> dict[str, object]:
        """JSON-ready."""
        removed = self.remove
        return {
            "layer": str(self.layer),
            "add": self.add,
            "remove": (
                {"policy": removed.label, "statement": removed.number, "sid": removed.sid}
                if removed is not None
                else None
            ),
        }


def find_remedy(decision: "Decision") -> Remedy | None:
    """The least that would have to change where the decision was made; None if it is allowed."""
    if decision.outcome is Outcome.ALLOW:
        return None
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return Remedy(decision.layer, remove=decision.statement)
    request = decision.request
    add: dict[str, object] = {"Effect": "Allow"}
    if decision.layer in (Layer.RESOURCE, Layer.TRUST):
        add["Principal"] = _principal(decision)
    add["Action"] = request.action
    if decision.layer is not Layer.TRUST:
        add["Resource"] = request.resource
    return Remedy(decision.layer, add=add)


def _principal(decision: "Decision") -> object:
    principal = decision.request.principal
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
