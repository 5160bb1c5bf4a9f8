"""Checks of principals: who may that nobody meant."""

from collections.abc import Iterator
from typing import Final

from daypass.policy.documents import Effect, PolicyKind, Statement
from daypass.policy.linter.findings import ERROR, WARNING, Finding
from daypass.policy.principals import split_principal

SOURCE_KEYS: Final = frozenset(
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"]
)


def open_to_anyone(statement: Statement, path: str) -> Iterator[Finding]:
    principal = statement.principal
    anyone = principal == "*" or (
        principal is not None and not isinstance(principal, str) and "*" in principal.get("AWS", ())
    )
    if not anyone or statement.effect is not Effect.ALLOW or statement.kind is PolicyKind.RCP:
        return
    if statement.kind is PolicyKind.TRUST:
        yield Finding(
            "trust-open-to-anyone",
            WARNING if statement.conditions else ERROR,
            f"{path}.Principal",
            "everybody in every AWS account may assume the role"
            + (" who meets the conditions" if statement.conditions else ""),
            "Name the account, user or role that may.",
        )
    elif not statement.conditions:
        yield Finding(
            "public-resource",
            WARNING,
            f"{path}.Principal",
            "everybody may, anonymous callers too",
            "Name who may, or add a condition such as aws:PrincipalOrgID.",
        )


def confused_deputy(statement: Statement, path: str) -> Iterator[Finding]:
    principal = statement.principal
    if statement.effect is not Effect.ALLOW or principal is None or isinstance(principal, str):
        return
    keys = {condition.key.lower() for condition in statement.conditions}
    shared = "Service" in principal and statement.kind is PolicyKind.RESOURCE
    if shared and not keys & SOURCE_KEYS:
        yield Finding(
            "service-without-source",
            WARNING,
            f"{path}.Principal.Service",
            "the service may act here for any of its customers (confused deputy)",
            "Add a condition on aws:SourceArn or aws:SourceAccount.",
        )
    for provider in principal.get("Federated", ()):
        if ":saml-provider/" not in provider:
            yield from _provider(statement, path, provider)


def _provider(statement: Statement, path: str, provider: str) -> Iterator[Finding]:
    host = provider.partition(":oidc-provider/")[2] or provider
    subjects = [c for c in statement.conditions if c.key.lower() == f"{host}:sub".lower()]
    if not subjects:
        yield Finding(
            "trust-without-subject",
            ERROR,
            f"{path}.Principal.Federated",
            f"every user of {host} may assume the role",
            f'Add a condition on "{host}:sub".',
        )
    for condition in subjects:
        if condition.operator.base == "StringLike" and "*" in condition.values:
            yield Finding(
                "subject-is-anyone",
                ERROR,
                f"{path}.Condition.{condition.name}.{condition.key}",
                f"the pattern `*` is every user of {host}",
                "Name the repository, project or user that is meant.",
            )


def foreign_account(statement: Statement, path: str, account: str) -> Iterator[Finding]:
    principal = statement.principal
    if statement.kind is not PolicyKind.TRUST or statement.effect is not Effect.ALLOW:
        return
    if not account or principal is None or isinstance(principal, str):
        return
    keys = {condition.key.lower() for condition in statement.conditions}
    for entry in principal.get("AWS", ()):
        other = split_principal(entry)[0]
        if other and other != account and not keys & {"sts:externalid", "aws:principalorgid"}:
            yield Finding(
                "trust-without-external-id",
                WARNING,
                f"{path}.Principal.AWS",
                f"account {other} may assume the role for whoever asks it to (confused deputy)",
                "Add a condition on sts:ExternalId, or on aws:PrincipalOrgID.",
            )
