"""From a signature to the caller it proves."""

from collections.abc import Sequence

from daypass.gateway.caller import UNSIGNED, Caller
from daypass.gateway.holder import Holder, Holders
from daypass.gateway.node import Node
from daypass.policy import Principal, PrincipalKind
from daypass.sigv4 import PostForm, Presented, Verified, verify, verify_post_form

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
    verified = verify(
        presented,
        lambda shown: _secret_of(node, holders, shown, now, found),
        service=service,
        region=node.region,
        now=now,
        body_sha256=body_sha256,
    )
    return _caller(verified, found[0])


def authenticate_form(
    node: Node, fields: Sequence[tuple[str, str]], bucket: str, now: float
) -> tuple[Caller, PostForm] | None:
    """The caller who signed the policy in a form's fields, which are checked against it; None if
    the form carries no authentication. Raises `daypass.sigv4.Refusal`."""
    found: list[Holder] = []
    holders = Holders()
    form = verify_post_form(
        fields,
        lambda shown: _secret_of(node, holders, shown, now, found),
        bucket=bucket,
        region=node.region,
        now=now,
    )
    return None if form is None else (_caller(form.verified, found[0]), form)


def _secret_of(
    node: Node, holders: Holders, shown: Presented, now: float, found: list[Holder]
) -> str | None:
    holder = holders.find(node, shown, now)
    if holder is None:
        return None
    found.append(holder)
    return holder.secret


def _caller(verified: Verified, holder: Holder) -> Caller:
    return Caller(
        verified,
        holder.principal,
        verified.access_key_id,
        holder.identity,
        holder.boundary,
        holder.session_policies,
        holder.scopes,
        holder.context,
        holder.session,
    )
