"""Issuing a session: the one place where temporary credentials come into being."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from daypass.gateway.caller import Caller
from daypass.gateway.node import Node
from daypass.tokens import (
    Ancestor,
    Session,
    SessionKind,
    SessionPolicies,
    accessor_prefix,
    new_access_key_id,
    new_accessor,
    provider_subject,
)

_TEMPORARY: Final = "ASIA"
NO_POLICIES: Final = SessionPolicies()


# Final and not frozen: see docs/decisions/final-fields.md.
@dataclass(slots=True)
class Issued:
    """Temporary credentials, as their holder gets them. expiration: Unix seconds."""

    access_key_id: Final[str]
    secret_access_key: Final[str] = field(repr=False)
    session_token: Final[str] = field(repr=False)
    expiration: Final[int]
    session: Final[Session]


def issue_session(
    node: Node,
    *,
    kind: SessionKind,
    subject_id: str,
    subject_name: str,
    session_name: str,
    duration: int,
    now: float,
    issued_to: Caller | None = None,
    session_policies: SessionPolicies = NO_POLICIES,
    mfa: bool = False,
    source_identity: str = "",
    tags: Mapping[str, str] | None = None,
    transitive_tags: tuple[str, ...] = (),
    smallest_token: int = 0,
) -> Issued:
    """Issue a session; nothing is written, the token carries all of it.

    subject_id, subject_name: the role or user whose permissions it has. duration: seconds.
    issued_to: the caller it descends from, None when the server itself takes the role of a
    function. The session of a caller whom a provider vouches for keeps the provider and its
    claims, and descends from the provider. smallest_token: characters. Raises
    `daypass.tokens.TokenTooLargeError`.

    The caller of this function has checked that the session may be issued.
    """
    access_key_id = new_access_key_id(_TEMPORARY, node.account_id)
    external = issued_to.external if issued_to else None
    session = Session(
        accessor=new_accessor(access_key_id),
        access_key_id=access_key_id,
        account=node.account_id,
        kind=kind,
        subject_id=subject_id,
        subject_name=subject_name,
        session_name=session_name,
        issued=now,
        expires=int(now) + duration,
        session_policies=session_policies,
        mfa=mfa,
        source_identity=source_identity,
        tags=tags or {},
        transitive_tags=transitive_tags,
        parents=_ancestors(issued_to, now),
        key_id=node.keys.active_id,
        provider=external.provider if external else "",
        claims=external.claims if external else {},
    )
    return _issued(node, session, smallest_token)


def narrow_session(
    node: Node,
    caller: Caller,
    session: Session,
    scope: str | None,
    expires: int,
    smallest_token: int,
) -> Issued:
    """Issue the caller's session anew, as it is but for less: `scope` limits it from now on, and
    it ends at `expires`.

    It counts as issued when the session it narrows was, so that neither the age of an MFA code nor
    a revocation by time is got round. Raises `daypass.tokens.TokenTooLargeError`.
    """
    access_key_id = new_access_key_id(_TEMPORARY, node.account_id)
    narrowed = replace(
        session,
        accessor=new_accessor(access_key_id),
        access_key_id=access_key_id,
        expires=expires,
        parents=_ancestors(caller, session.issued),
        key_id=node.keys.active_id,
        scopes=session.scopes if scope is None else (*session.scopes, scope),
    )
    return _issued(node, narrowed, smallest_token)


def _issued(node: Node, session: Session, smallest_token: int) -> Issued:
    return Issued(
        session.access_key_id,
        node.keys.secret_access_key(session),
        node.keys.seal(session, smallest_token),
        session.expires,
        session,
    )


def _ancestors(issued_to: Caller | None, now: float) -> tuple[Ancestor, ...]:
    if issued_to is None:
        return ()
    external = issued_to.external
    if external is not None:
        return (Ancestor("", provider_subject(external.provider), now),)
    session = issued_to.session
    if session is None:
        return (
            Ancestor(accessor_prefix(issued_to.access_key_id), issued_to.principal.unique_id, now),
        )
    return (
        Ancestor(session.accessor, session.subject_id, session.issued),
        *session.parents,
    )
