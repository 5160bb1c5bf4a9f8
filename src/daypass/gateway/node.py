"""What one running server has: the things a handler may reach, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from daypass.blobs import BlobStore
from daypass.store.buckets import BucketCache
from daypass.store.engine import Store
from daypass.store.functions import FunctionCache
from daypass.store.identity import IdentityCache
from daypass.store.sessions import RevocationCache
from daypass.tokens import KeyRing
from daypass.workers import Environments


@dataclass(frozen=True, slots=True)
class Node:
    """One process of the server.

    endpoint_url: where this server is reached from this machine, for functions. clock: Unix
    seconds. partition is always "aws".
    """

    account_id: str
    region: str
    endpoint_url: str
    store: Store
    identity: IdentityCache
    revocations: RevocationCache
    functions: FunctionCache
    buckets: BucketCache
    blobs: BlobStore
    keys: KeyRing
    environments: Environments
    clock: Callable[[], float]
