"""Sessions that an identity provider vouched for are listed and revoked by the provider."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local_node import ACCOUNT, REGION, LocalNode, local_node, session_credentials, trust
from tests.openid import ARN, CLIENT_ID, Provider, federated_trust, listen_to, trusting

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def ask(node: LocalNode, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
    url = f"{node.node.endpoint_url}/_daypass/sessions{path}"
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, f"{url}?{urlencode(query)}" if query else url, {}, data)
    root = Credentials(node.root["aws_access_key_id"], node.root["aws_secret_access_key"])
    SigV4Auth(root, "daypass", REGION).add_auth(request)
    answer = node._send(request.prepare())
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_provider_lists_and_revokes_its_sessions_and_what_descends_from_them(node):
    provider = Provider()
    provider.add_key()
    trusting(node, provider, CLIENT_ID)
    node.role("web", federated_trust(ARN))
    chained_role = node.role("chained", trust({"AWS": ROLE}))
    listen_to(node, provider)
    web = session_credentials(
        node.client("sts").assume_role_with_web_identity(
            RoleArn=ROLE, RoleSessionName="session", WebIdentityToken=provider.token(node.now)
        )
    )
    chained = node.assume(web, chained_role)
    root = session_credentials(node.client("sts").get_session_token())
    found = ask(node, "GET", "", Provider=ARN)["Sessions"]
    assert [one["AccessKeyId"] for one in found] == [
        chained["aws_access_key_id"],
        web["aws_access_key_id"],
    ]
    assert found[1]["Provider"] == ARN
    assert "Parent" not in found[1]
    assert found[0]["Parent"] == found[1]["Accessor"]
    node.now += 1
    revoked = ask(node, "POST", "/revoke", {"Provider": ARN})["Revoked"]
    assert (revoked["Kind"], revoked["Target"]) == ("provider", ARN)
    for dead in (web, chained):
        with pytest.raises(ClientError, match="token"):
            node.client("sts", dead).get_caller_identity()
    assert node.client("sts", root).get_caller_identity()["Account"] == ACCOUNT
    assert ask(node, "GET", "", Provider=ARN)["Sessions"] == []
