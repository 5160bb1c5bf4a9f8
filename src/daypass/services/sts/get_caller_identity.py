"""GetCallerIdentity: who the credentials of the request belong to."""

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.sts.requesting import Answer


def needs(call: Call) -> tuple[Permission, ...]:  # noqa: ARG001
    """Nothing, and no policy can deny it: the same is said in every refusal."""
    return ()


async def perform(call: Call) -> Answer:
    """Answer from the verified caller."""
    return {
        "UserId": call.caller.context["aws:userid"],
        "Account": call.caller.principal.account,
        "Arn": call.caller.principal.arn,
    }


OPERATION = Operation("GetCallerIdentity", needs, perform, effect=Effect.READ)
