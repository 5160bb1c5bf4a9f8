"""Why a decision came out as it did: every statement considered, and what about it did not match.

This is a second, slower look at the same compiled statements; deciding does not pay for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.policy.compiled import CompiledStatement, Entry
from daypass.policy.conditions import Condition
from daypass.policy.documents import Effect, Statement
from daypass.policy.patterns import Context
from daypass.policy.policyset import PolicySet
from daypass.policy.principals import Grant, PrincipalKind
from daypass.policy.remedy import Remedy, find_remedies
from daypass.policy.requests import (
    AuthorizationRequest,
    Layer,
    Layers,
    Outcome,
    applicable_layers,
)

if TYPE_CHECKING:
    from daypass.policy.decision import Decision


class Mismatch(StrEnum):
    """The first element of a statement that does not match, in the order they are compared."""

    ACTION = "action"
    NOT_ACTION = "not_action"
    PRINCIPAL = "principal"
    NOT_PRINCIPAL = "not_principal"
    RESOURCE = "resource"
    NOT_RESOURCE = "not_resource"
    CONDITION_KEY_MISSING = "condition_key_missing"
    CONDITION = "condition"


# How near a statement came to matching: the later its first mismatch, the nearer.
NEARNESS = {mismatch: place for place, mismatch in enumerate(Mismatch)}


# What an Allow in a resource's policy does for the caller, by the principal it names.
REACHES = {
    Grant.DELEGATED: "it matches, and leaves it to the policies of the account it names",
    Grant.LIMITED: "it matches, within the caller's boundary and session policy",
    Grant.FULL: "it matches",
}


@dataclass(frozen=True, slots=True)
class Considered:
    """One statement. mismatch: None if it applies to the request. condition and found: the
    condition that is not met, and the request's values for its key."""

    statement: Statement
    mismatch: Mismatch | None
    grant: Grant = Grant.FULL
    condition: Condition | None = None
    found: str | Sequence[str] | None = None

    def reason(self, request: AuthorizationRequest) -> str:
        """For people, as the end of "it does not apply because …"."""
        if self.condition is not None:
            return _unmet(self.condition, self.found)
        if self.mismatch is None:
            return REACHES[self.grant] if self.statement.effect is Effect.ALLOW else "it matches"
        statement, principal = self.statement, request.principal
        caller = principal.arn or principal.service or f"an {principal.kind} caller"
        return {
            Mismatch.ACTION: f"its Action does not include {request.action}",
            Mismatch.NOT_ACTION: f"its NotAction excludes {request.action}",
            Mismatch.RESOURCE: f"its Resource does not include {request.resource}",
            Mismatch.NOT_RESOURCE: f"its NotResource excludes {request.resource}",
            Mismatch.PRINCIPAL: f"its Principal does not include {caller}",
            Mismatch.NOT_PRINCIPAL: f"its NotPrincipal excludes {caller}",
        }.get(self.mismatch, statement.name)

    def data(self) -> dict[str, object]:
        """JSON-ready."""
        statement = self.statement
        described: dict[str, object] = {
            "policy": statement.label,
            "statement": statement.number,
            "sid": statement.sid,
            "effect": statement.effect.value,
            "matches": self.mismatch is None,
        }
        if self.mismatch is not None:
            described["mismatch"] = self.mismatch.value
        elif statement.principal is not None:
            described["grant"] = self.grant.name.lower()
        if self.condition is not None:
            described["condition"] = {
                "operator": self.condition.name,
                "key": self.condition.key,
                "values": list(self.condition.values),
                "found": self.found if isinstance(self.found, str | None) else list(self.found),
            }
        return described


@dataclass(frozen=True, slots=True)
class LayerAnswer:
    """One layer and its statements. level: of organization policies, from 0; None of others."""

    layer: Layer
    level: int | None
    statements: tuple[Considered, ...]

    @property
    def verdict(self) -> str:
        """ "denies", "allows" or "does not allow"."""
        applying = [each.statement.effect for each in self.statements if each.mismatch is None]
        if Effect.DENY in applying:
            return "denies"
        return "allows" if Effect.ALLOW in applying else "does not allow"

    @property
    def nearest(self) -> Considered | None:
        """The Allow statement that came nearest to matching."""
        missed = [
            (NEARNESS[each.mismatch], -number, each)
            for number, each in enumerate(self.statements)
            if each.mismatch is not None and each.statement.effect is Effect.ALLOW
        ]
        return max(missed, key=lambda each: each[:2])[2] if missed else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision explained: as data, as one sentence, and in full."""

    decision: "Decision"
    answers: tuple[LayerAnswer, ...]

    def remedies(self) -> tuple[Remedy, ...]:
        """What would have to change for the request to be allowed; empty if it is."""
        return find_remedies(self.decision.request, self.decision.layers)

    def data(self) -> dict[str, object]:
        """JSON-ready."""
        decision, request = self.decision, self.decision.request
        return {
            "decision": decision.outcome.value,
            "layer": str(decision.layer),
            "policy": decision.statement.label if decision.statement else None,
            "statement": decision.statement.number if decision.statement else None,
            "sid": decision.statement.sid if decision.statement else None,
            "principal": request.principal.arn or request.principal.service,
            "action": request.action,
            "resource": request.resource,
            "message": decision.message(),
            "summary": self.short(),
            "remedies": [remedy.data() for remedy in self.remedies()],
            "layers": [
                {
                    "layer": str(answer.layer),
                    "level": answer.level,
                    "verdict": answer.verdict,
                    "statements": [each.data() for each in answer.statements],
                }
                for answer in self.answers
            ],
        }

    def short(self) -> str:
        """One sentence or two."""
        decision, request = self.decision, self.decision.request
        what = f"{request.action} on {request.resource}"
        if decision.statement is not None:
            verb = "Allowed" if decision.allowed else "Denied"
            return f"{verb}: {_named(decision.statement)} in {_policy(decision)} covers {what}."
        if decision.allowed:
            return f"Allowed: the root user may do everything in its account, {what} included."
        text = f"Denied: no {decision.layer} allows {what}."
        near = self._nearest()
        if near is not None and near.mismatch not in (Mismatch.ACTION, Mismatch.NOT_ACTION):
            text += f" Nearest is {_named(near.statement)}{_in(near.statement)}, but "
            text += f"{near.reason(request)}."
        return text

    def _nearest(self) -> Considered | None:
        found = [answer for answer in self.answers if answer.layer is self.decision.layer]
        silent = [answer for answer in found if answer.verdict != "allows"]
        return silent[0].nearest if silent else None

    def full(self) -> str:
        """Every layer and statement, a line each."""
        request = self.decision.request
        lines = [self.short(), ""]
        for answer in self.answers:
            level = "" if answer.level is None else f" (level {answer.level + 1})"
            lines.append(f"{str(answer.layer).capitalize()}{level}: {answer.verdict}")
            if not answer.statements:
                lines.append("  no statements")
            for each in answer.statements:
                mark = "+" if each.mismatch is None else "-"
                where = f"{_named(each.statement)}{_in(each.statement)}"
                lines.append(f"  {mark} {each.statement.effect} {where}: {each.reason(request)}")
        lines += self._advice()
        return "\n".join(lines)

    def _advice(self) -> Iterator[str]:
        remedies = self.remedies()
        if not remedies:
            return
        yield ""
        near = self._nearest()
        if near is not None and near.condition is not None:
            yield f"To allow it, meet the condition of {_named(near.statement)}, or:"
        else:
            yield "To allow it:"
        for remedy in remedies:
            yield f"- {remedy.text()}"


def explain_decision(decision: "Decision") -> Explanation:
    """Looks at every statement of every layer that applies to the caller."""
    request, layers = decision.request, decision.layers
    answers: list[LayerAnswer] = []
    levels: dict[Layer, int] = {}
    for layer, policies in applicable_layers(request, layers):
        level = None
        if layer in (Layer.SCP, Layer.RCP, Layer.SCOPE):
            level = levels[layer] = levels.get(layer, -1) + 1
        answers.append(LayerAnswer(layer, level, _consider_all(policies, request, layers)))
    if request.principal.kind is not PrincipalKind.ROOT:
        _add_absent(answers, decision)
    return Explanation(decision, tuple(answers))


def _add_absent(answers: list[LayerAnswer], decision: "Decision") -> None:
    """A layer that decided by not being there is shown as empty."""
    if decision.outcome is Outcome.IMPLICIT_DENY and not any(
        answer.layer is decision.layer for answer in answers
    ):
        answers.append(LayerAnswer(decision.layer, None, ()))


def _consider_all(
    policies: PolicySet, request: AuthorizationRequest, layers: Layers
) -> tuple[Considered, ...]:
    bounded = layers.boundary is not None
    action = request.action.lower()
    return tuple(_consider(entry, action, request, bounded) for entry in policies.entries)


def _consider(
    entry: Entry, action: str, request: AuthorizationRequest, bounded: bool
) -> Considered:
    compiled, statement = entry.statement, entry.statement.statement
    if entry.lists(action) is entry.excludes:
        return Considered(statement, Mismatch.NOT_ACTION if entry.excludes else Mismatch.ACTION)
    grant = compiled.grant(request.principal, bounded)
    if grant is Grant.NONE:
        named = statement.principal is not None
        return Considered(statement, Mismatch.PRINCIPAL if named else Mismatch.NOT_PRINCIPAL)
    if not entry.covers(request.resource, request.context):
        outside = statement.not_resources is not None
        return Considered(statement, Mismatch.NOT_RESOURCE if outside else Mismatch.RESOURCE)
    return _consider_conditions(compiled, request.context, grant)


def _consider_conditions(compiled: CompiledStatement, context: Context, grant: Grant) -> Considered:
    statement = compiled.statement
    for condition, check in zip(statement.conditions, compiled.checks, strict=True):
        if not check(context):
            found = context.get(condition.key.lower())
            missing = Mismatch.CONDITION if found else Mismatch.CONDITION_KEY_MISSING
            return Considered(statement, missing, grant, condition, found)
    return Considered(statement, None, grant)


def _unmet(condition: Condition, found: str | Sequence[str] | None) -> str:
    wanted = ", ".join(map(repr, condition.values)) or "nothing"
    what = f"its condition {condition.name} {condition.key} {wanted}"
    if found is None:
        return f"{what} is not met: the request has no {condition.key}"
    shown = repr(found) if isinstance(found, str) else ", ".join(map(repr, found)) or "no values"
    return f"{what} is not met: the request has {shown}"


def _named(statement: Statement) -> str:
    return f'statement "{statement.sid}"' if statement.sid else f"statement {statement.number + 1}"


def _in(statement: Statement) -> str:
    return f' of "{statement.label}"' if statement.label else ""


def _policy(decision: "Decision") -> str:
    label = decision.statement.label if decision.statement else ""
    article = "the" if decision.layer is Layer.TRUST else "a"
    article = "an" if decision.layer is Layer.IDENTITY else article
    return f'the {decision.layer} "{label}"' if label else f"{article} {decision.layer}"
