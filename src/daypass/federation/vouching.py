"""Making an external identity. Only what has verified a token or an assertion imports this; an
import contract keeps everything above `daypass.federation` from it."""

from collections.abc import Mapping
from typing import Final

from daypass.federation.external import RESERVED, Claims, ExternalIdentity

_NOTHING: Final[Mapping[str, str]] = {}


def vouch(
    *,
    provider: str,
    subject: str,
    audience: str,
    claims: Claims,
    tags: Mapping[str, str] = _NOTHING,
    transitive_tags: tuple[str, ...] = (),
    source_identity: str = "",
    attributes: Claims = _NOTHING,
) -> ExternalIdentity:
    """The identity that was verified just now. See `ExternalIdentity` for the parts."""
    # INVARIANT: what a provider says never becomes a condition key of the server's own.
    if any(key != key.lower() or key.partition(":")[0] in RESERVED for key in claims):
        raise ValueError("A provider's claims live under condition keys of its own, in lower case.")
    identity = object.__new__(ExternalIdentity)
    for name, value in (
        ("provider", provider),
        ("subject", subject),
        ("audience", audience),
        ("claims", claims),
        ("tags", tags),
        ("transitive_tags", transitive_tags),
        ("source_identity", source_identity),
        ("attributes", attributes),
    ):
        object.__setattr__(identity, name, value)
    return identity
