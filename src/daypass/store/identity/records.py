"""Identity as requests see it: plain records, with their policies compiled once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Final

from daypass.policy import Policy, PolicyError, PolicyKind, PolicySet, parse_policy

PolicyTexts = Mapping[str, str]
Tags = Mapping[str, str]

# Compiled documents kept for identities whose sets are compiled again; the least used one goes.
_COMPILED_KEPT = 4096
_DENY_ALL: Final = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
)
_DENY_ALL_TRUST: Final = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":'
    '["sts:AssumeRole","sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]}}'
)


class IdentityKind(StrEnum):
    """What can own policies. The value is the word in its ARN."""

    USER = "user"
    ROLE = "role"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Account:
    """The account of this server. created: Unix seconds."""

    id: str
    region: str
    created: int


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term access key. user_id, user: whose, by id and by name; None for the root user."""

    id: str
    user_id: str | None
    user: str | None
    secret: str = field(repr=False)
    active: bool
    created: int


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user. id: AIDA…; created: Unix seconds; inline: documents by name; attached: ARNs.

    identity: everything that grants to it, its groups' policies included. boundary: what limits
    it, None without one.
    """

    kind: ClassVar = IdentityKind.USER
    id: str
    name: str
    path: str
    arn: str
    created: int
    tags: Tags
    boundary_arn: str | None
    inline: PolicyTexts
    attached: tuple[str, ...]
    group_ids: tuple[str, ...]
    access_key_ids: tuple[str, ...]
    _identity: Callable[[], PolicySet] = field(repr=False, compare=False)
    _boundary: Callable[[], PolicySet] = field(repr=False, compare=False)

    @property
    def identity(self) -> PolicySet:
        return self._identity()

    @property
    def boundary(self) -> PolicySet | None:
        return None if self.boundary_arn is None else self._boundary()


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role. id: AROA…; max_session_duration: seconds.

    trust_document: with users and roles as unique ids; `ids_to_principals` shows them as ARNs.
    """

    kind: ClassVar = IdentityKind.ROLE
    id: str
    name: str
    path: str
    arn: str
    created: int
    tags: Tags
    boundary_arn: str | None
    inline: PolicyTexts
    attached: tuple[str, ...]
    description: str | None
    max_session_duration: int
    trust_document: str
    _trust: Callable[[], PolicySet] = field(repr=False, compare=False)
    _identity: Callable[[], PolicySet] = field(repr=False, compare=False)
    _boundary: Callable[[], PolicySet] = field(repr=False, compare=False)

    @property
    def trust(self) -> PolicySet:
        return self._trust()

    @property
    def identity(self) -> PolicySet:
        return self._identity()

    @property
    def boundary(self) -> PolicySet | None:
        return None if self.boundary_arn is None else self._boundary()


@dataclass(frozen=True, slots=True)
class Group:
    """A group of users. id: AGPA…"""

    kind: ClassVar = IdentityKind.GROUP
    id: str
    name: str
    path: str
    arn: str
    created: int
    inline: PolicyTexts
    attached: tuple[str, ...]


Identity = User | Role | Group


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy of the account or of AWS. id: ANPA…; document: its default version.

    versions: when each version was created, by its number.
    """

    id: str
    name: str
    path: str
    arn: str
    description: str | None
    created: int
    updated: int
    tags: Tags
    default_version: int
    versions: Mapping[int, int]
    document: str = field(repr=False)
    of_aws: bool = False

    @property
    def policy(self) -> Policy:
        """The default version, compiled as it grants to identities and narrows sessions."""
        return self.compiled(PolicyKind.IDENTITY)

    def compiled(self, kind: PolicyKind) -> Policy:
        """The default version, compiled as a policy of this kind (identity, boundary)."""
        return compiled(self.document, kind, self.arn)


@lru_cache(maxsize=_COMPILED_KEPT)
def compiled(document: str, kind: PolicyKind, label: str) -> Policy:
    """A stored document, compiled. One that cannot be read denies everything."""
    try:
        return parse_policy(document, kind, label=label)
    except PolicyError:
        # It was valid when it was written, so the data was altered or the rules have become
        # stricter. To skip it could lose a Deny.
        return denying_all(kind, label)


def denying_all(kind: PolicyKind, label: str) -> Policy:
    """A policy that stands where one is missing or unreadable."""
    document = _DENY_ALL_TRUST if kind is PolicyKind.TRUST else _DENY_ALL
    return parse_policy(document, kind, label=f"{label} (unreadable)")
