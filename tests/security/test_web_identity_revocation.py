"""Rule 8: sessions of a provider's users are revoked with the provider, and all they issued."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from daypass.store.sessions import revoke_subject
from daypass.tokens import provider_subject
from tests.local_node import ACCOUNT, LocalNode, local_node, session_credentials, trust
from tests.openid import ARN, CLIENT_ID, Provider, federated_trust, listen_to, trusting

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def refused(node: LocalNode, credentials: dict[str, str]) -> bool:
    try:
        node.client("sts", credentials).get_caller_identity()
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidClientTokenId"
    return False


def test_revoking_a_provider_reaches_its_sessions_their_chains_and_no_others(node):
    def session(provider: Provider, role: str) -> dict[str, str]:
        listen_to(node, provider)
        return session_credentials(
            node.client("sts").assume_role_with_web_identity(
                RoleArn=role,
                RoleSessionName="session",
                WebIdentityToken=provider.token(node.now),
            )
        )

    first, second = Provider(), Provider("https://other.example.com")
    for provider in (first, second):
        provider.add_key()
        trusting(node, provider, CLIENT_ID)
    node.role("web", federated_trust(ARN))
    other_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"
    other_role = node.role("other", federated_trust(other_arn))
    chained_role = node.role("chained", trust({"AWS": ROLE}))

    of_first, of_second = session(first, ROLE), session(second, other_role)
    chained = node.assume(of_first, chained_role)
    twice_chained = node.assume(chained, node.role("last", trust({"AWS": chained_role})))
    assert not any(refused(node, each) for each in (of_first, chained, twice_chained, of_second))

    node.now += 1
    node.store.write_now(
        lambda transaction: revoke_subject(transaction, provider_subject(ARN), node.now, node.now)
    )
    assert all(refused(node, each) for each in (of_first, chained, twice_chained))
    assert not refused(node, of_second)
    # What the provider vouches for from now on is another session.
    node.now += 1
    assert not refused(node, session(first, ROLE))
