"""GetSessionToken: temporary credentials with the permissions of the user who calls."""

from typing import Final

from daypass.gateway.caller import Caller
from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.services.sts.multi_factor import asks_for_mfa, prove_mfa
from daypass.services.sts.requesting import (
    Answer,
    answer,
    is_root,
    refuse_temporary_credentials,
)
from daypass.tokens import SessionKind

_DEFAULT_DURATION: Final = 43_200
_ROOT_DURATION: Final = 3600


async def prove(call: Call) -> Caller:
    """The code of an MFA device, if the request has one."""
    refuse_temporary_credentials(call)
    return await prove_mfa(call)


def needs(call: Call) -> tuple[Permission, ...]:  # noqa: ARG001
    """No permission: the operation authenticates, and a policy cannot control it."""
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
        mfa=asks_for_mfa(call),
        smallest_token=call.input.get("MinimumSessionTokenSize", 0),
    )
    return answer(issued, {})


OPERATION = Operation("GetSessionToken", needs, perform, prove, issues=True)
