"""Trust policies that name identity providers: that they name one, and not everybody of it.

"Identity-provider controls for shared OIDC providers" of the IAM User Guide: many organizations
have their users at the same issuer, so a role that trusts the issuer alone trusts all of them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from daypass.policy import Effect, Policy, Statement
from daypass.services.iam.errors import malformed_policy

_PROVIDER: Final = re.compile(r"arn:aws:iam::\d{12}:(?:oidc-provider/.+|saml-provider/[\w.-]+)")
# Providers that need not be registered at AWS.
_BUILT_IN: Final = frozenset(
    (
        *("accounts.google.com", "cognito-identity.amazonaws.com"),
        *("graph.facebook.com", "www.amazon.com"),
    )
)
# What a policy must ask of the tokens of a shared provider.
_CONTROLS: Final[Mapping[str, str]] = {
    "agent.buildkite.com": "sub",
    "api.pulumi.com/oidc": "aud",
    "app.terraform.io": "sub",
    "cognito-identity.amazonaws.com": "aud",
    "gitlab.com": "sub",
    "oidc-configuration.audit-log.githubusercontent.com": "sub",
    "oidc.codefresh.io": "sub",
    "oidc.vercel.com": "aud",
    "proidc.upbound.io": "sub",
    "sandboxes.cloud": "aud",
    "scalr.io": "sub",
    "studio.datachain.ai/api": "sub",
    "token.actions.githubusercontent.com": "sub",
    "tokens.cloud.shisho.dev": "sub",
    "vstoken.actions.githubusercontent.com": "sub",
}
# What a value must hold more than, before its first wildcard, to mean one organization.
_BEFORE_ORGANIZATION: Final[Mapping[str, str]] = {
    "token.actions.githubusercontent.com": "repo:",
    "vstoken.actions.githubusercontent.com": "repo:",
    "gitlab.com": "project_path:",
    "app.terraform.io": "organization:",
    "agent.buildkite.com": "organization:",
}


def refuse_unusable_federation(policy: Policy) -> None:
    """Raises `ServiceError` for a trust policy that names no provider, or all of its users."""
    for statement in policy.statements:
        for provider in _providers(statement):
            if provider not in _BUILT_IN and not _PROVIDER.fullmatch(provider):
                raise malformed_policy(f'Invalid principal in policy: "Federated":"{provider}"')
            name = provider.partition(":oidc-provider/")[2] or provider
            if statement.effect is Effect.ALLOW and name in _CONTROLS:
                _require_control(statement, name, f"{name}:{_CONTROLS[name]}")


def _providers(statement: Statement) -> Iterable[str]:
    principal = statement.principal
    if principal is None or isinstance(principal, str):
        return ()
    return principal.get("Federated", ())


def _require_control(statement: Statement, name: str, key: str) -> None:
    evaluated = [values for found, values in _demanded(statement) if found == key]
    if not evaluated:
        raise malformed_policy(
            f"The trust policy must evaluate {key}: {name} is shared by many organizations, and "
            f"without a condition on it the users of all of them may assume the role."
        )
    before = _BEFORE_ORGANIZATION.get(name, "")
    # The conditions are all needed: one that means an organization is enough.
    if not any(all(_names_somebody(value, before) for value in values) for values in evaluated):
        raise malformed_policy(
            f"The value of {key} in the trust policy matches the users of every organization of "
            f"{name}. Name the one that is meant."
        )


def _demanded(statement: Statement) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Keys that a token must have, with the values of which it must have one."""
    for condition in statement.conditions:
        positive = condition.operator.family == "String" and not condition.operator.negated
        # `…IfExists` and `ForAllValues` are met by a token without the claim.
        if positive and not condition.if_exists and condition.set_operator != "ForAllValues":
            wild = condition.operator.base == "StringLike"
            values = condition.values if wild else tuple(_literal(v) for v in condition.values)
            yield condition.key.lower(), values


def _literal(value: str) -> str:
    return value.replace("*", "-").replace("?", "-")


def _names_somebody(value: str, before: str) -> bool:
    literal = re.split(r"[*?]", value, maxsplit=1)[0]
    return bool(literal) and not before.startswith(literal)
