"""IAM's default quotas (IAM User Guide, "IAM and AWS STS quotas"). White space is not counted."""

from collections.abc import Mapping
from typing import Final

from daypass.store.identity import IdentityKind

ACCESS_KEYS_PER_USER: Final = 2
GROUPS_PER_USER: Final = 10
VERSIONS_PER_POLICY: Final = 5
ATTACHED_POLICIES: Final = 10
POLICIES: Final = 1500
POLICY_VERSIONS_IN_USE: Final = 10000
TAGS: Final = 50
MFA_DEVICES: Final = 5000
MFA_DEVICES_PER_USER: Final = 8

IDENTITIES: Final[Mapping[IdentityKind, int]] = {
    IdentityKind.USER: 5000,
    IdentityKind.ROLE: 1000,
    IdentityKind.GROUP: 300,
}
# Characters: of all inline policies of one identity together, of one managed policy, of one
# trust policy.
INLINE_POLICY_SIZE: Final[Mapping[IdentityKind, int]] = {
    IdentityKind.USER: 2048,
    IdentityKind.ROLE: 10240,
    IdentityKind.GROUP: 5120,
}
MANAGED_POLICY_SIZE: Final = 6144
TRUST_POLICY_SIZE: Final = 2048
