"""AssumeRoot: the root user for a quarter of an hour and one task, without the root user's key.

AWS lets the management account of an organization do this in its member accounts. Here the one
account there is stands for both.
"""

import re
from typing import Final

from daypass.gateway.issue import issue_session
from daypass.gateway.operation import Call, Operation, Permission
from daypass.services.sts.errors import access_denied, not_authorized, validation_error
from daypass.services.sts.requesting import (
    Answer,
    answer,
    is_root,
    refuse_unprivileged_sessions,
)
from daypass.tokens import SessionKind, SessionPolicies

_LONGEST: Final = 900
_TASKS: Final = frozenset(
    f"arn:aws:iam::aws:policy/root-task/{name}"
    for name in (
        "IAMAuditRootUserCredentials",
        "IAMCreateRootUserPassword",
        "IAMDeleteRootUserCredentials",
        "S3UnlockBucketPolicy",
        "SQSUnlockQueuePolicy",
    )
)
_TARGET: Final = re.compile(r"(?:arn:aws:iam::)?([0-9]{12})(?::root)?", re.ASCII)


def needs(call: Call) -> tuple[Permission, ...]:
    """sts:AssumeRoot on the root user, for the task that the input names."""
    refuse_unprivileged_sessions(call)
    if is_root(call):
        raise access_denied("AssumeRoot may not be called by root accounts.")
    task = _task(call)
    return (Permission("sts:AssumeRoot", _target(call), {"sts:taskpolicyarn": task}),)


async def perform(call: Call) -> Answer:
    """Issue the session: the root user's, limited by the task's policy."""
    target = _target(call)
    account = call.node.account_id
    if target != f"arn:aws:iam::{account}:root":
        raise not_authorized(call, "sts:AssumeRoot", target)
    session = call.caller.session
    source_identity = session.source_identity if session is not None else ""
    issued = issue_session(
        call.node,
        kind=SessionKind.ASSUMED_ROOT,
        subject_id=account,
        subject_name="",
        session_name="",
        # AWS lets a session of no seconds be asked for; one second is the shortest there can be.
        duration=call.input.get("DurationSeconds", _LONGEST) or 1,
        now=call.now,
        issued_to=call.caller,
        session_policies=SessionPolicies(arns=(_task(call),)),
        source_identity=source_identity,
        smallest_token=call.input.get("MinimumSessionTokenSize", 0),
    )
    return answer(issued, {"SourceIdentity": source_identity} if source_identity else {})


def _task(call: Call) -> str:
    task: str = call.input["TaskPolicyArn"].get("arn", "")
    if task not in _TASKS:
        raise validation_error(
            f"The policy {task} is not a root task policy. Use one under "
            "arn:aws:iam::aws:policy/root-task/."
        )
    return task


def _target(call: Call) -> str:
    match = _TARGET.fullmatch(call.input["TargetPrincipal"])
    if match is None:
        raise validation_error("TargetPrincipal must be an account ID or the ARN of a root user.")
    return f"arn:aws:iam::{match[1]}:root"


OPERATION = Operation("AssumeRoot", needs, perform, issues=True)
