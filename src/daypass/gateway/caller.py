"""Who is calling, known only by what was verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from daypass.federation import ExternalIdentity
from daypass.policy import PolicySet, Principal, PrincipalKind
from daypass.sigv4 import Verified
from daypass.tokens import Session


@final
class Unsigned:
    """The proof of an anonymous caller: the request carried no authentication of any kind."""

    __slots__ = ()


UNSIGNED: Final = Unsigned()

_PROOFS: Final = (Verified, Unsigned, ExternalIdentity)


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller identity of one request.

    proof: the verified signature it rests on, the identity that a provider vouches for, or
    `UNSIGNED`. principal: as policies see it.
    identity, boundary, session_policies: the compiled policies that grant to and limit it; None
    is an absent layer. scopes: what the session was narrowed by since it was issued. context:
    condition keys that follow from the principal, lower-case names.
    session: the opened session token of temporary credentials, None with long-term ones.
    """

    proof: Verified | Unsigned | ExternalIdentity
    principal: Principal
    access_key_id: str = ""
    identity: PolicySet | None = None
    boundary: PolicySet | None = None
    session_policies: PolicySet | None = None
    scopes: Sequence[PolicySet] = ()
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    session: Session | None = None

    def __post_init__(self) -> None:
        # INVARIANT: a caller exists only as the result of verification. `Verified` has no public
        # constructor; anything else that claims to be a proof is refused here.
        if not isinstance(self.proof, _PROOFS):
            raise TypeError(
                "A Caller rests on a verified signature, on a verified external identity, or on "
                "UNSIGNED."
            )

    @property
    def anonymous(self) -> bool:
        return self.proof is UNSIGNED

    @property
    def signature(self) -> Verified | None:
        """The verified signature, None of an anonymous caller."""
        return self.proof if isinstance(self.proof, Verified) else None

    @property
    def external(self) -> ExternalIdentity | None:
        """What a provider vouches for, None of a caller with credentials or without any proof."""
        return self.proof if isinstance(self.proof, ExternalIdentity) else None


def external_caller(identity: ExternalIdentity) -> Caller:
    """The caller whom an identity provider vouches for. Only a resource's policy can allow it."""
    return Caller(
        identity,
        Principal(PrincipalKind.FEDERATED, arn=identity.provider),
        context={**identity.claims, "aws:federatedprovider": identity.provider},
    )
