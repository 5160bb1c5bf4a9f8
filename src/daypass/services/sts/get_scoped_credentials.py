"""GetScopedCredentials: the caller's own session with fewer permissions, or a shorter life."""

from typing import Final

from daypass.gateway.issue import narrow_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.policy import PolicyError, parse_session_policy
from daypass.services.sts.errors import (
    access_denied,
    insufficient_session_lifetime,
    invalid_subject_credentials,
    malformed_policy,
    packed_policy_too_large,
    validation_error,
)
from daypass.services.sts.requesting import Answer, answer
from daypass.tokens import Session, TokenTooLargeError

_MOST_SCOPES: Final = 3


def needs(call: Call) -> tuple[Permission, ...]:
    """sts:GetScopedCredentials, of a caller with temporary credentials."""
    _session(call)
    return (Permission("sts:GetScopedCredentials", "*"),)


async def perform(call: Call) -> Answer:
    """Issue the narrowed session; who it is stays as it was."""
    session = _session(call)
    scope: str | None = call.input.get("Policy")
    if scope is None and "DurationSeconds" not in call.input:
        raise validation_error(
            "Neither Policy nor DurationSeconds is given. A request must provide at least one."
        )
    if scope is not None:
        _check_scope(session, scope)
    try:
        issued = narrow_session(
            call.node,
            call.caller,
            session,
            scope,
            _expiration(call, session),
            call.input.get("MinimumSessionTokenSize", 0),
        )
    except TokenTooLargeError as error:
        raise packed_policy_too_large() from error
    further: Answer = {
        "SessionInfo": {
            "ScopedSessionId": call.caller.context.get(
                "aws:userid", call.caller.principal.unique_id
            ),
            "Arn": call.caller.principal.arn,
        },
        "ScopedPoliciesCount": len(issued.session.scopes),
    }
    if session.source_identity:
        further["SourceIdentity"] = session.source_identity
    return answer(issued, further)


def _session(call: Call) -> Session:
    session = call.caller.session
    if session is None:
        raise invalid_subject_credentials(
            "GetScopedCredentials narrows temporary credentials, and these are long-term. Call "
            "GetSessionToken first."
        )
    return session


def _check_scope(session: Session, scope: str) -> None:
    if len(session.scopes) >= _MOST_SCOPES:
        raise access_denied(
            f"The session already has {_MOST_SCOPES} scope down policies, and may have no more."
        )
    try:
        parse_session_policy(scope, "scope down policy")
    except PolicyError as error:
        raise malformed_policy(error.message) from error


def _expiration(call: Call, session: Session) -> int:
    """Unix seconds. Raises `ServiceError` for a time after the end of the caller's session."""
    if "DurationSeconds" not in call.input:
        return session.expires
    expires = int(call.now) + int(call.input["DurationSeconds"])
    if expires > session.expires:
        raise insufficient_session_lifetime(session.expires - int(call.now))
    return expires


OPERATION = Operation("GetScopedCredentials", needs, perform, issues=True)
