"""GetFederationToken: temporary credentials of a user, narrowed and under another name."""

from typing import Final

from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.services.sts.errors import packed_policy_too_large
from daypass.services.sts.requesting import Answer, answer, is_root, refuse_temporary_credentials
from daypass.services.sts.session_policies import read_session_policies
from daypass.services.sts.session_tags import read_session_tags
from daypass.tokens import SessionKind, TokenTooLargeError

_DEFAULT_DURATION: Final = 43_200
_ROOT_DURATION: Final = 3600


def needs(call: Call) -> tuple[Permission, ...]:
    """sts:GetFederationToken on the federated user, and sts:TagSession for tags."""
    refuse_temporary_credentials(call)
    tags = read_session_tags(call)
    arn, context = _federated_arn(call), tags.context()
    needed = (Permission("sts:GetFederationToken", arn, context),)
    return (*needed, Permission("sts:TagSession", arn, context)) if tags else needed


async def perform(call: Call) -> Answer:
    """Issue the session; without session policies it may do nothing by the user's policies.

    What root asks for beyond an hour is cut to an hour, as AWS does.
    """
    name: str = call.input["Name"]
    duration: int = call.input.get("DurationSeconds", _DEFAULT_DURATION)
    if is_root(call):
        duration = min(duration, _ROOT_DURATION)
    policies = read_session_policies(call)
    tags = read_session_tags(call)
    caller = call.caller
    try:
        issued = issue_session(
            call.node,
            kind=SessionKind.FEDERATED_USER,
            subject_id=caller.principal.unique_id,
            subject_name=str(caller.context.get("aws:username", "")),
            session_name=name,
            duration=duration,
            now=call.now,
            issued_to=caller,
            session_policies=policies,
            tags=tags.tags,
            smallest_token=call.input.get("MinimumSessionTokenSize", 0),
        )
    except TokenTooLargeError as error:
        raise packed_policy_too_large() from error
    federated = {
        "FederatedUserId": f"{call.node.account_id}:{name}",
        "Arn": _federated_arn(call),
    }
    return answer(issued, {"FederatedUser": federated}, packed=bool(policies or tags))


def _federated_arn(call: Call) -> str:
    return f"arn:aws:sts::{call.node.account_id}:federated-user/{call.input['Name']}"


OPERATION = Operation("GetFederationToken", needs, perform, issues=True)
