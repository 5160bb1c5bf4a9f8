"""The account as a whole."""

from itertools import chain
from typing import Final

from daypass.gateway.operation import Call, Operation, Output
from daypass.services.iam import quotas
from daypass.services.iam.permissions import on_nothing, operation
from daypass.store.identity import IdentityKind
from daypass.store.mfa import count_devices

_USER, _ROLE, _GROUP = IdentityKind.USER, IdentityKind.ROLE, IdentityKind.GROUP


async def get_account_summary(call: Call) -> Output:
    identity = call.node.identity
    policies = list(identity.managed_policies())
    providers = chain(call.node.oidc_providers.all(), call.node.saml_providers.all())
    return {
        "SummaryMap": {
            "Users": sum(1 for _ in identity.users()),
            "UsersQuota": quotas.IDENTITIES[_USER],
            "Groups": sum(1 for _ in identity.groups()),
            "GroupsQuota": quotas.IDENTITIES[_GROUP],
            "Roles": sum(1 for _ in identity.roles()),
            "RolesQuota": quotas.IDENTITIES[_ROLE],
            "Policies": len(policies),
            "PoliciesQuota": quotas.POLICIES,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "PolicyVersionsInUseQuota": quotas.POLICY_VERSIONS_IN_USE,
            "VersionsPerPolicyQuota": quotas.VERSIONS_PER_POLICY,
            "PolicySizeQuota": quotas.MANAGED_POLICY_SIZE,
            "AssumeRolePolicySizeQuota": quotas.TRUST_POLICY_SIZE,
            "UserPolicySizeQuota": quotas.INLINE_POLICY_SIZE[_USER],
            "GroupPolicySizeQuota": quotas.INLINE_POLICY_SIZE[_GROUP],
            "RolePolicySizeQuota": quotas.INLINE_POLICY_SIZE[_ROLE],
            "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES,
            "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_POLICIES,
            "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES,
            "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
            "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_PER_USER,
            "AccountAccessKeysPresent": int(bool(identity.access_keys_of(None))),
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "MFADevices": count_devices(call.node.store.reader),
            "MFADevicesInUse": count_devices(call.node.store.reader, in_use=True),
            "Providers": sum(1 for _ in providers),
            "InstanceProfiles": 0,
            "ServerCertificates": 0,
            "GlobalEndpointTokenVersion": 1,
        }
    }


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("GetAccountSummary", on_nothing, get_account_summary),
)
