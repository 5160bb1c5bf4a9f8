"""From a signature to the caller it proves."""

from daypass.gateway.caller import UNSIGNED, Caller
from daypass.gateway.holder import Holder, Holders
from daypass.gateway.node import Node
from daypass.policy import Principal, PrincipalKind
from daypass.sigv4 import Presented, verify

ANONYMOUS = Caller(
    UNSIGNED,
    Principal(PrincipalKind.ANONYMOUS),
    context={
        "aws:principaltype": "Anonymous",
        "aws:principalaccount": "anonymous",
        "aws:userid": "anonymous",
    },
)


def authenticate(
    node: Node,
    holders: Holders,
    presented: Presented,
    service: str,
    body_sha256: str | None,
    now: float,
) -> Caller:
    """The caller whose signature this is. Raises `daypass.sigv4.Refusal`.

    body_sha256: hex, of a body read before; None where the payload's declared hash is signed and
    the body is checked against it as it is read.
    """
    found: list[Holder] = []

    def secret_of(shown: Presented) -> str | None:
        holder = holders.find(node, shown, now)
        if holder is None:
            return None
        found.append(holder)
        return holder.secret

    verified = verify(
        presented,
        secret_of,
        service=service,
        region=node.region,
        now=now,
        body_sha256=body_sha256,
    )
    holder = found[0]
    return Caller(
        verified,
        holder.principal,
        verified.access_key_id,
        holder.identity,
        holder.boundary,
        holder.session_policies,
        holder.context,
        holder.session,
    )
