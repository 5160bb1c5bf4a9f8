"""Findings about a policy that is valid and still not what its author meant.

The checks are those that "IAM JSON policy best practices", "IAM policy validation check
reference" and the page on the confused deputy problem ask for.
"""

from collections.abc import Iterator
from typing import Final

from daypass.policy.documents import Policy
from daypass.policy.linter import conditions, elements, principals
from daypass.policy.linter.findings import ERROR, NOTE, Finding, Rule, Severity

__all__ = ["Finding", "Severity", "lint"]

RULES: Final[tuple[Rule, ...]] = (
    elements.unknown_actions,
    elements.resources,
    elements.allow_widely,
    elements.pass_role,
    conditions.unmatched_values,
    conditions.condition_keys,
    conditions.contradictions,
    conditions.for_all_values_of_nothing,
    conditions.mfa_by_absence,
    principals.open_to_anyone,
    principals.confused_deputy,
)


def lint(policy: Policy, *, account: str = "") -> tuple[Finding, ...]:
    """Every finding, in the order of the document.

    account: the account the policy is in, if known; a role that another account may assume then
    needs an ExternalId or an organization.
    """
    findings = list(_version(policy))
    single = not isinstance(policy.document["Statement"], list)
    for statement in policy.statements:
        path = "$.Statement" if single else f"$.Statement[{statement.number}]"
        for rule in RULES:
            findings += rule(statement, path)
        findings += principals.foreign_account(statement, path, account)
    return tuple(findings)


def _version(policy: Policy) -> Iterator[Finding]:
    if policy.version != "2012-10-17":
        uses = "${" in policy.text
        yield Finding(
            "old-version",
            ERROR if uses else NOTE,
            "$.Version",
            "without Version 2012-10-17 a policy variable is plain text"
            if uses
            else "the document does not say Version 2012-10-17",
            'Write "Version": "2012-10-17".',
        )
