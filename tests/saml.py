"""An identity provider for SAML: pysaml2 makes its metadata and responses, libxmlsec1 signs them.

Both are independent of the server's lxml and signxml code.
"""

import base64
import datetime
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import xmlsec
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import CryptoBackend

from tests.local_node import ACCOUNT, LocalNode, trust

AWS = "https://aws.amazon.com/SAML/Attributes/"
SIGN_IN = "https://signin.aws.amazon.com/saml"
NAMESPACES = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
# What AWS publishes of itself, as far as pysaml2 asks for it.
_AWS_METADATA = f"""<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
<EntityDescriptor entityID="{SIGN_IN}"><SPSSODescriptor
protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><AssertionConsumerService
index="1" Binding="{BINDING_HTTP_POST}" Location="{SIGN_IN}"/></SPSSODescriptor></EntityDescriptor>
</EntitiesDescriptor>"""
Change = Callable[[Any], None]


class _Xmlsec(CryptoBackend):
    """pysaml2's own backends run a program, or a library that is not kept any more."""

    def sign_statement(self, statement: Any, node_name: str, key_file: str, node_id: str) -> str:
        root = etree.fromstring(str(statement).encode())
        sign(root, node_id, key_file)
        return etree.tostring(root).decode()


def sign(root: Any, node_id: str, key_file: str) -> None:
    """Fill in the template of a signature in the element with this id."""
    node = root.xpath("//*[@ID=$id]", id=node_id)[0]
    xmlsec.tree.add_ids(root, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(key_file, xmlsec.constants.KeyDataFormatPem)
    context.sign(node.find("ds:Signature", NAMESPACES))


@dataclass
class IdentityProvider:
    """entity_id: what its assertions name as their issuer."""

    directory: Path
    entity_id: str = "https://idp.example.com/saml"
    curve: bool = False
    not_after: datetime.datetime = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)
    server: Any = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        key, certificate = self.new_key()
        self.key_file.write_bytes(key)
        self.certificate_file.write_bytes(certificate)
        self.configure()

    @property
    def key_file(self) -> Path:
        return self.directory / "key.pem"

    @property
    def certificate_file(self) -> Path:
        return self.directory / "certificate.pem"

    def new_key(self) -> tuple[bytes, bytes]:
        """A key and its certificate, PEM."""
        key: Any = rsa.generate_private_key(65537, 2048)
        if self.curve:
            key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example.com")])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
            .not_valid_after(self.not_after)
            .sign(key, hashes.SHA256())
        )
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return (
            key.private_bytes(serialization.Encoding.PEM, *form),
            certificate.public_bytes(serialization.Encoding.PEM),
        )

    def configure(self) -> None:
        config = {
            "entityid": self.entity_id,
            "key_file": str(self.key_file),
            "cert_file": str(self.certificate_file),
            "crypto_backend": "XMLSecurity",
            "metadata": {"inline": [_AWS_METADATA]},
            "organization": {"name": "Example", "display_name": "Example", "url": "https://e.com"},
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [
                            ("https://idp.example.com/sso", BINDING_HTTP_POST),
                            ("https://idp.example.com/sso/redirect", BINDING_HTTP_REDIRECT),
                        ]
                    },
                    "policy": {"default": {"lifetime": {"minutes": 5}, "sign": []}},
                }
            },
        }
        self.server = Server(config=IdPConfig().load(config))
        self.server.sec.crypto = _Xmlsec()

    def metadata(self) -> str:
        """The document to register the provider with."""
        return str(entity_descriptor(self.server.config))

    # -- responses ---------------------------------------------------------------------------

    def response(
        self,
        attributes: Mapping[str, Sequence[str]],
        *,
        subject: str = "_cbb88bf52c2510eabe00c1642d4643f41430fe25e3",
        name_format: str = NAMEID_FORMAT_PERSISTENT,
        recipient: str = SIGN_IN,
        audience: str = SIGN_IN,
        sign_assertion: bool = True,
        sign_response: bool = False,
        method: str = RSA_SHA256,
        digest: str = SHA256,
        change: Change | None = None,
        **further: Any,
    ) -> str:
        """A response as XML. change: what to do to it before it is signed."""
        unsigned = self.server.create_authn_response(
            dict(attributes),
            in_response_to="",
            destination=recipient,
            # Of others it knows no metadata.
            sp_entity_id=SIGN_IN,
            name_id=NameID(format=name_format, text=subject),
            authn={"class_ref": PASSWORD},
            sign_assertion=False,
            sign_response=False,
            **further,
        )
        root = etree.fromstring(str(unsigned).encode())
        part(root, ".//saml:Audience").text = audience
        if change is not None:
            change(root)
        assertion = root.find("saml:Assertion", NAMESPACES)
        if sign_assertion:
            self.sign(root, assertion, method, digest)
        if sign_response:
            self.sign(root, root, method, digest)
        return etree.tostring(root).decode()

    def sign(self, root: Any, element: Any, method: str = RSA_SHA256, digest: str = SHA256) -> None:
        """Sign an element of a response, as SAML does."""
        if self.curve:
            method = method.replace("rsa", "ecdsa")
        namespace = NAMESPACES["ds"]
        signature = etree.fromstring(
            f"""<ds:Signature xmlns:ds="{namespace}"><ds:SignedInfo>
            <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
            <ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{element.get("ID")}">
            <ds:Transforms><ds:Transform Algorithm="{namespace}enveloped-signature"/>
            <ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>
            <ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>
            </ds:SignedInfo><ds:SignatureValue/></ds:Signature>"""
        )
        issuer = element.find("saml:Issuer", NAMESPACES)
        issuer.addnext(signature)
        sign(root, element.get("ID"), str(self.key_file))


def encoded(response: str) -> str:
    """As the parameter SAMLAssertion carries it."""
    return base64.b64encode(response.encode()).decode()


def attributes_for(role: str, provider: str, **further: Sequence[str]) -> dict[str, Sequence[str]]:
    """What AWS needs, and further attributes of AWS's by their last names."""
    given: dict[str, Sequence[str]] = {
        "Role": [f"{role},{provider}"],
        "RoleSessionName": ["alice@example.com"],
        **further,
    }
    return {f"{AWS}{name}": values for name, values in given.items()}


ACTIONS = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]


@dataclass
class Federation:
    """A node that trusts an identity provider, and a role for its users."""

    node: LocalNode
    idp: IdentityProvider
    provider: str = field(init=False)
    role: str = field(init=False)

    def __post_init__(self) -> None:
        # pysaml2 knows no clock but the machine's.
        self.node.now = time.time()
        made = self.node.client("iam").create_saml_provider(
            Name="Example", SAMLMetadataDocument=self.idp.metadata()
        )
        self.provider = made["SAMLProviderArn"]
        self.role = self.new_role("federated")

    def new_role(self, name: str, *, policy: str | None = None, **statement: Any) -> str:
        """A role that trusts the provider for everything, unless told otherwise."""
        trusted = trust({"Federated": self.provider}, **{"Action": ACTIONS, **statement})
        return self.node.role(name, trusted, policy)

    def attributes(self, role: str = "", **further: Sequence[str]) -> dict[str, Sequence[str]]:
        return attributes_for(role or self.role, self.provider, **further)

    def response(
        self, attributes: Mapping[str, Sequence[str]] | None = None, **further: Any
    ) -> str:
        """A good response, as XML."""
        return self.idp.response(self.attributes() if attributes is None else attributes, **further)

    def assume(self, response: str, role: str = "", **further: Any) -> Any:
        """What AssumeRoleWithSAML answers."""
        given = {
            "RoleArn": role or self.role,
            "PrincipalArn": self.provider,
            "SAMLAssertion": encoded(response),
            **further,
        }
        return self.node.client("sts").assume_role_with_saml(**given)

    def refused(self, response: str, role: str = "", **further: Any) -> tuple[str, str]:
        """The code and message it is refused with."""
        with pytest.raises(ClientError) as refusal:
            self.assume(response, role, **further)
        told = refusal.value.response
        assert told["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}
        return told["Error"]["Code"], told["Error"]["Message"]


def name_qualifier(issuer: str, name: str) -> str:
    """The formula of the STS API Reference."""
    return base64.b64encode(hashlib.sha1(f"{issuer}{ACCOUNT}/{name}".encode()).digest()).decode()


def part(root: Any, path: str) -> Any:
    """An element of a response, by its path in which `saml:` and the like stand for namespaces."""
    found = root.find(path, NAMESPACES)
    assert found is not None, path
    return found
