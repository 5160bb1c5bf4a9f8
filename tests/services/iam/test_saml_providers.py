"""SAML providers, called by botocore with metadata that pysaml2 made."""

import base64
import datetime
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from daypass.federation.saml import parse_metadata
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Request
from daypass.services.iam import SERVICE
from tests.local_node import ACCOUNT, LocalNode, allow, local_node
from tests.saml import IdentityProvider

ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/Example"
NOT_FOUND = ("NoSuchEntity", 404, f"Manifest not found for arn {ARN}")


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    return IdentityProvider(tmp_path_factory.mktemp("idp"))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def iam(node: LocalNode) -> Any:
    return node.client("iam")


def refused(operation: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as refusal:
        operation(**given)
    told = refusal.value.response
    status = told["ResponseMetadata"]["HTTPStatusCode"]
    return told["Error"]["Code"], status, told["Error"]["Message"]


def unparsed(iam: Any, document: str) -> str:
    """Why a document is refused."""
    padded = document + " " * max(0, 1000 - len(document))
    code, status, message = refused(
        iam.create_saml_provider, Name="Example", SAMLMetadataDocument=padded
    )
    assert (code, status) == ("InvalidInput", 400)
    assert message.startswith("Could not parse metadata: ")
    return message


# -- the life of a provider ------------------------------------------------------------------


def test_create_get_list_and_delete(node, iam, idp):
    document = idp.metadata()
    made = iam.create_saml_provider(Name="Example", SAMLMetadataDocument=document)
    assert made["SAMLProviderArn"] == ARN
    assert "Tags" not in made
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert got["SAMLMetadataDocument"] == document
    assert got["CreateDate"].timestamp() == int(node.now)
    assert got["ValidUntil"].year == got["CreateDate"].year + 99
    assert len(got["SAMLProviderUUID"]) >= 22
    certificate = x509.load_pem_x509_certificate(idp.certificate_file.read_bytes())
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert got["SAMLKeyHashes"] == [
        {"IssuerURL": idp.entity_id, "KeyHashes": [hashlib.sha256(der).hexdigest()]}
    ]
    (listed,) = iam.list_saml_providers()["SAMLProviderList"]
    assert listed["Arn"] == ARN
    assert listed["ValidUntil"] == got["ValidUntil"]
    iam.delete_saml_provider(SAMLProviderArn=ARN)
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    for operation in (iam.get_saml_provider, iam.delete_saml_provider):
        assert refused(operation, SAMLProviderArn=ARN) == NOT_FOUND


def test_update_replaces_the_document(node, iam, idp, tmp_path):
    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=idp.metadata())
    number = iam.get_saml_provider(SAMLProviderArn=ARN)["SAMLProviderUUID"]
    other = IdentityProvider(tmp_path / "other", "https://other.example.com").metadata()
    node.now += 60
    iam.update_saml_provider(SAMLProviderArn=ARN, SAMLMetadataDocument=other)
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert got["SAMLMetadataDocument"] == other
    assert got["SAMLProviderUUID"] == number
    assert got["SAMLKeyHashes"][0]["IssuerURL"] == "https://other.example.com"
    assert refused(iam.update_saml_provider, SAMLProviderArn=ARN) == (
        "InvalidInput",
        400,
        "Unable to update identity provider. No updates are defined for metadata or encryption "
        "assertion.",
    )
    assert iam.update_saml_provider(SAMLProviderArn=ARN, AssertionEncryptionMode="Allowed")
    missing = {"SAMLProviderArn": f"{ARN}s", "SAMLMetadataDocument": other}
    assert refused(iam.update_saml_provider, **missing)[:2] == ("NoSuchEntity", 404)


def test_names_are_taken_once_whatever_the_case(iam, idp):
    document = idp.metadata()
    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=document)
    for name in ("Example", "EXAMPLE"):
        assert refused(iam.create_saml_provider, Name=name, SAMLMetadataDocument=document) == (
            "EntityAlreadyExists",
            409,
            f"Provider with name {name} already exists.",
        )


@pytest.mark.parametrize("name", ["", "x" * 129, "a/b", "a b", "a*", "ä*"])
def test_names_of_another_form_are_refused(iam, idp, name):
    given = {"Name": name, "SAMLMetadataDocument": idp.metadata()}
    assert refused(iam.create_saml_provider, **given)[:2] == ("ValidationError", 400)


def test_a_hundred_providers_are_the_most(iam, idp):
    document = idp.metadata()
    for number in range(100):
        iam.create_saml_provider(Name=f"p{number}", SAMLMetadataDocument=document)
    code, status, message = refused(
        iam.create_saml_provider, Name="more", SAMLMetadataDocument=document
    )
    assert (code, status) == ("LimitExceeded", 409)
    assert message == "Cannot exceed quota for SAMLProvidersPerAccount: 100"


@pytest.mark.parametrize(
    "given",
    [
        {"AssertionEncryptionMode": "Required"},
        {"AddPrivateKey": "-----BEGIN PRIVATE KEY-----"},
        {"IdentityCenterInstanceArn": "arn:aws:sso:::instance/ssoins-1234567890abcdef"},
    ],
)
def test_what_is_not_served_is_said(iam, idp, given):
    code, _, message = refused(
        iam.create_saml_provider, Name="Example", SAMLMetadataDocument=idp.metadata(), **given
    )
    assert code == "InvalidInput"
    assert next(iter(given)) in message


# -- tags ------------------------------------------------------------------------------------


def test_tags(iam, idp):
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
    made = iam.create_saml_provider(Name="Example", SAMLMetadataDocument=idp.metadata(), Tags=tags)
    assert made["Tags"] == tags[::-1]
    assert iam.get_saml_provider(SAMLProviderArn=ARN)["Tags"] == tags[::-1]
    iam.tag_saml_provider(SAMLProviderArn=ARN, Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_saml_provider(SAMLProviderArn=ARN, TagKeys=["b"])
    assert iam.list_saml_provider_tags(SAMLProviderArn=ARN)["Tags"] == [{"Key": "A", "Value": "3"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(iam.tag_saml_provider, SAMLProviderArn=ARN, Tags=many)[:2] == (
        "LimitExceeded",
        409,
    )
    absent = {"SAMLProviderArn": f"{ARN}s", "Tags": tags}
    assert refused(iam.tag_saml_provider, **absent)[:2] == ("NoSuchEntity", 404)


# -- permissions -----------------------------------------------------------------------------


def test_providers_are_reached_by_arn_and_tag(node, iam, idp):
    document = idp.metadata()
    tags = [{"Key": "team", "Value": "red"}]
    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=document, Tags=tags)
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    alice = node.client("iam", node.user("alice", allow("iam:*SAMLProvider*", ARN, Condition=red)))
    assert alice.get_saml_provider(SAMLProviderArn=ARN)
    for operation, given in (
        (alice.list_saml_providers, {}),
        (alice.get_saml_provider, {"SAMLProviderArn": f"{ARN}s"}),
        (alice.create_saml_provider, {"Name": "New", "SAMLMetadataDocument": document}),
    ):
        assert refused(operation, **given)[0] == "AccessDenied"


def test_tagging_at_creation_is_a_permission_of_its_own(node, idp):
    alice = node.client("iam", node.user("alice", allow("iam:CreateSAMLProvider")))
    given = {"Name": "Example", "SAMLMetadataDocument": idp.metadata()}
    tagged = refused(alice.create_saml_provider, **given, Tags=[{"Key": "a", "Value": "b"}])
    assert "iam:TagSAMLProvider" in tagged[2]
    assert alice.create_saml_provider(**given)


# -- documents -------------------------------------------------------------------------------


def test_a_document_has_1000_to_10_000_000_characters(idp):
    document = quote_plus(idp.metadata())
    missing = 10_000_000 - len(idp.metadata())

    def decoded(text: str) -> Any:
        # Through the codec alone: botocore takes some seconds to encode ten million characters.
        body = f"Action=CreateSAMLProvider&Version=2010-05-08&Name=a&SAMLMetadataDocument={text}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        request = Request("POST", "/", "", headers)
        return SERVICE.codec.decode("CreateSAMLProvider", request, "/", body.encode())

    largest = decoded(document + "+" * missing)["SAMLMetadataDocument"]
    assert len(largest) == 10_000_000
    assert parse_metadata(largest, 0).issuers.keys() == {idp.entity_id}
    assert decoded("x" * 1000)
    for text in ("x" * 999, document + "+" * (missing + 1)):
        with pytest.raises(ServiceError, match="1 validation error detected") as refusal:
            decoded(text)
        assert refusal.value.code == "ValidationError"


def test_a_document_of_more_than_a_request_usually_holds(iam, idp):
    document = idp.metadata().ljust(1_200_000)
    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=document)
    assert iam.get_saml_provider(SAMLProviderArn=ARN)["SAMLMetadataDocument"] == document


def test_valid_until_is_the_documents_own(node, iam, idp):
    def until(moment: str) -> str:
        return idp.metadata().replace(
            "<ns0:IDPSSODescriptor", f'<ns0:IDPSSODescriptor validUntil="{moment}"'
        )

    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=until("2035-01-01T00:00:00Z"))
    got = iam.get_saml_provider(SAMLProviderArn=ARN)
    assert got["ValidUntil"] == datetime.datetime(2035, 1, 1, tzinfo=datetime.UTC)
    iam.delete_saml_provider(SAMLProviderArn=ARN)
    assert "validUntil" in unparsed(iam, until("2020-01-01T00:00:00Z"))
    last = until("9999-12-31T23:59:59-14:00")
    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=last)
    assert iam.get_saml_provider(SAMLProviderArn=ARN)["ValidUntil"].year == 9999


def test_several_identity_providers_in_one_document(iam, idp, tmp_path):
    other = IdentityProvider(tmp_path / "other", "https://other.example.com")
    entities = idp.metadata() + other.metadata()
    namespace = "urn:oasis:names:tc:SAML:2.0:metadata"

    def together(inner: str) -> str:
        return f'<EntitiesDescriptor xmlns="{namespace}">{inner}</EntitiesDescriptor>'

    iam.create_saml_provider(Name="Example", SAMLMetadataDocument=together(entities))
    hashed = iam.get_saml_provider(SAMLProviderArn=ARN)["SAMLKeyHashes"]
    assert {entry["IssuerURL"] for entry in hashed} == {idp.entity_id, other.entity_id}
    iam.delete_saml_provider(SAMLProviderArn=ARN)
    assert "twice" in unparsed(iam, together(entities + idp.metadata()))
    many = "".join(
        idp.metadata().replace(idp.entity_id, f"https://{number}.example.com")
        for number in range(11)
    )
    given = {"Name": "Example", "SAMLMetadataDocument": together(many)}
    assert refused(iam.create_saml_provider, **given)[:2] == ("LimitExceeded", 409)


def test_comments_and_instructions_in_a_document_are_nothing(iam, idp):
    document = f'<?xml version="1.0"?><?x y?><!-- made by hand -->{idp.metadata()}'
    assert iam.create_saml_provider(Name="Example", SAMLMetadataDocument=document)


def test_what_is_no_metadata_of_an_identity_provider(iam, idp):
    document = idp.metadata()
    start, end = document.index("MII"), document.index("</ns1:X509Certificate>")
    certificate = document[start:end]
    for broken in (
        "x" * 1000,
        document[:-20],
        "\ufeff" + document,
        document.replace("EntityDescriptor", "Descriptor"),
        document.replace("SAML:2.0:metadata", "SAML:1.0:metadata"),
        document.replace("IDPSSODescriptor", "SPSSODescriptor"),
        document.replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
        document.replace('use="signing"', 'use="encryption"'),
        document.replace(f'entityID="{idp.entity_id}"', ""),
        document.replace(f'entityID="{idp.entity_id}"', f'entityID="{"x" * 1025}"'),
        document.replace(certificate, ""),
        document.replace(certificate, "!!!!"),
        document.replace(certificate, "AAAA"),
        document.replace(certificate, f"{certificate[:8]}<x/>{certificate[8:]}"),
        document.replace(certificate, _certificate_that_cannot_sign_xml()),
        document.replace("<ns0:IDPSSODescriptor", '<ns0:IDPSSODescriptor validUntil="soon"'),
    ):
        unparsed(iam, broken)


def _certificate_that_cannot_sign_xml() -> str:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=9))
        .sign(key, None)
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
