"""The AWS CLI registers a SAML provider and exchanges its assertions, as at AWS."""

import json
import uuid
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.local_node import trust
from tests.saml import IdentityProvider, attributes_for, encoded


@pytest.fixture
def name() -> str:
    return f"saml-{uuid.uuid4().hex[:12]}"


def ran(finished):
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_cli_registers_a_provider_and_signs_in(server: Server, name: str, tmp_path: Path):
    idp = IdentityProvider(tmp_path / "idp")
    metadata, assertion = tmp_path / "metadata.xml", tmp_path / "assertion"
    metadata.write_text(idp.metadata())
    provider = ran(
        server.aws(
            *("iam", "create-saml-provider", "--name", name),
            *("--saml-metadata-document", f"file://{metadata}"),
        )
    )["SAMLProviderArn"]
    trusted = trust(
        {"Federated": provider},
        Action=["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        Condition={"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    )
    role = ran(
        server.aws(
            *("iam", "create-role", "--role-name", name, "--assume-role-policy-document", trusted)
        )
    )["Role"]["Arn"]
    further = {"PrincipalTag:Project": ["Marketing"], "SourceIdentity": ["alice"]}
    assertion.write_text(encoded(idp.response(attributes_for(role, provider, **further))))
    arguments = (
        *("sts", "assume-role-with-saml", "--role-arn", role, "--principal-arn", provider),
        *("--saml-assertion", f"file://{assertion}", "--duration-seconds", "900"),
    )
    # Not a key of anybody's is needed.
    nobody = {"aws_access_key_id": "", "aws_secret_access_key": ""}
    answer = ran(server.aws(*arguments, **nobody))
    assert answer["Issuer"] == idp.entity_id
    assert answer["SourceIdentity"] == "alice"
    credentials = answer["Credentials"]
    found = ran(
        server.aws(
            *("sts", "get-caller-identity"),
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
    )
    assert found["Arn"].endswith(f"assumed-role/{name}/alice@example.com")
    again = server.aws(*arguments, **nobody)
    assert again.returncode != 0
    assert "(InvalidIdentityToken)" in again.stderr
    listed = ran(server.aws("iam", "list-saml-providers"))["SAMLProviderList"]
    assert provider in {entry["Arn"] for entry in listed}
    server.client("iam").delete_role(RoleName=name)
    deleted = server.aws("iam", "delete-saml-provider", "--saml-provider-arn", provider)
    assert deleted.returncode == 0, deleted.stderr
