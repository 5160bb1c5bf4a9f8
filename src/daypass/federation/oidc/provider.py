"""What is registered of an identity provider."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OpenID Connect provider that the account trusts.

    url: its issuer, exactly as its tokens say it. client_ids: the audiences its tokens may be for.
    thumbprints: SHA-1 of certificates, hex, that authenticate it where no trusted CA does.
    created: Unix seconds.
    """

    id: str
    url: str
    arn: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created: int
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """The URL without its scheme: what ARNs and condition keys call the provider."""
        return self.url.partition("://")[2]
