"""Who calls, and whom a `Principal` or `NotPrincipal` element means.

From "AWS JSON policy elements: Principal" and the table of "Resource-based policies" in the
evaluation logic: how far a grant reaches depends on the principal it names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final


class PrincipalKind(StrEnum):
    """The kinds of caller. ROLE is a role without a session, as simulations ask about it;
    FEDERATED is an identity provider's user who has no credentials yet."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"
    ROLE_SESSION = "role-session"
    FEDERATED_USER = "federated-user"
    FEDERATED = "federated"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


class Grant(IntEnum):
    """How far an Allow in a resource-based policy reaches in the account of the resource.

    DELEGATED: the account is named, so an identity-based policy must allow too. LIMITED: no
    identity-based policy is needed, but a boundary and a session policy limit it. FULL: they do
    not (an explicit deny always does).
    """

    NONE = 0
    DELEGATED = 1
    LIMITED = 2
    FULL = 3


# A global name is looked up in a tenth of the time of an enumeration's member.
NONE, DELEGATED, LIMITED, FULL = Grant
# Callers without an account: only the policy of the resource can allow them.
ACCOUNTLESS: Final = (PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE, PrincipalKind.FEDERATED)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller as policies see it.

    account: twelve digits. arn: the caller's ARN; of a role session the session ARN; of a
    FEDERATED principal the provider ("arn:aws:iam::…:oidc-provider/…", "accounts.google.com").
    role_arn: of a role session, with the role's path. unique_id: AIDA… or AROA… of the user or
    role. user_arn, user_id: of a federated user, the user who called GetFederationToken, by ARN
    and by AIDA…. service: "lambda.amazonaws.com". canonical_user: S3's canonical user id of the
    account.

    reaches: how far a grant to each of the caller's names reaches, the farthest first; it follows
    from the rest.
    """

    kind: PrincipalKind
    account: str = ""
    arn: str = ""
    role_arn: str = ""
    unique_id: str = ""
    user_arn: str = ""
    service: str = ""
    canonical_user: str = ""
    user_id: str = ""
    reaches: Mapping[str, Grant] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = {name: grant for name, grant in _names(self) if not name.endswith(":")}
        reaches = dict(sorted(named.items(), key=lambda each: each[1], reverse=True))
        object.__setattr__(self, "reaches", reaches)

    @property
    def role_name(self) -> str:
        """Of a role session, from its ARN, which has no path."""
        resource = self.arn.rpartition(":")[2].split("/")
        return resource[1] if resource[0] == "assumed-role" and len(resource) > 1 else ""


def _names(principal: Principal) -> Iterator[tuple[str, Grant]]:
    """The names by which an element can mean the caller. Each has its type in front, so that no
    value of one type is ever taken for one of another."""
    kind = principal.kind
    if kind is PrincipalKind.SERVICE:
        yield f"Service:{principal.service}", FULL
    if kind is PrincipalKind.FEDERATED:
        yield f"Federated:{principal.arn}", FULL
    if kind in ACCOUNTLESS:
        return
    yield f"Account:{principal.account}", DELEGATED
    yield f"CanonicalUser:{principal.canonical_user}", DELEGATED
    if kind is PrincipalKind.ROOT:
        return
    yield f"AWS:{principal.arn}", LIMITED if kind is PrincipalKind.ROLE else FULL
    yield f"AWS:{principal.unique_id}", FULL if kind is PrincipalKind.USER else LIMITED
    yield f"AWS:{principal.user_arn}", LIMITED
    yield f"AWS:{principal.user_id}", LIMITED
    yield f"AWS:{principal.role_arn}", LIMITED
    if kind is PrincipalKind.ROLE_SESSION and not principal.role_arn:
        yield f"Role:{principal.account}/{principal.role_name}", LIMITED


# What a NotPrincipal must list for a Deny to spare the caller: a user is also its account, a
# session is also its role and its account.
NEEDED: Final = {
    PrincipalKind.ROOT: {DELEGATED},
    PrincipalKind.USER: {DELEGATED, FULL},
    PrincipalKind.ROLE: {DELEGATED, LIMITED},
    PrincipalKind.ROLE_SESSION: {DELEGATED, LIMITED, FULL},
    PrincipalKind.FEDERATED_USER: {DELEGATED, FULL},
}

ANONYMOUS: Final = Principal(PrincipalKind.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class NamedPrincipals:
    """A Principal or NotPrincipal element: the names of those it means, or anyone."""

    anyone: bool
    names: frozenset[str]

    def grant(self, principal: Principal) -> Grant:
        """How far a grant to these reaches for this caller; NONE if it is not among them."""
        if self.anyone:
            return FULL
        names, reaches = self.names, principal.reaches
        if not names.isdisjoint(reaches):
            for name, grant in reaches.items():
                if name in names:
                    return grant
        return NONE

    def lists(self, principal: Principal) -> bool:
        """Whether everything this caller is, is named: a Deny with NotPrincipal spares only
        such."""
        if self.anyone:
            return True
        named = {grant for name, grant in principal.reaches.items() if name in self.names}
        return NEEDED.get(principal.kind, {FULL}) <= named


def name_principals(element: str | Mapping[str, tuple[str, ...]]) -> NamedPrincipals:
    """The names in an element. It is "*" or values by type: AWS, Service, Federated,
    CanonicalUser."""
    if isinstance(element, str):
        return NamedPrincipals(True, frozenset())
    names = {f"{kind}:{entry}" for kind, listed in element.items() for entry in listed}
    for entry in element.get("AWS", ()):
        account, resource = split_principal(entry)
        if resource == "root":
            names.add(f"Account:{account}")
        elif resource.startswith("role/"):
            # A session's ARN has no path: it is known by account and role name.
            names.add(f"Role:{account}/{resource.rpartition('/')[2]}")
    return NamedPrincipals("AWS:*" in names, frozenset(names))


def split_principal(entry: str) -> tuple[str, str]:
    """The account and the resource of an AWS entry; ("", "") for "*" and unique ids."""
    if len(entry) == 12 and entry.isdecimal():
        return entry, "root"
    segments = entry.split(":", 5)
    return (segments[4], segments[5]) if len(segments) == 6 else ("", "")
