"""Users and roles that a stored policy names: unique ids at rest, ARNs for people.

A unique id is never given twice, so an identity that is deleted and created again under its old
name is not trusted by the policies that trusted the old one (IAM User Guide, "AWS JSON policy
elements: Principal").
"""

import json
import re
from collections.abc import Callable
from typing import Final, Protocol

from daypass.store.identity.records import Role, User

_UNIQUE_ID: Final = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,124}\Z")
_MAY_HOLD_ID: Final = re.compile(r'"A(?:IDA|ROA)')
_IAM_ARN: Final = re.compile(
    r"arn:aws:iam::(\d{12}):(root|(user|role)/(?:[!-~]+/)?([\w+=,.@-]+))\Z"
)
_OTHER: Final = re.compile(
    r"\*\Z|\d{12}\Z|arn:aws:sts::\d{12}:(?:assumed-role|federated-user)/[^*?]+\Z"
)

_PRINCIPAL_ELEMENTS: Final = ("Principal", "NotPrincipal")


class Identities(Protocol):
    """What of the identity cache is needed to tell principals."""

    def user(self, name: str) -> User | None: ...
    def role(self, name: str) -> Role | None: ...
    def user_by_id(self, unique_id: str) -> User | None: ...
    def role_by_id(self, unique_id: str) -> Role | None: ...


class InvalidPrincipalError(Exception):
    """A policy names a user or role that does not exist, or not in a form that can be one."""

    def __init__(self, principal: str) -> None:
        # AWS's wording of a MalformedPolicyDocument.
        super().__init__(f'Invalid principal in policy: "AWS":"{principal}"')
        self.principal = principal


def principals_to_ids(document_text: str, identities: Identities) -> str:
    """The valid policy document with users and roles as unique ids. Raises `InvalidPrincipalError`.

    Text without any stays as it is. Session ARNs, accounts and `*` are no identities and stay.
    """
    return _replace(document_text, lambda principal: _to_id(principal, identities))


def ids_to_principals(text: str, identities: Identities) -> str:
    """The stored policy document with ARNs again; the id of what no longer exists stays."""
    if not _MAY_HOLD_ID.search(text):
        return text
    return _replace(text, lambda principal: _to_arn(principal, identities))


def _to_id(principal: str, identities: Identities) -> str:
    match = _IAM_ARN.match(principal)
    if match is None:
        if _OTHER.match(principal):
            return principal
        raise InvalidPrincipalError(principal)
    _account, resource, kind, name = match.groups()
    if resource == "root":
        return principal
    identity = identities.user(name) if kind == "user" else identities.role(name)
    if identity is None or identity.arn != principal:
        raise InvalidPrincipalError(principal)
    return identity.id


def _to_arn(principal: str, identities: Identities) -> str:
    if not _UNIQUE_ID.match(principal):
        return principal
    identity = identities.user_by_id(principal) or identities.role_by_id(principal)
    return principal if identity is None else identity.arn


def _replace(text: str, replacement: Callable[[str], str]) -> str:
    document = json.loads(text)
    changed = False
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in _PRINCIPAL_ELEMENTS:
            principals = statement.get(element)
            if not isinstance(principals, dict) or "AWS" not in principals:
                continue
            named = principals["AWS"]
            if isinstance(named, str):
                principals["AWS"] = replacement(named)
            else:
                principals["AWS"] = [replacement(each) for each in named]
            changed = changed or principals["AWS"] != named
    if not changed:
        return text
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
