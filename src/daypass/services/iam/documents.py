"""Policy documents on their way in (checked) and out (as AWS sends them)."""

from urllib.parse import quote

from daypass.gateway.operation import Call
from daypass.policy import (
    Policy,
    PolicyError,
    PolicyKind,
    parse_policy,
    policy_size,
    require_current_version,
)
from daypass.protocol.errors import ServiceError
from daypass.services.iam import quotas
from daypass.services.iam.errors import malformed_policy, quota_exceeded
from daypass.services.iam.federated_trust import refuse_unusable_federation
from daypass.store.identity import InvalidPrincipalError, principals_to_ids


def checked_inline_document(text: str) -> str:
    """An inline policy's document. Raises `ServiceError`."""
    _parse(text, PolicyKind.IDENTITY)
    return text


def checked_managed_document(text: str) -> str:
    """A managed policy's document. Raises `ServiceError`."""
    _parse(text, PolicyKind.IDENTITY, current=True)
    if policy_size(text) > quotas.MANAGED_POLICY_SIZE:
        raise quota_exceeded("PolicySize", quotas.MANAGED_POLICY_SIZE)
    return text


def checked_trust_document(call: Call, text: str) -> str:
    """A trust policy's document, with users and roles as unique ids. Raises `ServiceError`."""
    policy = _parse(text, PolicyKind.TRUST)
    # The language takes "*" for {"AWS": "*"}, and IAM does so everywhere but here.
    if any(statement.principal == "*" for statement in policy.statements):
        raise malformed_policy("Principal must be a JSON object.")
    refuse_unusable_federation(policy)
    if policy_size(text) > quotas.TRUST_POLICY_SIZE:
        raise quota_exceeded("ACLSizePerRole", quotas.TRUST_POLICY_SIZE)
    try:
        return principals_to_ids(text, call.node.identity)
    except InvalidPrincipalError as error:
        raise malformed_policy(str(error)) from error


def shown(text: str) -> str:
    """A document as IAM answers with it: percent-encoded (RFC 3986)."""
    return quote(text, safe="")


def _parse(text: str, kind: PolicyKind, *, current: bool = False) -> Policy:
    # current: inline policies may be of the version of 2008, managed ones may not.
    try:
        policy = parse_policy(text, kind)
        if current:
            require_current_version(policy)
    except PolicyError as error:
        raise ServiceError(error.code, error.message, 400) from error
    return policy
