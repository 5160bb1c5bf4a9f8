"""Who calls, and whom a `Principal` or `NotPrincipal` element means.

From "AWS JSON policy elements: Principal" and the table of "Resource-based policies" in the
evaluation logic: how far a grant reaches depends on the principal it names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


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


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller as policies see it.

    account: twelve digits. arn: the caller's ARN; of a role session the session ARN; of a
    FEDERATED principal the provider ("arn:aws:iam::…:oidc-provider/…", "accounts.google.com").
    role_arn: of a role session, with the role's path. unique_id: AIDA… or AROA… of the user or
    role. user_arn: of a federated user, the user who called GetFederationToken. service:
    "lambda.amazonaws.com". canonical_user: S3's canonical user id of the account.
    """

    kind: PrincipalKind
    account: str = ""
    arn: str = ""
    role_arn: str = ""
    unique_id: str = ""
    user_arn: str = ""
    service: str = ""
    canonical_user: str = ""

    @property
    def role_name(self) -> str:
        """Of a role session, from its ARN, which has no path."""
        resource = self.arn.rpartition(":")[2].split("/")
        return resource[1] if resource[0] == "assumed-role" and len(resource) > 1 else ""


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)


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


PrincipalTest = Callable[[Principal], Grant]


@dataclass(frozen=True, slots=True)
class NamedPrincipals:
    """A Principal element, sorted by what its entries are."""

    anyone: bool
    accounts: frozenset[str]
    identities: frozenset[str]
    role_names: frozenset[tuple[str, str]]
    services: frozenset[str]
    federated: frozenset[str]
    canonical_users: frozenset[str]

    def grant(self, principal: Principal) -> Grant:
        """How far a grant to these reaches for this caller; NONE if it is not among them."""
        if self.anyone:
            return Grant.FULL
        kind = principal.kind
        if kind is PrincipalKind.ANONYMOUS:
            return Grant.NONE
        if kind is PrincipalKind.SERVICE:
            return Grant.FULL if principal.service in self.services else Grant.NONE
        if kind is PrincipalKind.FEDERATED:
            return Grant.FULL if principal.arn in self.federated else Grant.NONE
        return max(self._identity(principal), self._account(principal))

    def _identity(self, principal: Principal) -> Grant:
        kind, named = principal.kind, self.identities
        if kind is PrincipalKind.USER:
            direct = principal.arn in named or principal.unique_id in named
            return Grant.FULL if direct else Grant.NONE
        if kind is PrincipalKind.ROLE:
            known = principal.arn in named or principal.unique_id in named
            return Grant.LIMITED if known else Grant.NONE
        if kind is PrincipalKind.ROOT:
            return Grant.NONE
        if principal.arn in named:
            return Grant.FULL
        return Grant.LIMITED if self._behind(principal) else Grant.NONE

    def _behind(self, principal: Principal) -> bool:
        """Whether the role of this session, or the user of this federated user, is named."""
        if principal.unique_id in self.identities:
            return True
        if principal.kind is PrincipalKind.FEDERATED_USER:
            return principal.user_arn in self.identities
        if principal.role_arn:
            return principal.role_arn in self.identities
        return (principal.account, principal.role_name) in self.role_names

    def _account(self, principal: Principal) -> Grant:
        named = principal.account in self.accounts or (
            principal.canonical_user in self.canonical_users
        )
        return Grant.DELEGATED if named else Grant.NONE

    def lists(self, principal: Principal) -> bool:
        """Whether everything this caller is, is named: a Deny with NotPrincipal spares only such.

        A user is also its account; a session is also its role and its account.
        """
        if self.anyone:
            return True
        if principal.kind in ACCOUNTLESS:
            return self.grant(principal) is not Grant.NONE
        if principal.account not in self.accounts:
            return False
        if principal.kind is PrincipalKind.ROOT:
            return True
        if principal.kind is PrincipalKind.ROLE_SESSION:
            return principal.arn in self.identities and self._behind(principal)
        return principal.arn in self.identities or principal.unique_id in self.identities


ACCOUNTLESS = (PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE, PrincipalKind.FEDERATED)


def name_principals(element: str | Mapping[str, tuple[str, ...]]) -> NamedPrincipals:
    """The element sorted. It is "*" or values by type: AWS, Service, Federated, CanonicalUser."""
    entries = {"AWS": ("*",)} if isinstance(element, str) else element
    accounts, identities = set[str](), set[str]()
    role_names = set[tuple[str, str]]()
    for entry in entries.get("AWS", ()):
        account, resource = split_principal(entry)
        if resource == "root":
            accounts.add(account)
        else:
            identities.add(entry)
            if resource.startswith("role/"):
                role_names.add((account, resource.rpartition("/")[2]))
    return NamedPrincipals(
        anyone="*" in identities,
        accounts=frozenset(accounts),
        identities=frozenset(identities - {"*"}),
        role_names=frozenset(role_names),
        services=frozenset(entries.get("Service", ())),
        federated=frozenset(entries.get("Federated", ())),
        canonical_users=frozenset(entries.get("CanonicalUser", ())),
    )


def split_principal(entry: str) -> tuple[str, str]:
    """The account and the resource of an AWS entry; ("", "") for "*" and unique ids."""
    if len(entry) == 12 and entry.isdecimal():
        return entry, "root"
    segments = entry.split(":", 5)
    return (segments[4], segments[5]) if len(segments) == 6 else ("", "")
