"""Multi-factor authentication: the code of the caller's own device, good once."""

from dataclasses import replace
from typing import Final

from daypass.gateway.caller import Caller
from daypass.gateway.operation import Call
from daypass.policy import PrincipalKind
from daypass.protocol.errors import ServiceError
from daypass.services.sts.errors import access_denied
from daypass.store.mfa import CodeCheck, use_code

_FAILED: Final = "MultiFactorAuthentication failed"


def asks_for_mfa(call: Call) -> bool:
    """Whether the request passes a device or a code."""
    return "SerialNumber" in call.input or "TokenCode" in call.input


async def prove_mfa(call: Call) -> Caller:
    """The caller, with what a code in the request proves. Raises `ServiceError`.

    The code is used up even if the policies refuse the request afterwards: it was shown.
    """
    if not asks_for_mfa(call):
        return call.caller
    serial_number, code = call.input.get("SerialNumber"), call.input.get("TokenCode")
    if serial_number is None or code is None:
        raise access_denied(
            f"{_FAILED}, must provide both MFA serial number and one time pass code."
        )
    principal = call.caller.principal
    if principal.kind is not PrincipalKind.USER:
        raise _not_associated()
    keys, now = call.node.keys, call.now
    checked = await call.node.store.write(
        lambda transaction: use_code(
            transaction, serial_number, principal.unique_id, code, keys, now
        )
    )
    if checked is CodeCheck.NO_DEVICE:
        raise _not_associated()
    if checked is CodeCheck.WRONG:
        raise access_denied(f"{_FAILED} with invalid MFA one time pass code.")
    context = {
        **call.caller.context,
        "aws:multifactorauthpresent": "true",
        "aws:multifactorauthage": "0",
    }
    return replace(call.caller, context=context)


def _not_associated() -> ServiceError:
    # Two spaces, as AWS has them.
    return access_denied(
        f"{_FAILED}, unable to validate MFA code.  Please verify your MFA serial number is valid "
        "and associated with this user."
    )
