"""GetAccessKeyInfo: the account an access key belongs to."""

from typing import Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.sts.errors import validation_error
from daypass.services.sts.requesting import Answer, refuse_unprivileged_sessions
from daypass.tokens import account_of

_PREFIXES: Final = ("AKIA", "ASIA")


def needs(call: Call) -> tuple[Permission, ...]:
    """sts:GetAccessKeyInfo, which has no resources."""
    refuse_unprivileged_sessions(call)
    return (Permission("sts:GetAccessKeyInfo", "*"),)


async def perform(call: Call) -> Answer:
    """Read the account in the id itself; keys this server knows may have another form."""
    access_key_id: str = call.input["AccessKeyId"]
    if call.node.identity.access_key(access_key_id) is not None:
        return {"Account": call.node.account_id}
    account = account_of(access_key_id) if access_key_id.startswith(_PREFIXES) else None
    if account is None:
        raise validation_error(f"The access key with id {access_key_id} does not exist.")
    return {"Account": account}


OPERATION = Operation("GetAccessKeyInfo", needs, perform, effect=Effect.READ)
