"""The account's identities: users, roles, groups, access keys and their policies, kept and cached.

`writes` changes them inside `Store.write`; `IdentityCache` is what every request reads.
"""

from daypass.store.identity import writes
from daypass.store.identity.aws_managed import aws_managed_policies
from daypass.store.identity.cache import IdentityCache
from daypass.store.identity.loading import (
    identity_arn,
    policy_arn,
    read_account,
    read_root_access_key,
    read_version_document,
)
from daypass.store.identity.principals import (
    InvalidPrincipalError,
    ids_to_principals,
    principals_to_ids,
)
from daypass.store.identity.records import (
    AccessKey,
    Account,
    Group,
    Identity,
    IdentityKind,
    ManagedPolicy,
    Role,
    User,
)
from daypass.store.identity.writes import create_account

__all__ = [
    "AccessKey",
    "Account",
    "Group",
    "Identity",
    "IdentityCache",
    "IdentityKind",
    "InvalidPrincipalError",
    "ManagedPolicy",
    "Role",
    "User",
    "aws_managed_policies",
    "create_account",
    "identity_arn",
    "ids_to_principals",
    "policy_arn",
    "principals_to_ids",
    "read_account",
    "read_root_access_key",
    "read_version_document",
    "writes",
]
