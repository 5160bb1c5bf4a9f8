"""Checks of conditions: what never holds, and what holds when nobody meant it to."""

from collections.abc import Iterator

from daypass.policy.catalog import global_keys, key_type, service_catalog
from daypass.policy.conditions import Condition, unreadable_values
from daypass.policy.documents import Effect, PolicyKind, Statement
from daypass.policy.linter.elements import known_actions
from daypass.policy.linter.findings import ERROR, WARNING, Finding


def unmatched_values(statement: Statement, path: str) -> Iterator[Finding]:
    for condition in statement.conditions:
        where = f"{path}.Condition.{condition.name}.{condition.key}"
        if not condition.values:
            yield Finding(
                "condition-without-values",
                ERROR,
                where,
                f"{condition.name} without values {_never(condition)}",
                "Write the values that are meant.",
            )
        for value in unreadable_values(condition):
            yield Finding(
                "value-never-matches",
                ERROR,
                where,
                f"{value!r} is no {condition.operator.family} value and never matches",
                "Write a value of the operator's type, or use a String operator.",
            )
        if condition.operator.base == "StringEquals" and any(
            "*" in value.replace("${*}", "") or "?" in value.replace("${?}", "")
            for value in condition.values
        ):
            yield Finding(
                "wildcard-is-literal",
                WARNING,
                where,
                f"{condition.operator.name} compares a `*` or `?` as the character itself",
                "Use StringLike or StringNotLike for patterns.",
            )


def _never(condition: Condition) -> str:
    return "always holds" if condition.operator.negated else "never holds"


def condition_keys(statement: Statement, path: str) -> Iterator[Finding]:
    for condition in statement.conditions:
        where = f"{path}.Condition.{condition.name}.{condition.key}"
        kind = _type_of(condition, statement)
        if kind == "":
            yield Finding(
                "unknown-condition-key",
                WARNING,
                where,
                f"no action of the statement has the condition key {condition.key!r}",
                "Look the keys of the action up; a key that is never there never matches.",
            )
        if (
            kind
            and kind.startswith("ArrayOf")
            and not condition.set_operator
            and (condition.operator.base != "Null")
        ):
            yield Finding(
                "needs-set-operator",
                WARNING,
                where,
                f"{condition.key} can have several values, which {condition.name} does not match",
                f"Use ForAnyValue:{condition.name} or ForAllValues:{condition.name}.",
            )
        if kind and not kind.startswith("ArrayOf") and condition.set_operator:
            yield Finding(
                "needs-no-set-operator",
                WARNING,
                where,
                f"{condition.key} has one value; {condition.set_operator} can make a missing key "
                "count as a match",
                f"Use {condition.operator.name} alone.",
            )


def _type_of(condition: Condition, statement: Statement) -> str | None:
    """The key's type; "" if it does not exist; None if that is not known."""
    key = condition.key
    prefix = key.lower().partition(":")[0]
    known = key_type(key, global_keys())
    if known is not None or prefix == "aws":
        return known or ""
    catalog = service_catalog(prefix)
    # Identity providers put their own keys into STS requests, and IAM's are shared by services.
    if catalog is None or prefix in ("sts", "iam"):
        return None
    kind = key_type(key, catalog.keys) or ""
    actions = known_actions(statement)
    if not kind or not actions or statement.kind is PolicyKind.TRUST:
        return kind
    possible = {
        name.lower(): ""
        for catalog, action in actions
        for name in (
            *action.keys,
            *(n for r in action.resources for n in catalog.resources[r].keys),
        )
    }
    return kind if key_type(key, possible) is not None else ""


def contradictions(statement: Statement, path: str) -> Iterator[Finding]:
    absent = {
        condition.key.lower()
        for condition in statement.conditions
        if condition.operator.base == "Null" and [v.lower() for v in condition.values] == ["true"]
    }
    for condition in statement.conditions:
        needs_it = not condition.operator.negated and not condition.if_exists
        if (
            condition.key.lower() in absent
            and condition.operator.base != "Null"
            and needs_it
            and condition.set_operator != "ForAllValues"
        ):
            yield Finding(
                "condition-contradicts",
                ERROR,
                f"{path}.Condition.{condition.name}.{condition.key}",
                f"{condition.key} is to be absent and to have a value; both never hold",
                "Make two statements of it, or use an IfExists operator.",
            )


def for_all_values_of_nothing(statement: Statement, path: str) -> Iterator[Finding]:
    if statement.effect is not Effect.ALLOW:
        return
    guarded = {
        condition.key.lower()
        for condition in statement.conditions
        if condition.operator.base == "Null" and [v.lower() for v in condition.values] == ["false"]
    }
    for condition in statement.conditions:
        if condition.set_operator == "ForAllValues" and condition.key.lower() not in guarded:
            yield Finding(
                "for-all-values-of-nothing",
                WARNING,
                f"{path}.Condition.{condition.name}.{condition.key}",
                f"ForAllValues also holds for a request without {condition.key}",
                f'Add "Null": {{"{condition.key}": "false"}} to the condition.',
            )


def mfa_by_absence(statement: Statement, path: str) -> Iterator[Finding]:
    if statement.effect is not Effect.DENY:
        return
    for condition in statement.conditions:
        if condition.key.lower() == "aws:multifactorauthpresent" and condition.name == "Bool":
            yield Finding(
                "mfa-is-absent-with-long-term-keys",
                WARNING,
                f"{path}.Condition.Bool.{condition.key}",
                "requests with long-term access keys have no aws:MultiFactorAuthPresent, so this "
                "Deny does not reach them",
                "Use BoolIfExists.",
            )
