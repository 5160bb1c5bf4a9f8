"""DecodeAuthorizationMessage: why a request was denied, from the message its answer carried."""

from daypass.gateway.authorization_message import decode_authorization_message
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.sts.requesting import Answer, refuse_unprivileged_sessions
from daypass.tokens import TokenError


def needs(call: Call) -> tuple[Permission, ...]:
    """sts:DecodeAuthorizationMessage, which has no resources."""
    refuse_unprivileged_sessions(call)
    return (Permission("sts:DecodeAuthorizationMessage", "*"),)


async def perform(call: Call) -> Answer:
    """Open the message."""
    try:
        decoded = decode_authorization_message(
            call.node.keys, call.input["EncodedMessage"], call.now
        )
    except TokenError as error:
        raise ServiceError(
            "InvalidAuthorizationMessageException", "Message is not valid", 400
        ) from error
    return {"DecodedMessage": decoded}


OPERATION = Operation("DecodeAuthorizationMessage", needs, perform, effect=Effect.READ)
