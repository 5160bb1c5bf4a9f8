"""One process's node and services, put together and taken apart."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from daypass.audit import Trail
from daypass.blobs import FileBlobs
from daypass.federation.oidc import HttpFetcher, ProviderKeys
from daypass.gateway.last_use import LastUses
from daypass.gateway.limits import Limits
from daypass.gateway.locate import Services
from daypass.gateway.node import Node
from daypass.gateway.recent_refusals import RecentRefusals
from daypass.protocol.message import Request, Response
from daypass.server.clock import Clock
from daypass.server.config import Config, Ready, ServerError
from daypass.server.directory import load_master_key
from daypass.services import functions, iam, logs, s3, sessions, sts
from daypass.store.buckets import BucketCache
from daypass.store.engine import Store, Transaction, open_store
from daypass.store.functions import FunctionCache
from daypass.store.functions.events import EventQueue
from daypass.store.identity import IdentityCache
from daypass.store.logs import LogQueue, LogStore
from daypass.store.oidc_providers import OidcProviderCache
from daypass.store.saml_providers import SamlProviderCache
from daypass.store.sessions import RevocationCache, load_or_create_key_ring, rotate_key_ring
from daypass.store.token_issuer import TokenIssuerCache
from daypass.workers import Environments, IsolationError, Level

_log = logging.getLogger("daypass.server")


def open_node(config: Config, ready: Ready) -> Node:
    """The node of this process. Must be called in its event loop."""
    clock = Clock(config.data / "clock", config.clock_offset)
    master = load_master_key(config.data)
    store = open_store(config.data)
    keys = load_or_create_key_ring(store, master, clock())
    log_store = LogStore(config.data / "logs.db")
    _watch(clock, store, master)
    node = Node(
        account_id=ready.account_id,
        region=ready.region,
        endpoint_url=ready.endpoint_url,
        store=store,
        trail=Trail(config.data / "audit", clock),
        refusals=RecentRefusals(config.data / "refusals"),
        last_uses=LastUses(),
        identity=IdentityCache(keys, ready.account_id),
        revocations=RevocationCache(),
        functions=FunctionCache(keys),
        buckets=BucketCache(),
        blobs=FileBlobs(config.data / "blobs"),
        keys=keys,
        environments=Environments(
            config.data / "functions",
            limit=-(-config.functions.concurrency // config.workers),
            isolation=Level(config.isolation) if config.isolation else None,
        ),
        event_queue=EventQueue(store, keys, clock),
        clock=clock,
        oidc_providers=OidcProviderCache(ready.account_id),
        provider_keys=ProviderKeys(HttpFetcher(allow_private=config.oidc_allow_private)),
        saml_providers=SamlProviderCache(ready.account_id),
        token_issuer=TokenIssuerCache(keys),
        issuer_base=_issuer_base(config, ready),
        logs=log_store,
        log_queue=LogQueue(log_store, clock),
        oidc_allow_private=config.oidc_allow_private,
        function_session=config.function_session,
        limits=Limits(config.limits),
        function_settings=config.functions,
    )
    for cache in (
        *(node.identity, node.revocations, node.functions, node.buckets),
        *(node.oidc_providers, node.saml_providers, node.token_issuer),
    ):
        store.keep(cache)
    try:
        node.environments.prepare()
    except IsolationError as error:
        raise ServerError(str(error)) from error
    return node


def _watch(clock: Clock, store: Store, master: bytes) -> None:
    """When the clock was set back, leave expired what was: in the writer, so once for a node."""

    def retire(transaction: Transaction) -> None:
        def remember(now: float, newest: float) -> None:
            rotate_key_ring(transaction, master, now, newest)
            _log.warning("the clock was set back by %.0f s", newest - now)

        clock.accept(remember)

    def set_back() -> None:
        store.write_now(retire)
        store.refresh()

    clock.watch(set_back)


async def keep_house(node: Node) -> None:
    """What goes on in the background while the node serves. Runs until cancelled."""
    await asyncio.gather(
        node.trail.keep_flushing(),
        s3.keep_house(node),
        functions.keep_house(node),
        logs.keep_house(node),
        sts.keep_house(node),
        sessions.keep_house(node),
    )


async def close_node(node: Node) -> None:
    """End the function environments, finish the writes under way, and close the database."""
    await node.environments.close()
    await node.log_queue.flush()
    await asyncio.to_thread(node.logs.close)
    await asyncio.to_thread(node.store.close)
    node.trail.close()
    node.refusals.close()


def services(url_hosts: Mapping[str, str] | None = None) -> Services:
    """Every service, by the name in credential scopes. url_hosts: as in `FunctionSettings`."""
    own = replace(sessions.SERVICE, early=_answer_anybody)
    return Services(
        by_scope={
            service.name: service
            for service in (
                *(sts.SERVICE, iam.SERVICE, functions.SERVICE, logs.SERVICE, s3.SERVICE),
                own,
            )
        },
        urls=functions.URL_SERVICE,
        url_hosts=url_hosts or {},
    )


def _answer_anybody(node: Node, request: Request, path: str) -> Response | None:
    """What needs no authentication: health, and what the issuer of tokens publishes."""
    return _answer_health(node, request, path) or sts.answer_issuer(node, request, path)


def _issuer_base(config: Config, ready: Ready) -> str:
    return (config.issuer_url or ready.tls_endpoint_url or ready.endpoint_url).rstrip("/")


def _answer_health(node: Node, request: Request, path: str) -> Response | None:
    """`/_daypass/health`: the process answers. `/_daypass/ready`: and its state can be read."""
    if request.method not in {"GET", "HEAD"} or path not in {"/_daypass/health", "/_daypass/ready"}:
        return None
    if path == "/_daypass/ready":
        node.store.reader.exec_driver_sql("SELECT 1")
    body = b'{"status": "ok"}'
    return Response(200, [("content-type", "application/json")], body)
