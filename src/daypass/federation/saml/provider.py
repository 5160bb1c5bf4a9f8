"""What is registered of an identity provider."""

from collections.abc import Mapping
from dataclasses import dataclass

# Certificates that sign, DER, by the entity id of who signs with them.
Issuers = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class SamlProvider:
    """A SAML provider that the account trusts.

    id: unique among all that were ever made. issuers: whose assertions it stands for; usually
    one. valid_until, created: Unix seconds.
    """

    id: str
    account: str
    name: str
    issuers: Issuers
    valid_until: int
    created: int
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.name)


def provider_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:saml-provider/{name}"
