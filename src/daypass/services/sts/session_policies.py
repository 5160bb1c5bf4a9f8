"""The policies that narrow a session: one inline document and up to ten managed ones."""

from typing import Final

from daypass.gateway.issue import NO_POLICIES
from daypass.gateway.operation import Call
from daypass.policy import PolicyError, parse_session_policy
from daypass.protocol.errors import ServiceError
from daypass.services.sts.errors import malformed_policy, validation_error
from daypass.tokens import SessionPolicies

_MOST_ARNS: Final = 10
# Characters of the inline document and the ARNs together, white space included.
_MOST_CHARACTERS: Final = 2048


def read_session_policies(call: Call) -> SessionPolicies:
    """The session policies a request passes, checked. Raises `ServiceError`."""
    inline: str | None = call.input.get("Policy")
    listed = call.input.get("PolicyArns")
    if inline is None and not listed:
        return NO_POLICIES
    arns = tuple(entry["arn"] for entry in listed or () if "arn" in entry)
    if len(arns) > _MOST_ARNS:
        raise _constraint("policyArns", _MOST_ARNS)
    if len(inline or "") + sum(map(len, arns)) > _MOST_CHARACTERS:
        raise _constraint("policy", _MOST_CHARACTERS)
    if inline is not None:
        try:
            parse_session_policy(inline, "session policy")
        except PolicyError as error:
            raise malformed_policy(error.message) from error
    for arn in arns:
        if call.node.identity.managed_policy(arn) is None:
            raise malformed_policy(f"Policy {arn} does not exist or is not attachable.")
    return SessionPolicies(inline, arns)


def _constraint(member: str, most: int) -> ServiceError:
    return validation_error(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member "
        f"must have length less than or equal to {most}"
    )
