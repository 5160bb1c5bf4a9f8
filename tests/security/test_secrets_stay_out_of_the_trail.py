"""Attack 103: whoever reads the audit trail or the list of sessions gets no secret from them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local_node import ACCOUNT, LocalNode, allow, local_node, trust

ACCOUNT_ITSELF = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def written(node: LocalNode) -> str:
    """Everything in the trail's directory, and what waits to be there."""
    node.trail.record_now(b'{"eventName":"Mark"}')
    files = b"".join(path.read_bytes() for path in node.trail.directory.iterdir())
    return (files + b"".join(node.trail._noted)).decode()


def test_no_credential_or_token_is_written_whether_it_works_or_not(node):
    alice = node.user("alice", allow("sts:*"))
    session = node.assume(alice, node.role("reader", trust(ACCOUNT_ITSELF), allow("iam:*")))
    made = node.client("iam", session).create_user(UserName="made")["User"]["UserName"]
    key = node.client("iam", session).create_access_key(UserName=made)["AccessKey"]
    for refused in (
        lambda: node.client("sts", session).get_session_token(),
        lambda: node.client("iam", alice).create_access_key(UserName="made"),
    ):
        with pytest.raises(ClientError):
            refused()
    text = written(node)
    assert key["AccessKeyId"] in text
    for secret in (
        node.root["aws_secret_access_key"],
        alice["aws_secret_access_key"],
        session["aws_secret_access_key"],
        session["aws_session_token"],
        key["SecretAccessKey"],
    ):
        assert secret[:20] not in text


def test_refused_web_identity_token_and_mfa_code_are_not_written(node):
    alice = node.user("alice", allow("sts:*"))
    role = node.role("reader", trust(ACCOUNT_ITSELF))
    token = "eyJhbGciOiJub25lIn0.SECRETPAYLOADSECRETPAYLOAD.SECRETSIGNATURE"
    sts = node.client("sts", alice)
    with pytest.raises(ClientError):
        sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="session", WebIdentityToken=token
        )
    with pytest.raises(ClientError):
        sts.assume_role(
            RoleArn=role,
            RoleSessionName="session",
            SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/alice",
            TokenCode="739164",
        )
    text = written(node)
    assert "SECRET" not in text
    assert "739164" not in text


def test_what_a_client_sends_cannot_forge_a_line(node):
    alice = node.user("alice", allow("*"))
    client = node.client("iam", alice)
    client.meta.events.register(
        "before-send",
        lambda request, **_: request.headers.__setitem__(
            "User-Agent", 'x"}\\u000a{"eventName":"Forged","a":"\x7f\u00e9'
        ),
    )
    given = {"GroupName": "a", "Path": '/"}\n{"eventName":"Forged"}/'}
    with pytest.raises(ClientError):
        client.create_group(**given)
    for line in written(node).splitlines():
        if "previousHash" in line:
            assert json.loads(line)["eventName"] != "Forged"
