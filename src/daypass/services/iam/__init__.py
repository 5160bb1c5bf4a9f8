"""IAM: users, roles, groups, access keys, and the policies that grant to them."""

from itertools import chain
from typing import Final

from daypass.gateway.operation import Operation, Service
from daypass.protocol import load_model
from daypass.services.iam import (
    access_keys,
    account,
    groups,
    managed_policies,
    mfa_devices,
    oidc_providers,
    outbound_federation,
    roles,
    saml_providers,
    users,
)
from daypass.services.iam.attachments import attachment_operations, boundary_operations
from daypass.services.iam.inline_policies import inline_policy_operations
from daypass.services.iam.tags import tag_operations
from daypass.sigv4 import Dialect
from daypass.store.identity import IdentityKind

_OPERATIONS: Final[tuple[Operation, ...]] = (
    *users.OPERATIONS,
    *access_keys.OPERATIONS,
    *roles.OPERATIONS,
    *groups.OPERATIONS,
    *managed_policies.OPERATIONS,
    *account.OPERATIONS,
    *mfa_devices.OPERATIONS,
    *oidc_providers.OPERATIONS,
    *outbound_federation.OPERATIONS,
    *saml_providers.OPERATIONS,
    *chain.from_iterable(map(inline_policy_operations, IdentityKind)),
    *chain.from_iterable(map(attachment_operations, IdentityKind)),
    *chain.from_iterable(map(boundary_operations, (IdentityKind.USER, IdentityKind.ROLE))),
    *chain.from_iterable(map(tag_operations, (IdentityKind.USER, IdentityKind.ROLE))),
)

SERVICE: Final = Service(
    name="iam",
    codec=load_model("iam"),
    operations={each.name: each for each in _OPERATIONS},
    dialect=Dialect.QUERY,
    # The metadata document of a SAML provider: 10 MB, percent-encoded.
    body_limit=32 * 1024 * 1024,
)

__all__ = ["SERVICE"]
