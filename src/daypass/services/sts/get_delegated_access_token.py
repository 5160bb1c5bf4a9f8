"""GetDelegatedAccessToken: refused, in the end, for there is nobody who hands out trade-in tokens.

AWS's are made when a customer accepts the delegation request of a product of another company.
"""

from daypass.gateway.operation import Call, Operation, Output, Permission
from daypass.services.sts.errors import access_denied


def needs(call: Call) -> tuple[Permission, ...]:  # noqa: ARG001
    """sts:GetDelegatedAccessToken, which has no resources."""
    return (Permission("sts:GetDelegatedAccessToken", "*"),)


async def perform(call: Call) -> Output:  # noqa: ARG001
    """Refuse the token, whatever it is."""
    raise access_denied(
        "The trade-in token is not valid: this server has no delegation requests, and issued none."
    )


OPERATION = Operation("GetDelegatedAccessToken", needs, perform)
