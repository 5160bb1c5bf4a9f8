"""Findings about a policy that is valid and still not what its author meant.

The checks are those that "IAM JSON policy best practices", "IAM policy validation check
reference" and the page on the confused deputy problem ask for.
"""

from collections.abc import Iterator
from typing import Final

from daypass.policy.documents import Policy, PolicyKind, policy_size
from daypass.policy.linter import conditions, elements, principals
from daypass.policy.linter.findings import ERROR, NOTE, WARNING, Finding, Rule, Severity

__all__ = ["Finding", "Severity", "lint"]

RULES: Final[tuple[Rule, ...]] = (
    elements.unknown_actions,
    elements.resources,
    elements.wildcards_in_types,
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
# Characters without white space, from "IAM and AWS STS quotas" and S3's bucket policies: beyond the
# first some uses are refused, beyond the second every one.
QUOTAS: Final = {
    PolicyKind.IDENTITY: (6_144, 10_240, "a managed policy has 6144, a role's inline ones 10240"),
    PolicyKind.BOUNDARY: (6_144, 6_144, "a managed policy has 6144"),
    PolicyKind.TRUST: (2_048, 4_096, "a trust policy has 2048, which AWS raises to 4096 if asked"),
    PolicyKind.SESSION: (2_048, 2_048, "session policies have 2048"),
    PolicyKind.RESOURCE: (20_480, 20_480, "a bucket policy has 20480"),
}


def lint(policy: Policy, *, account: str = "") -> tuple[Finding, ...]:
    """Every finding, in the order of the document.

    account: the account the policy is in, if known; a role that another account may assume then
    needs an ExternalId or an organization.
    """
    findings = [*_version(policy), *_size(policy)]
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


def _size(policy: Policy) -> Iterator[Finding]:
    if policy.kind not in QUOTAS:
        return
    size = policy_size(policy.text)
    some, every, quota = QUOTAS[policy.kind]
    if size > some:
        yield Finding(
            "beyond-the-quota",
            ERROR if size > every else WARNING,
            "$",
            f"the document has {size} characters without white space; {quota}",
            "Split it into several policies, or shorten its lists with wildcards.",
        )
