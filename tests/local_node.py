"""A node in the test's own process: real AWS clients reach it without a socket, and its clock,
which is the clients' clock too, goes as the test says."""

import asyncio
import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.auth
import botocore.crt.auth
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from daypass.audit import Trail
from daypass.federation.oidc import HttpFetcher, ProviderKeys
from daypass.gateway.issue import Issued
from daypass.gateway.last_use import LastUses
from daypass.gateway.locate import Services
from daypass.gateway.node import Node
from daypass.gateway.recent_refusals import RecentRefusals
from daypass.gateway.respond import Gateway, respond
from daypass.protocol.message import Body, Request, combine_headers
from daypass.services import iam, sessions, sts
from daypass.store.engine import open_store
from daypass.store.identity import IdentityCache, create_account
from daypass.store.oidc_providers import OidcProviderCache
from daypass.store.saml_providers import SamlProviderCache
from daypass.store.sessions import RevocationCache, load_or_create_key_ring
from daypass.store.token_issuer import TokenIssuerCache
from daypass.tokens import new_access_key_id, new_secret_access_key

ACCOUNT = "123456789012"
REGION = "eu-central-1"
START = 1_800_000_000.25
Credentials = dict[str, str]
# One for all: it reads each service's model once.
_SESSION = boto3.Session()


class LocalNode:
    """STS, IAM and Daypass's own API over a store of their own. `now`: Unix seconds."""

    def __init__(self, directory: Path) -> None:
        self.now = START
        self.store = open_store(directory)
        self.trail = Trail(directory / "audit", lambda: self.now)
        keys = load_or_create_key_ring(self.store, bytes(range(32)), self.now)
        self.root = {
            "aws_access_key_id": new_access_key_id("AKIA", ACCOUNT),
            "aws_secret_access_key": new_secret_access_key(),
        }
        self.store.write_now(
            lambda transaction: create_account(
                transaction,
                ACCOUNT,
                REGION,
                access_key_id=self.root["aws_access_key_id"],
                secret_access_key=self.root["aws_secret_access_key"],
                keys=keys,
                now=int(self.now),
            )
        )
        identity, revocations = IdentityCache(keys, ACCOUNT), RevocationCache()
        oidc_providers, token_issuer = OidcProviderCache(ACCOUNT), TokenIssuerCache(keys)
        saml_providers = SamlProviderCache(ACCOUNT)
        for cache in (identity, revocations, oidc_providers, saml_providers, token_issuer):
            self.store.keep(cache)
        absent = cast("Any", None)
        self.node = Node(
            account_id=ACCOUNT,
            region=REGION,
            endpoint_url="http://127.0.0.1:9311",
            store=self.store,
            trail=self.trail,
            refusals=RecentRefusals(directory / "refusals"),
            last_uses=LastUses(),
            identity=identity,
            revocations=revocations,
            functions=absent,
            buckets=absent,
            blobs=absent,
            keys=keys,
            environments=absent,
            event_queue=absent,
            clock=lambda: self.now,
            oidc_providers=oidc_providers,
            provider_keys=ProviderKeys(HttpFetcher(allow_private=True)),
            saml_providers=saml_providers,
            token_issuer=token_issuer,
            issuer_base="http://127.0.0.1:9311",
            logs=absent,
            log_queue=absent,
            oidc_allow_private=True,
        )
        own = replace(sessions.SERVICE, early=sts.answer_issuer)
        by_scope = {one.name: one for one in (sts.SERVICE, iam.SERVICE, own)}
        self.gateway = Gateway(self.node, Services(by_scope, sts.SERVICE), explain=True)

    def close(self) -> None:
        self.trail.close()
        self.store.close()

    # -- clients -----------------------------------------------------------------------------

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """A boto3 client, as root unless credentials are given."""
        client = _SESSION.client(
            service,
            region_name=REGION,
            **(credentials or self.root),
            endpoint_url=self.node.endpoint_url,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body or b""
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else body.read()
        parts = urlsplit(request.url)
        fields = [
            (name, value.decode() if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ]
        if "host" not in {name.lower() for name, _ in fields}:
            fields.append(("host", parts.netloc))
        return self.send(request.method, parts.path, parts.query, fields, body, request.url)

    def send(
        self,
        method: str,
        path: str,
        query: str,
        fields: list[tuple[str, str]],
        body: bytes = b"",
        url: str = "",
    ) -> AWSResponse:
        """One raw request, answered."""
        pieces = [body] if body else []

        async def receive() -> bytes:
            return pieces.pop() if pieces else b""

        headers, repeated = combine_headers(fields)
        received = Request(
            method, path, query, headers, repeated, Body(receive, len(body)), "127.0.0.1"
        )
        response = asyncio.run(respond(self.gateway, received))
        assert isinstance(response.body, bytes)
        return AWSResponse(
            url, response.status, _CaseInsensitive(response.headers), _Raw(response.body)
        )

    # -- identities --------------------------------------------------------------------------

    def user(self, name: str, policy: str | None = None) -> Credentials:
        """Make an IAM user with an access key and, if given, an inline policy."""
        client = self.client("iam")
        client.create_user(UserName=name)
        if policy is not None:
            client.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy)
        key = client.create_access_key(UserName=name)["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    def role(self, name: str, trust: str, policy: str | None = None, **further: Any) -> str:
        """Make a role; its ARN."""
        client = self.client("iam")
        made = client.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **further)
        if policy is not None:
            client.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def assume(self, credentials: Credentials, role: str, **further: Any) -> Credentials:
        """The credentials AssumeRole gives."""
        given = {"RoleArn": role, "RoleSessionName": "session", **further}
        return session_credentials(self.client("sts", credentials).assume_role(**given))


def session_credentials(answer: dict[str, Any]) -> Credentials:
    """Temporary credentials in an STS answer, as boto3 takes them."""
    found = answer["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def credentials_of(issued: Issued) -> Credentials:
    """Temporary credentials that were issued directly, as boto3 takes them."""
    return {
        "aws_access_key_id": issued.access_key_id,
        "aws_secret_access_key": issued.secret_access_key,
        "aws_session_token": issued.session_token,
    }


class _CaseInsensitive(dict[str, str]):
    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__((name.lower(), value) for name, value in fields)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class _Raw:
    """What botocore reads an answer's body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def local_node(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    """What a fixture yields: a node by whose clock botocore signs, closed in the end."""
    node = LocalNode(directory)

    def now(remove_tzinfo: bool = True) -> datetime.datetime:
        moment = datetime.datetime.fromtimestamp(node.now, datetime.UTC)
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    for module in (botocore.auth, botocore.crt.auth):
        monkeypatch.setattr(module, "get_current_datetime", now)
    yield node
    node.close()


def allow(action: str | list[str], resource: str = "*", **further: Any) -> str:
    """An identity policy of one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **further}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: dict[str, Any] | str, **further: Any) -> str:
    """A trust policy of one statement, for AssumeRole unless told otherwise."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **further}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
