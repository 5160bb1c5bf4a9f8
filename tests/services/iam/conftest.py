"""IAM's operations on a real store, without the protocol around them."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from daypass.gateway.caller import UNSIGNED, Caller
from daypass.gateway.operation import Call, Permission
from daypass.policy import Principal, PrincipalKind
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Request
from daypass.services.iam import SERVICE
from daypass.store.engine import open_store
from daypass.store.identity import IdentityCache, create_account
from daypass.store.oidc_providers import OidcProviderCache
from daypass.store.saml_providers import SamlProviderCache
from daypass.tokens import KeyRing, Session, new_ring

ACCOUNT = "123456789012"
NOW = 1_800_000_000.25
ROOT_KEY_ID = "AKIAROOTROOTROOTROOT"
ROOT = Principal(PrincipalKind.ROOT, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", unique_id=ACCOUNT)
ALLOW = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}],
    }
)


def trust(*principals: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Iam:
    """Calls operations as the gateway does: what they need is asked for first, and answered yes."""

    node: Any
    principal: Principal = ROOT
    session: Session | None = None
    now: float = NOW

    def call(self, operation: str, **given: Any) -> Call:
        self.node.store.refresh()
        return Call(
            node=self.node,
            operation=SERVICE.operations[operation],
            caller=Caller(UNSIGNED, self.principal, session=self.session),
            input=given,
            request=Request("POST", "/", "", {}),
            request_id="r",
            now=self.now,
            decide=lambda permission: pytest.fail("no operation of IAM asks again"),
        )

    def needs(self, operation: str, **given: Any) -> Sequence[Permission]:
        call = self.call(operation, **given)
        return call.operation.needs(call)

    def do(self, operation: str, **given: Any) -> Any:
        async def perform() -> Any:
            call = self.call(operation, **given)
            call.operation.needs(call)
            return await call.operation.perform(call)

        output = asyncio.run(perform())
        self.node.store.refresh()
        return output

    def refused(self, operation: str, **given: Any) -> tuple[str, int, str]:
        """The code, status and message an operation is refused with."""
        with pytest.raises(ServiceError) as refusal:
            self.do(operation, **given)
        return refusal.value.code, refusal.value.status, refusal.value.message

    def as_user(self, name: str) -> "Iam":
        user = self.node.identity.user(name)
        principal = Principal(PrincipalKind.USER, ACCOUNT, user.arn, unique_id=user.id)
        return Iam(self.node, principal)


def document(text: str) -> Any:
    """A policy document as clients read it from an answer."""
    return json.loads(unquote(text))


@pytest.fixture
def iam(tmp_path: Path) -> Iterator[Iam]:
    keys = KeyRing(bytes(range(32)), new_ring(NOW))
    store = open_store(tmp_path)
    store.write_now(
        lambda t: create_account(
            t,
            ACCOUNT,
            "us-east-1",
            access_key_id=ROOT_KEY_ID,
            secret_access_key="root secret",
            keys=keys,
            now=NOW,
        )
    )
    identity = IdentityCache(keys, ACCOUNT)
    store.keep(identity)
    oidc_providers = OidcProviderCache(ACCOUNT)
    store.keep(oidc_providers)
    saml_providers = SamlProviderCache(ACCOUNT)
    store.keep(saml_providers)
    node = SimpleNamespace(
        store=store,
        identity=identity,
        keys=keys,
        account_id=ACCOUNT,
        oidc_providers=oidc_providers,
        saml_providers=saml_providers,
        oidc_allow_private=False,
    )
    yield Iam(node)
    store.close()
