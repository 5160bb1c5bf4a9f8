"""What was decided, by which policy, and in AWS's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daypass.policy.documents import Statement
from daypass.policy.evaluation import decide
from daypass.policy.explanation import Explanation, explain_decision
from daypass.policy.principals import PrincipalKind
from daypass.policy.requests import ALLOW, AuthorizationRequest, Layer, Layers, Outcome

# "an identity-based policy", "the role trust policy".
ARTICLES: Final[Mapping[Layer, str]] = {Layer.IDENTITY: "an", Layer.TRUST: "the"}


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Decision:
    """The answer, with its reason.

    layer: the kind of policy that decided. statement: the statement that allowed or denied;
    None where nothing allowed.
    """

    outcome: Final[Outcome]
    layer: Final[Layer]
    statement: Final[Statement | None]
    request: Final[AuthorizationRequest] = field(repr=False)
    layers: Final[Layers] = field(repr=False)

    @property
    def allowed(self) -> bool:
        return self.outcome is ALLOW

    def because(self) -> str:
        """The reason in AWS's words, as the end of a sentence; "" if it is allowed."""
        if self.outcome is Outcome.EXPLICIT_DENY:
            return f"with an explicit deny in {ARTICLES.get(self.layer, 'a')} {self.layer}"
        if self.outcome is Outcome.IMPLICIT_DENY:
            return f"because no {self.layer} allows the {self.request.action} action"
        return ""

    def message(self) -> str:
        """The message of AWS's AccessDenied; "" if it is allowed."""
        if self.allowed:
            return ""
        principal = self.request.principal
        if principal.kind is PrincipalKind.ANONYMOUS:
            return "Access Denied"
        if principal.kind is PrincipalKind.FEDERATED:
            return f"Not authorized to perform {self.request.action}"
        caller = principal.arn or principal.service
        denied = f"User: {caller} is not authorized to perform: {self.request.action}"
        return f"{denied}{_on_resource(self.request)} {self.because()}"

    def explain(self) -> Explanation:
        """Every statement considered, and for each why it did or did not count."""
        return explain_decision(self)


def evaluate(request: AuthorizationRequest, layers: Layers) -> Decision:
    """Decides one request under the policies that apply to it."""
    outcome, layer, statement = decide(request, layers)
    return Decision(outcome, layer, statement, request, layers)


def _on_resource(request: AuthorizationRequest) -> str:
    # S3 names no resource for actions that have none, as ListAllMyBuckets; others print "*".
    if request.resource == "*" and request.action.lower().startswith("s3:"):
        return ""
    return f" on resource: {request.resource}"
