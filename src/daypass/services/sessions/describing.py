"""How a session is shown, and whether it still lives."""

from enum import StrEnum
from typing import Any

from daypass.gateway.node import Node
from daypass.store.issued import IssuedSession
from daypass.tokens import SessionKind


class State(StrEnum):
    """live: its credentials are taken. revoked: they are not, before their time. expired: after."""

    LIVE = "live"
    REVOKED = "revoked"
    EXPIRED = "expired"


def state_of(node: Node, issued: IssuedSession, now: float) -> State:
    """What has become of a session by now."""
    session = issued.session
    if session.expires <= now:
        return State.EXPIRED
    if node.revocations.revoked(session) or not _has_subject(node, issued):
        return State.REVOKED
    return State.LIVE


def describe(node: Node, issued: IssuedSession, now: float) -> dict[str, Any]:
    """The session as the API shows it, without what is empty."""
    session = issued.session
    shown: dict[str, Any] = {
        "Accessor": session.accessor,
        "AccessKeyId": session.access_key_id,
        "Kind": session.kind.value,
        "SubjectId": session.subject_id,
        "SubjectName": session.subject_name,
        "SessionName": session.session_name,
        "Parent": issued.parent,
        "Ancestors": [one.accessor for one in session.parents if one.accessor],
        "Provider": session.provider,
        "SourceIdentity": session.source_identity,
        "Tags": dict(session.tags),
        "TransitiveTagKeys": list(session.transitive_tags),
        "MfaAuthenticated": session.mfa,
        "Issued": session.issued,
        "Expires": session.expires,
        "LastUsed": issued.used,
        "LastAddress": issued.address,
        "State": state_of(node, issued, now).value,
    }
    return {name: value for name, value in shown.items() if value or value is False}


def _has_subject(node: Node, issued: IssuedSession) -> bool:
    """Whether the role or user it was issued for is still there."""
    subject_id = issued.session.subject_id
    if issued.session.kind is SessionKind.ASSUMED_ROLE:
        return node.identity.role_by_id(subject_id) is not None
    return subject_id == node.account_id or node.identity.user_by_id(subject_id) is not None
