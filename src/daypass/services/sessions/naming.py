"""How requests name sessions: one, or all of a key, role, user, provider, or all there are."""

from enum import StrEnum

from daypass.gateway.node import Node
from daypass.protocol.errors import ServiceError
from daypass.store.identity import Role, User
from daypass.tokens import provider_subject


class Kind(StrEnum):
    """What is named."""

    SESSION = "session"
    ACCESS_KEY = "access-key"
    ROLE = "role"
    USER = "user"
    PROVIDER = "provider"
    ALL = "all"


def sessions_arn(node: Node, kind: Kind, target: str) -> str:
    """The resource of what is named, in policies."""
    resource = f"{kind}/{target}" if target else str(kind)
    return f"arn:aws:daypass:{node.region}:{node.account_id}:sessions/{resource}"


def subject_id_of(node: Node, kind: Kind, target: str) -> str:
    """The unique id of a role or user by its name, what stands for a provider; "" of the others.

    Raises `ServiceError` where there is none. A provider may be gone, and its sessions not.
    """
    if kind is Kind.PROVIDER:
        return provider_subject(target)
    subject: Role | User | None
    if kind is Kind.ROLE:
        subject = node.identity.role(target)
    elif kind is Kind.USER:
        subject = node.identity.user(target)
    else:
        return ""
    if subject is None:
        raise ServiceError(
            "ResourceNotFoundException", f"The {kind} with name {target} cannot be found.", 404
        )
    return subject.id
