"""What the operations that issue sessions have in common: who may ask, and how it is answered."""

from collections.abc import Mapping
from typing import Any

from daypass.gateway.issue import Issued
from daypass.gateway.operation import Call
from daypass.policy import PrincipalKind
from daypass.services.sts.errors import session_credentials
from daypass.tokens import LARGEST_TOKEN, SessionKind

Answer = dict[str, Any]


def refuse_temporary_credentials(call: Call) -> None:
    """For operations that only long-term credentials may call."""
    if call.caller.session is not None:
        raise session_credentials(call.operation.name)


def refuse_unprivileged_sessions(call: Call) -> None:
    """For operations closed to the sessions of GetSessionToken and GetFederationToken."""
    session = call.caller.session
    if session is not None and session.kind is not SessionKind.ASSUMED_ROLE:
        raise session_credentials(call.operation.name)


def is_root(call: Call) -> bool:
    """Whether the account's root user is calling, with either kind of credentials."""
    return call.caller.principal.kind is PrincipalKind.ROOT


def answer(issued: Issued, further: Mapping[str, Any], *, packed: bool = False) -> Answer:
    """The output of an operation that issued a session. packed: it got policies or tags."""
    size = len(issued.session_token)
    used = -(-size * 100 // LARGEST_TOKEN)
    output: Answer = {
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": issued.expiration,
        },
        **further,
        "SessionTokenUtilization": used,
        "SessionTokenSize": size,
    }
    if packed:
        output["PackedPolicySize"] = used
    return output
