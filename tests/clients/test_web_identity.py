"""A real OpenID provider (Authlib's, in oidc-provider-mock), real servers, real AWS clients."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import httpx
import oidc_provider_mock
import pytest
from botocore.exceptions import ClientError

import daypass
from tests.clients.test_node import node as node_program
from tests.conftest import Server, start_server, stop_server
from tests.local_node import ACCOUNT, LocalNode, local_node, session_credentials
from tests.openid import federated_trust

__all__ = ["node_program"]

# The provider uses parts of Authlib that are on their way out.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CLIENT_ID = "the-application"
_CALLBACK = "https://app.example.com/callback"


def provider(port: int = 0) -> AbstractContextManager[Any]:
    return oidc_provider_mock.run_server_in_thread(port=port)


def sign_in(issuer: str, subject: str, client_id: str = CLIENT_ID) -> str:
    """The ID token of a user who signs in, by the authorization code flow."""
    client = httpx.Client(trust_env=False)
    asked = client.post(
        f"{issuer}/oauth2/authorize",
        params={
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": _CALLBACK,
            "scope": "openid",
        },
        data={"sub": subject},
    )
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.headers["location"]).query)["code"]
    answer = client.post(
        f"{issuer}/oauth2/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": _CALLBACK},
        auth=(client_id, "secret"),
    )
    return str(answer.json()["id_token"])


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as running:
        yield f"http://localhost:{running.server_port}"


@pytest.fixture(scope="module")
def trusting_server(tmp_path_factory: pytest.TempPathFactory, issuer: str) -> Iterator[Server]:
    """A server that trusts the provider, with a role for one of its users."""
    server = start_server(tmp_path_factory.mktemp("web") / "data", "--oidc-allow-private")
    trust_provider(server, issuer, CLIENT_ID, "alice@example.com")
    yield server
    assert stop_server(server) == 0


def trust_provider(server: Server, issuer: str, client_id: str, subject: str) -> str:
    """Register a provider, and a role "web" for one subject of it; the role's ARN."""
    iam = server.client("iam")
    arn = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[client_id])[
        "OpenIDConnectProviderArn"
    ]
    name = issuer.partition("://")[2]
    role = iam.create_role(
        RoleName="web",
        AssumeRolePolicyDocument=federated_trust(
            arn, {"StringEquals": {f"{name}:sub": subject, f"{name}:aud": client_id}}
        ),
    )
    return str(role["Role"]["Arn"])


def role_of(server: Server) -> str:
    return f"arn:aws:iam::{server.account_id}:role/web"


def test_boto3_exchanges_a_users_token_for_a_session(trusting_server, issuer):
    answer = trusting_server.client("sts").assume_role_with_web_identity(
        RoleArn=role_of(trusting_server),
        RoleSessionName="alice",
        WebIdentityToken=sign_in(issuer, "alice@example.com"),
    )
    assert answer["SubjectFromWebIdentityToken"] == "alice@example.com"
    assert answer["Provider"] == issuer
    assert answer["Audience"] == CLIENT_ID
    who = trusting_server.client("sts", **session_credentials(answer)).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{trusting_server.account_id}:assumed-role/web/alice"


def test_the_client_exchanges_the_token_of_a_file_and_reads_it_anew(
    trusting_server, issuer, tmp_path
):
    token = tmp_path / "token"
    environ = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": role_of(trusting_server),
        "AWS_ROLE_SESSION_NAME": "by-daypass",
        "AWS_ENDPOINT_URL": trusting_server.endpoint,
        "AWS_REGION": trusting_server.region,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }
    session = daypass.Session(environ=environ)
    token.write_text(sign_in(issuer, "alice@example.com") + "\n")
    first = session.credentials()
    account = trusting_server.account_id
    assert session.identity().arn == f"arn:aws:sts::{account}:assumed-role/web/by-daypass"
    assert session.credentials() == first, "a good session is kept"
    token.write_text(sign_in(issuer, "mallory@example.com"))
    session.discard(first)
    with pytest.raises(daypass.client.CredentialsRefusedError, match="AccessDenied"):
        session.credentials()


def test_another_user_and_another_application_are_refused(trusting_server, issuer):
    sts = trusting_server.client("sts")
    for token, code in (
        (sign_in(issuer, "mallory@example.com"), "AccessDenied"),
        (sign_in(issuer, "alice@example.com", "other-application"), "InvalidIdentityToken"),
    ):
        with pytest.raises(ClientError) as caught:
            sts.assume_role_with_web_identity(
                RoleArn=role_of(trusting_server), RoleSessionName="session", WebIdentityToken=token
            )
        assert caught.value.response["Error"]["Code"] == code


def environment(server: Server, token_file: Path) -> dict[str, str]:
    """What a pod of Kubernetes has (IRSA): a token file and a role, and no credentials."""
    given = server.environment()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del given[name]
    return given | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
        "AWS_ROLE_ARN": role_of(server),
        "AWS_ROLE_SESSION_NAME": "pod",
    }


@pytest.fixture
def token_file(tmp_path: Path, issuer: str) -> Path:
    path = tmp_path / "token"
    path.write_text(sign_in(issuer, "alice@example.com"))
    return path


def test_boto3s_own_chain_finds_the_token_file(trusting_server, token_file, monkeypatch):
    for name, value in environment(trusting_server, token_file).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    arn = boto3.Session().client("sts").get_caller_identity()["Arn"]
    assert arn.endswith(":assumed-role/web/pod")


def test_the_aws_cli_with_a_token_and_with_a_token_file(trusting_server, issuer, token_file):
    done = trusting_server.aws(
        *("sts", "assume-role-with-web-identity", "--role-arn", role_of(trusting_server)),
        *("--role-session-name", "cli", "--web-identity-token", token_file.read_text()),
        *("--duration-seconds", "900"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Provider"] == issuer
    import subprocess

    done = subprocess.run(
        ["aws", "sts", "get-caller-identity"],
        env=environment(trusting_server, token_file),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"].endswith(":assumed-role/web/pod")
    done = trusting_server.aws(
        *("sts", "assume-role-with-web-identity", "--role-arn", role_of(trusting_server)),
        *("--role-session-name", "cli", "--web-identity-token", "not-a-token"),
    )
    assert "InvalidIdentityToken" in done.stderr


NODE = """
import { STSClient, GetCallerIdentityCommand, AssumeRoleWithWebIdentityCommand }
  from "@aws-sdk/client-sts";
import { fromWebToken } from "@aws-sdk/credential-provider-web-identity";
const [roleArn, webIdentityToken] = process.argv.slice(2);
const credentials = fromWebToken({ roleArn, webIdentityToken, roleSessionName: "js" });
const who = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
const chain = await new STSClient({}).send(new GetCallerIdentityCommand({}));
const refusal = await new STSClient({ credentials }).send(new AssumeRoleWithWebIdentityCommand({
  RoleArn: roleArn, RoleSessionName: "js", WebIdentityToken: "not-a-token" })).catch((e) => e);
console.log(JSON.stringify({ who: who.Arn, chain: chain.Arn, refusal: refusal.name }));
"""


def test_the_sdk_for_javascript_with_a_token_and_with_a_token_file(
    node_program, trusting_server, token_file
):
    told = node_program(
        NODE,
        role_of(trusting_server),
        token_file.read_text(),
        env=environment(trusting_server, token_file),
    )
    assert told["who"].endswith(":assumed-role/web/js")
    assert told["chain"].endswith(":assumed-role/web/pod")
    assert told["refusal"] == "InvalidIdentityTokenException"


# -- the provider's keys change while sessions live ------------------------------------------------


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


def test_the_provider_rotates_its_key_while_a_session_lives(node):
    node.now = time.time()
    role = f"arn:aws:iam::{ACCOUNT}:role/web"

    def assume(token: str) -> dict[str, Any]:
        return node.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="session", WebIdentityToken=token
        )

    with provider() as first:
        port = first.server_port
        url = f"http://localhost:{port}"
        arn = node.client("iam").create_open_id_connect_provider(Url=url, ClientIDList=[CLIENT_ID])[
            "OpenIDConnectProviderArn"
        ]
        node.role("web", federated_trust(arn))
        old_token = sign_in(url, "alice@example.com")
        session = session_credentials(assume(old_token))
    # While it is away, tokens are verified with the keys that are known.
    assume(old_token)
    with provider(port):  # with a new key
        new_token = sign_in(url, "alice@example.com")
        node.now += 10
        assume(new_token)
        with pytest.raises(ClientError, match="InvalidIdentityToken"):
            assume(old_token)
        node.client("sts", session).get_caller_identity()
    node.now += 301
    with pytest.raises(ClientError, match="IDPCommunicationError"):
        assume(new_token)
    node.client("sts", session).get_caller_identity()


# -- two servers that trust each other -------------------------------------------------------------


def test_two_servers_trust_each_other(tmp_path):
    first = start_server(tmp_path / "first", "--oidc-allow-private", "--tls")
    second = start_server(tmp_path / "second", "--oidc-allow-private")
    try:
        for server, other, audience in ((first, second, "second"), (second, first, "first")):
            iam = server.client("iam")
            issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
            thumbprints = []
            if issuer.startswith("https://"):
                thumbprints = [_authority_thumbprint(server)]
            iam.create_user(UserName="worker")
            policy = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"}
            iam.put_user_policy(
                UserName="worker",
                PolicyName="tokens",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
            )
            key = iam.create_access_key(UserName="worker")["AccessKey"]
            worker = {
                "aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"],
            }
            subject = f"arn:aws:iam::{server.account_id}:user/worker"
            role = trust_provider(other, issuer, audience, subject)
            if thumbprints:
                other.client("iam").update_open_id_connect_provider_thumbprint(
                    OpenIDConnectProviderArn=f"arn:aws:iam::{other.account_id}:oidc-provider/"
                    + issuer.partition("://")[2],
                    ThumbprintList=thumbprints,
                )
            for algorithm in ("ES384", "RS256"):
                token = server.client("sts", **worker).get_web_identity_token(
                    Audience=[audience], SigningAlgorithm=algorithm
                )["WebIdentityToken"]
                answer = other.client("sts").assume_role_with_web_identity(
                    RoleArn=role, RoleSessionName="worker", WebIdentityToken=token
                )
                assert answer["SubjectFromWebIdentityToken"] == subject
                who = other.client("sts", **session_credentials(answer)).get_caller_identity()
                assert who["Arn"].endswith(":assumed-role/web/worker")
                with pytest.raises(ClientError, match="InvalidIdentityToken"):
                    server.client("sts").assume_role_with_web_identity(
                        RoleArn=role, RoleSessionName="worker", WebIdentityToken=token
                    )
    finally:
        assert stop_server(first) == 0
        assert stop_server(second) == 0


def _authority_thumbprint(server: Server) -> str:
    """The SHA-1 of the CA that signs a server's certificates, as an administrator finds it."""
    import hashlib
    import ssl

    from daypass.server import ca_path

    pem = ca_path(server.data).read_text()
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_private_addresses_are_not_asked_unless_the_operator_says_so(server, issuer):
    iam = server.client("iam")
    with pytest.raises(ClientError, match="must begin with https"):
        iam.create_open_id_connect_provider(Url=issuer)
    with pytest.raises(ClientError, match="InvalidInput"):
        iam.create_open_id_connect_provider(Url="https://localhost:8443")
