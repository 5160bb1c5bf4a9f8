"""What one running server has: the things a handler may reach, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from daypass.audit import Trail
from daypass.blobs import BlobStore
from daypass.federation.oidc import ProviderKeys
from daypass.gateway.function_settings import FunctionSettings
from daypass.gateway.last_use import LastUses
from daypass.gateway.limits import Limits
from daypass.gateway.recent_refusals import RecentRefusals
from daypass.store.buckets import BucketCache
from daypass.store.engine import Store
from daypass.store.functions import FunctionCache
from daypass.store.functions.events import EventQueue
from daypass.store.identity import IdentityCache
from daypass.store.logs import LogQueue, LogStore
from daypass.store.oidc_providers import OidcProviderCache
from daypass.store.saml_providers import SamlProviderCache
from daypass.store.sessions import RevocationCache
from daypass.store.token_issuer import TokenIssuerCache
from daypass.tokens import KeyRing
from daypass.workers import Environments

# Below it is what the account publishes as an issuer of tokens.
ISSUER_PATH: Final = "/_daypass/oidc/"


@dataclass(frozen=True, slots=True)
class Node:
    """One process of the server.

    endpoint_url: where this server is reached from this machine, for functions. clock: Unix
    seconds. partition is always "aws". issuer_base: where others reach what the issuer of the
    account's tokens publishes. oidc_allow_private: identity providers may be at private addresses.
    function_session: seconds the credentials of functions live.
    """

    account_id: str
    region: str
    endpoint_url: str
    store: Store
    trail: Trail
    refusals: RecentRefusals
    last_uses: LastUses
    identity: IdentityCache
    revocations: RevocationCache
    functions: FunctionCache
    buckets: BucketCache
    blobs: BlobStore
    keys: KeyRing
    environments: Environments
    event_queue: EventQueue
    clock: Callable[[], float]
    oidc_providers: OidcProviderCache
    provider_keys: ProviderKeys
    saml_providers: SamlProviderCache
    token_issuer: TokenIssuerCache
    issuer_base: str
    logs: LogStore
    log_queue: LogQueue
    oidc_allow_private: bool = False
    function_session: int = 3600
    limits: Limits = field(default_factory=Limits)
    function_settings: FunctionSettings = field(default_factory=FunctionSettings)

    def issuer_url(self) -> str:
        """The issuer of the account's own tokens."""
        return f"{self.issuer_base}{ISSUER_PATH}{self.token_issuer.id}"
