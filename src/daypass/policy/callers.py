"""Callers by name: the principal that an ARN means, and the condition keys that follow from it."""

from collections.abc import Mapping
from typing import Final

from daypass.policy.principals import ANONYMOUS, Principal, PrincipalKind

PRINCIPAL_TYPES: Final[Mapping[PrincipalKind, str]] = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE: "AssumedRole",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
}
IAM_KINDS: Final = {"user": PrincipalKind.USER, "role": PrincipalKind.ROLE}
STS_KINDS: Final = {
    "assumed-role": PrincipalKind.ROLE_SESSION,
    "federated-user": PrincipalKind.FEDERATED_USER,
}


def principal_of(name: str) -> Principal:
    """The principal of that name: an account's twelve digits or root ARN, the ARN of a user, a
    role, a role session, a federated user or an identity provider, a service
    ("lambda.amazonaws.com"), or "anonymous".

    Raises `ValueError` for anything else.
    """
    if name == "anonymous":
        return ANONYMOUS
    if len(name) == 12 and name.isascii() and name.isdecimal():
        return Principal(PrincipalKind.ROOT, name, f"arn:aws:iam::{name}:root")
    segments = name.split(":", 5)
    if segments[0] == "arn" and len(segments) == 6:
        kind = _kind(segments[2], segments[5])
        if kind is not None:
            return Principal(kind, segments[4], name)
    elif len(segments) == 1 and "." in name and "/" not in name and "*" not in name:
        return Principal(PrincipalKind.SERVICE, service=name)
    raise ValueError(f"{name!r} is not an account, the ARN of a caller, a service or anonymous")


def _kind(service: str, resource: str) -> PrincipalKind | None:
    kind, _, name = resource.partition("/")
    if service == "iam" and resource == "root":
        return PrincipalKind.ROOT
    if service == "iam" and kind in ("oidc-provider", "saml-provider") and name:
        return PrincipalKind.FEDERATED
    kinds = {"iam": IAM_KINDS, "sts": STS_KINDS}.get(service, {})
    if kind == "assumed-role" and not all(name.partition("/")):
        return None
    return kinds.get(kind) if name else None


def principal_keys(principal: Principal) -> dict[str, str]:
    """The condition keys that every request of this caller has, as far as the principal tells
    them ("AWS global condition context keys": properties of the principal)."""
    kind, name = principal.kind, principal.arn.rpartition("/")[2]
    keys = {
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": PRINCIPAL_TYPES.get(kind, ""),
        "aws:userid": principal.unique_id,
    }
    if kind is PrincipalKind.ROOT:
        keys["aws:userid"] = principal.account
    elif kind is PrincipalKind.USER:
        keys["aws:username"] = name
    elif kind is PrincipalKind.FEDERATED_USER:
        keys["aws:userid"] = f"{principal.account}:{name}"
    elif kind is PrincipalKind.ROLE_SESSION and principal.unique_id:
        keys["aws:userid"] = f"{principal.unique_id}:{name}"
    return {key: value for key, value in keys.items() if value}
