"""The AWS CLI registers a SAML provider and exchanges its assertions, as at AWS."""

import json
import uuid
from pathlib import Path

import pytest

import daypass
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


def test_the_client_signs_in_by_a_profile(server: Server, name: str, tmp_path: Path):
    idp = IdentityProvider(tmp_path / "idp")
    iam = server.client("iam")
    provider = iam.create_saml_provider(Name=name, SAMLMetadataDocument=idp.metadata())
    arn = provider["SAMLProviderArn"]
    audience = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    trusted = trust({"Federated": arn}, Action="sts:AssumeRoleWithSAML", Condition=audience)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    (tmp_path / "assertion").write_text(encoded(idp.response(attributes_for(role, arn))))
    (tmp_path / "config").write_text(
        f"[profile corp]\nrole_arn = {role}\nsaml_provider_arn = {arn}\n"
        f"saml_assertion_file = {tmp_path}/assertion\nduration_seconds = 900\n"
    )
    environ = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_REGION": server.region,
    }
    session = daypass.Session("corp", environ=environ)
    assert session.identity().arn.endswith(f"assumed-role/{name}/alice@example.com")
    first = session.credentials()
    assert session.credentials() == first
    session.discard(first)
    # An assertion is good once, and the program that writes the file has not written another.
    with pytest.raises(daypass.client.CredentialsRefusedError, match="InvalidIdentityToken"):
        session.credentials()
