"""Who holds an access key: the principal, its policies and its condition keys, compiled once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daypass.gateway.node import Node
from daypass.policy import (
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    parse_policy,
    parse_session_policy,
    principal_keys,
)
from daypass.protocol.timestamps import iso8601_seconds
from daypass.sigv4 import Presented, Reason, Refusal
from daypass.tokens import Session, SessionKind, TokenError

Context = Mapping[str, str | Sequence[str]]

# One an access key in use. Emptied when full, and whenever a record of the store changes.
_HOLDERS_KEPT = 8192
# What the root user may do, for the federated users it vouches for.
_EVERYTHING = PolicySet(
    [
        parse_policy(
            '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
            PolicyKind.IDENTITY,
            label="root user",
        )
    ]
)


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """The holder of an access key: everything of a `Caller` but the proof."""

    secret: str
    principal: Principal
    identity: PolicySet | None
    boundary: PolicySet | None
    session_policies: PolicySet | None
    context: Context
    session: Session | None
    scopes: tuple[PolicySet, ...] = ()


class Holders:
    """The holders of the access keys used last."""

    __slots__ = ("_held", "_version")

    def __init__(self) -> None:
        self._held: dict[str, Holder] = {}
        self._version = -1

    def find(self, node: Node, presented: Presented, now: float) -> Holder | None:
        """The holder of the key a request presents, None if there is no such key.

        Raises `Refusal` for a session that is expired, revoked, or of another key.
        """
        # INVARIANT: a change of identity and a revocation hold from the next request on.
        if self._version != node.store.version:
            self._held.clear()
            self._version = node.store.version
        # A token decides everything about its holder; a key without one is long-term.
        name = presented.session_token or presented.access_key_id
        holder = self._held.get(name)
        if holder is None:
            holder = _look_up(node, presented)
            if holder is None:
                return None
            if len(self._held) >= _HOLDERS_KEPT:
                self._held.clear()
            self._held[name] = holder
        session = holder.session
        if session is not None:
            # INVARIANT: a token is worth nothing with any other access key than its own.
            if session.access_key_id != presented.access_key_id:
                raise Refusal(Reason.INVALID_TOKEN, "the token is of another access key")
            if node.keys.expired(session, now):
                ended = f"the session ended at {iso8601_seconds(session.expires)}"
                raise Refusal(Reason.EXPIRED_TOKEN, ended)
        return holder


def _look_up(node: Node, presented: Presented) -> Holder | None:
    if presented.session_token is None:
        return _holder_of_key(node, presented.access_key_id)
    try:
        session = node.keys.open(presented.session_token)
    except TokenError as error:
        raise Refusal(Reason.INVALID_TOKEN, "this server did not issue it") from error
    if session.account != node.account_id:
        raise Refusal(Reason.INVALID_TOKEN, "it was issued for another account")
    if node.revocations.revoked(session):
        raise Refusal(Reason.REVOKED_TOKEN, "the session was revoked")
    return _holder_of_session(node, session)


def _holder_of_key(node: Node, access_key_id: str) -> Holder | None:
    key = node.identity.access_key(access_key_id)
    if key is None or not key.active:
        return None
    if key.user_id is None:
        return Holder(key.secret, _root(node), None, None, None, principal_keys(_root(node)), None)
    user = node.identity.user_by_id(key.user_id)
    if user is None:
        return None
    principal = Principal(PrincipalKind.USER, node.account_id, user.arn, unique_id=user.id)
    context = {**principal_keys(principal), **_tags(user.tags)}
    return Holder(key.secret, principal, user.identity, user.boundary, None, context, None)


def _holder_of_session(node: Node, session: Session) -> Holder:
    if session.kind == SessionKind.ASSUMED_ROLE:
        return _role_session(node, session)
    issuer, identity, boundary, own = _issuer(node, session)
    if session.kind == SessionKind.ASSUMED_ROOT:
        # A task's policies deny all but the task; the root user is allowed what they leave.
        return _session_holder(node, session, issuer, _named_policies(node, session), None, own)
    if session.kind == SessionKind.SESSION_TOKEN:
        return _session_holder(node, session, issuer, identity, boundary, own)
    if issuer.kind is PrincipalKind.ROOT:
        identity = _EVERYTHING
    principal = Principal(
        PrincipalKind.FEDERATED_USER,
        node.account_id,
        f"arn:aws:sts::{node.account_id}:federated-user/{session.session_name}",
        unique_id=f"{node.account_id}:{session.session_name}",
        user_arn=issuer.arn,
        user_id=issuer.unique_id,
    )
    return _session_holder(node, session, principal, identity, boundary, {})


def _issuer(
    node: Node, session: Session
) -> tuple[Principal, PolicySet | None, PolicySet | None, Context]:
    """The user whose session this is, with its policies, boundary and condition keys."""
    if session.subject_id == node.account_id:
        return _root(node), None, None, {}
    user = node.identity.user_by_id(session.subject_id)
    if user is None:
        raise Refusal(Reason.REVOKED_TOKEN, "the session's user was deleted")
    principal = Principal(PrincipalKind.USER, node.account_id, user.arn, unique_id=user.id)
    return principal, user.identity, user.boundary, _tags(user.tags)


def _role_session(node: Node, session: Session) -> Holder:
    # By id, not by name: a role deleted and made again is another role.
    role = node.identity.role_by_id(session.subject_id)
    if role is None:
        raise Refusal(Reason.REVOKED_TOKEN, "the session's role was deleted")
    principal = Principal(
        PrincipalKind.ROLE_SESSION,
        node.account_id,
        f"arn:aws:sts::{node.account_id}:assumed-role/{role.name}/{session.session_name}",
        role_arn=role.arn,
        unique_id=role.id,
    )
    return _session_holder(node, session, principal, role.identity, role.boundary, _tags(role.tags))


def _session_holder(
    node: Node,
    session: Session,
    principal: Principal,
    identity: PolicySet | None,
    boundary: PolicySet | None,
    own: Context,
) -> Holder:
    context: dict[str, str | Sequence[str]] = {
        **session.claims,
        **principal_keys(principal),
        **own,
    }
    context |= _tags(session.tags)
    context["aws:tokenissuetime"] = iso8601_seconds(session.issued)
    context["aws:multifactorauthpresent"] = "true" if session.mfa else "false"
    if session.provider:
        context["aws:federatedprovider"] = session.provider
    if session.source_identity:
        context["aws:sourceidentity"] = session.source_identity
    return Holder(
        node.keys.secret_access_key(session),
        principal,
        identity,
        boundary,
        _session_policies(node, session),
        context,
        session,
        tuple(
            PolicySet([parse_session_policy(text, "scope down policy")]) for text in session.scopes
        ),
    )


def _session_policies(node: Node, session: Session) -> PolicySet | None:
    if session.kind == SessionKind.ASSUMED_ROOT:
        return None
    if not session.session_policies:
        # A federated user's session without a policy of its own may do nothing by identity.
        return PolicySet([]) if session.kind == SessionKind.FEDERATED_USER else None
    return _named_policies(node, session)


def _named_policies(node: Node, session: Session) -> PolicySet:
    narrowing = session.session_policies
    policies = []
    if narrowing.inline is not None:
        policies.append(parse_session_policy(narrowing.inline, "session policy"))
    for arn in narrowing.arns:
        managed = node.identity.managed_policy(arn)
        # One that was deleted since allows nothing, and cannot deny any more.
        if managed is not None:
            policies.append(managed.policy)
    return PolicySet(policies)


def _root(node: Node) -> Principal:
    account = node.account_id
    return Principal(PrincipalKind.ROOT, account, f"arn:aws:iam::{account}:root", unique_id=account)


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"aws:principaltag/{name.lower()}": value for name, value in tags.items()}
