"""GetSessionToken: temporary credentials with the permissions of the user who calls."""

from typing import Final

from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.services.sts.requesting import (
    Answer,
    answer,
    is_root,
    refuse_mfa,
    refuse_temporary_credentials,
)
from daypass.tokens import SessionKind

_DEFAULT_DURATION: Final = 43_200
_ROOT_DURATION: Final = 3600


def needs(call: Call) -> tuple[Permission, ...]:
    """No permission: the operation authenticates, and a policy cannot control it."""
    refuse_temporary_credentials(call)
    refuse_mfa(call)
    return ()


async def perform(call: Call) -> Answer:
    """Issue the session. What root asks for beyond an hour is cut to an hour, as AWS does."""
    duration: int = call.input.get("DurationSeconds", _DEFAULT_DURATION)
    if is_root(call):
        duration = min(duration, _ROOT_DURATION)
    caller = call.caller
    user_name = caller.context.get("aws:username", "")
    issued = issue_session(
        call.node,
        kind=SessionKind.SESSION_TOKEN,
        subject_id=caller.principal.unique_id,
        subject_name=str(user_name),
        session_name="",
        duration=duration,
        now=call.now,
        issued_to=caller,
        smallest_token=call.input.get("MinimumSessionTokenSize", 0),
    )
    return answer(issued, {})


OPERATION = Operation("GetSessionToken", needs, perform)
