"""ExplainRequest: why a request was refused, by its id."""

import asyncio
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError


def needs(call: Call) -> tuple[Permission, ...]:
    """daypass:ExplainRequest on the request."""
    node = call.node
    arn = f"arn:aws:daypass:{node.region}:{node.account_id}:request/{call.input['RequestId']}"
    return (Permission("daypass:ExplainRequest", arn),)


async def explain_request(call: Call) -> dict[str, Any]:
    """What is known of a refused request, in whichever process it was refused."""
    request_id: str = call.input["RequestId"]
    found = await asyncio.to_thread(call.node.refusals.find, request_id)
    if found is None:
        raise ServiceError(
            "ResourceNotFoundException",
            f"No refused request has the id {request_id}; the last few thousand are kept.",
            404,
        )
    return {"Refusal": found}


OPERATION: Final = Operation("ExplainRequest", needs, explain_request, effect=Effect.READ)
