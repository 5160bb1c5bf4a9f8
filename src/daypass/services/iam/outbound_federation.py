"""Outbound web identity federation: whether the account issues tokens, and under which name."""

import asyncio
from typing import Final
from uuid import uuid4

from daypass.federation.oidc import new_signing_keys
from daypass.gateway.operation import Call, Operation, Output
from daypass.protocol.errors import ServiceError
from daypass.services.iam.permissions import on_nothing, operation
from daypass.store.engine import Transaction
from daypass.store.token_issuer import disable_issuer, enable_issuer


async def enable(call: Call) -> Output:
    node = call.node
    if node.token_issuer.enabled:
        raise _enabled()
    # Keys take a moment to make; only the first enabling uses them.
    keys = await asyncio.to_thread(new_signing_keys, call.now)
    issuer_id = str(uuid4())

    def change(transaction: Transaction) -> None:
        if not enable_issuer(transaction, issuer_id, keys, node.keys, call.now):
            raise _enabled()

    await node.store.write(change)
    node.store.refresh()
    return {"IssuerIdentifier": node.issuer_url()}


async def disable(call: Call) -> Output:
    def change(transaction: Transaction) -> None:
        if not disable_issuer(transaction):
            raise _disabled()

    await call.node.store.write(change)
    return None


async def get_info(call: Call) -> Output:
    if not call.node.token_issuer.enabled:
        raise _disabled()
    return {"IssuerIdentifier": call.node.issuer_url(), "JwtVendingEnabled": True}


def _enabled() -> ServiceError:
    return ServiceError(
        "FeatureEnabled",
        "Outbound web identity federation is already enabled for your account.",
        409,
    )


def _disabled() -> ServiceError:
    return ServiceError(
        "FeatureDisabled", "Outbound web identity federation is disabled for your account.", 404
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation("EnableOutboundWebIdentityFederation", on_nothing, enable),
    operation("DisableOutboundWebIdentityFederation", on_nothing, disable),
    operation("GetOutboundWebIdentityFederationInfo", on_nothing, get_info),
)
