"""An identity that a provider vouches for: the proof a caller rests on who has no credentials."""

from collections.abc import Mapping
from typing import Final, Never, final

Claims = Mapping[str, str | tuple[str, ...]]

# What condition keys of AWS's and of ours begin with: no provider may be called so.
RESERVED: Final = frozenset(["aws", "sts", "iam", "s3", "lambda", "daypass"])
# What those of all SAML providers begin with: no provider of another kind may be called so.
SAML: Final = "saml"


@final
class ExternalIdentity:
    """The proof that a provider vouches for a caller: a token or an assertion was verified.

    provider: as trust policies name it, an ARN or "accounts.google.com". subject, audience: whom
    the provider vouches for, and to whom. claims: condition keys in the provider's own namespace
    ("accounts.example.com:sub", "saml:aud"), lower-case names, that its sessions keep. tags,
    transitive_tags, source_identity: what the provider gives the session. attributes: what else
    was verified, by names of the operation's own (a SAML assertion's RoleSessionName).
    """

    __slots__ = (
        "attributes",
        "audience",
        "claims",
        "provider",
        "source_identity",
        "subject",
        "tags",
        "transitive_tags",
    )

    provider: str
    subject: str
    audience: str
    claims: Claims
    tags: Mapping[str, str]
    transitive_tags: tuple[str, ...]
    source_identity: str
    attributes: Claims

    def __init__(self) -> None:
        raise TypeError("An ExternalIdentity is made by what verifies tokens and assertions alone.")

    def __init_subclass__(cls) -> None:
        raise TypeError("ExternalIdentity cannot be subclassed.")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("An ExternalIdentity cannot be changed.")

    def __repr__(self) -> str:
        return f"ExternalIdentity(provider={self.provider!r})"

    def __reduce__(self) -> Never:
        raise TypeError("An ExternalIdentity cannot be copied or stored.")
