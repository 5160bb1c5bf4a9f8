"""Assertions that are not those the provider signed: wrapped, doubled, truncated, weakly signed."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree

from daypass.federation.saml import InvalidResponseError
from daypass.federation.saml.signatures import signed_assertion
from tests.saml import NAMESPACES, IdentityProvider, part, sign
from tests.security.saml_world import ASSERTION, evil_twin, is_refused, parsed, text

DS = f"{{{NAMESPACES['ds']}}}"
SAMLP = f"{{{NAMESPACES['samlp']}}}"
SIGNATURE = f"{ASSERTION}/ds:Signature"
INFO = f"{SIGNATURE}/ds:SignedInfo"
INVALID = "Response signature invalid"
Wrap = Callable[[Any, Any], None]


def _signed_in_a_copy_of_the_response(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    wrapping = root.makeelement(f"{SAMLP}Response", {"ID": "_wrapping"})
    original.addprevious(twin)
    wrapping.append(original)
    root.append(wrapping)


def _evil_before(root: Any, twin: Any) -> None:
    part(root, ASSERTION).addprevious(twin)


def _evil_after(root: Any, twin: Any) -> None:
    part(root, ASSERTION).addnext(twin)


def _signed_within_evil(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    original.addprevious(twin)
    twin.append(original)


def _evil_within_signed(root: Any, twin: Any) -> None:
    part(root, ASSERTION).append(twin)


def _evil_takes_the_signature(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    twin.insert(1, part(original, "./ds:Signature"))
    original.addprevious(twin)


def _signed_in_an_object_of_evils_signature(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    signature = part(original, "./ds:Signature")
    original.addprevious(twin)
    twin.insert(1, signature)
    holder = etree.SubElement(signature, f"{DS}Object")
    holder.append(original)


def _signed_in_extensions(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    original.addprevious(twin)
    extensions = etree.SubElement(root, f"{SAMLP}Extensions")
    extensions.append(original)


def _signed_in_advice(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    original.addprevious(twin)
    advice = etree.SubElement(twin, part(twin, "./saml:Issuer").tag.replace("Issuer", "Advice"))
    advice.append(original)


def _evil_with_the_id_of_the_signed(root: Any, twin: Any) -> None:
    original = part(root, ASSERTION)
    twin.set("ID", original.get("ID"))
    original.addprevious(twin)
    extensions = etree.SubElement(root, f"{SAMLP}Extensions")
    extensions.append(original)


def _evil_of_another_namespace(root: Any, twin: Any) -> None:
    part(root, ASSERTION).addprevious(twin)
    twin.tag = "{urn:evil}Assertion"


WRAPS: list[Wrap] = [
    _signed_in_a_copy_of_the_response,
    _evil_before,
    _evil_after,
    _signed_within_evil,
    _evil_within_signed,
    _evil_takes_the_signature,
    _signed_in_an_object_of_evils_signature,
    _signed_in_extensions,
    _signed_in_advice,
    _evil_with_the_id_of_the_signed,
    _evil_of_another_namespace,
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_wrapped_signature_is_worth_nothing(federation, wrap: Wrap):
    root = parsed(federation.response())
    wrap(root, evil_twin(root))
    is_refused(federation, text(root))


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_is_read_is_what_is_signed_even_if_the_form_were_not_checked(federation, wrap: Wrap):
    root = parsed(federation.response())
    wrap(root, evil_twin(root))
    certificate = x509.load_pem_x509_certificate(federation.idp.certificate_file.read_bytes())
    keys = [certificate.public_bytes(serialization.Encoding.DER)]
    try:
        read = text(signed_assertion(root, keys, federation.node.now))
    except InvalidResponseError:
        return
    assert "mallory" not in read


def test_a_signed_response_with_a_second_assertion_is_worth_nothing(federation):
    root = parsed(federation.response(sign_assertion=True, sign_response=True))
    twin = evil_twin(root)
    part(root, ASSERTION).addprevious(twin)
    is_refused(federation, text(root))


def test_an_id_that_comes_twice_is_no_reference(federation):
    for name in ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id"):
        root = parsed(federation.response())
        original = part(root, ASSERTION)
        root.attrib.pop("ID")
        root.set(name, original.get("ID"))
        is_refused(federation, text(root))


# -- unsigned, and signed by others ------------------------------------------------------------


def test_what_is_not_signed_is_refused(federation):
    unsigned = federation.response(sign_assertion=False)
    assert is_refused(federation, unsigned) == "Neither the response nor its assertion is signed"


def test_a_stripped_signature_is_missed(federation):
    root = parsed(federation.response())
    part(root, ASSERTION).remove(part(root, SIGNATURE))
    is_refused(federation, text(root))


def test_every_signature_must_be_good(federation):
    for path in (f"{SIGNATURE}", "./ds:Signature"):
        root = parsed(federation.response(sign_assertion=True, sign_response=True))
        value = part(root, f"{path}/ds:SignatureValue")
        value.text = base64.b64encode(bytes(256)).decode()
        assert is_refused(federation, text(root)) == INVALID


@pytest.mark.parametrize(
    "path",
    [
        f"{ASSERTION}/saml:Subject/saml:NameID",
        f"{ASSERTION}/saml:Conditions/saml:AudienceRestriction/saml:Audience",
        f"{ASSERTION}/saml:AttributeStatement/saml:Attribute[2]/saml:AttributeValue",
    ],
)
def test_a_changed_value_is_noticed(federation, path):
    for response in (False, True):
        root = parsed(federation.response(sign_assertion=not response, sign_response=response))
        part(root, path).text = "urn:amazon:webservices"
        assert is_refused(federation, text(root)) == INVALID


def test_a_key_that_the_signature_brings_counts_for_nothing(federation, tmp_path):
    mallory = IdentityProvider(tmp_path / "mallory", federation.idp.entity_id)
    certificate = mallory.certificate_file.read_text()
    lines = "".join(certificate.splitlines()[1:-1])
    root = parsed(mallory.response(federation.attributes()))
    signature = part(root, SIGNATURE)
    info = etree.SubElement(signature, f"{DS}KeyInfo")
    data = etree.SubElement(info, f"{DS}X509Data")
    etree.SubElement(data, f"{DS}X509Certificate").text = lines
    assert is_refused(federation, text(root)) == INVALID


def test_a_key_that_the_signature_brings_does_not_replace_the_providers(federation, tmp_path):
    mallory = IdentityProvider(tmp_path / "mallory", federation.idp.entity_id)
    lines = "".join(mallory.certificate_file.read_text().splitlines()[1:-1])
    root = parsed(federation.response())
    info = etree.SubElement(part(root, SIGNATURE), f"{DS}KeyInfo")
    data = etree.SubElement(info, f"{DS}X509Data")
    etree.SubElement(data, f"{DS}X509Certificate").text = lines
    # Signed with the key in the metadata, whatever it says about itself.
    assert federation.assume(text(root))["Subject"] != "_mallory"


def test_the_certificate_is_no_key_of_a_mac(federation):
    method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    root = parsed(federation.response())
    part(root, f"{INFO}/ds:SignatureMethod").set("Algorithm", method)
    for path in (f"{INFO}/ds:Reference/ds:DigestValue", f"{SIGNATURE}/ds:SignatureValue"):
        part(root, path).text = ""
    context = xmlsec.SignatureContext()
    secret = federation.idp.certificate_file.read_bytes()
    context.key = xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, secret)
    xmlsec.tree.add_ids(root, ["ID"])
    context.sign(part(root, SIGNATURE))
    assert "algorithm" in is_refused(federation, text(root))


def test_the_assertion_of_one_provider_is_not_for_another(federation, tmp_path):
    other = IdentityProvider(tmp_path / "other", "https://other.example.com")
    made = federation.node.client("iam").create_saml_provider(
        Name="Other", SAMLMetadataDocument=other.metadata()
    )
    arn = made["SAMLProviderArn"]
    role = federation.role
    attributes = federation.attributes()
    for provider in (federation.provider, arn):
        response = other.response({**attributes, "x": [provider]})
        code, _ = federation.refused(response, PrincipalArn=provider)
        assert code == "InvalidIdentityToken"
    # With its own name in the attributes the signature is good, and the role does not trust it.
    key = next(iter(attributes))
    response = other.response({**attributes, key: [f"{role},{arn}"]})
    assert federation.refused(response, PrincipalArn=arn)[0] == "AccessDenied"


# -- weak or strange signatures ----------------------------------------------------------------


@pytest.mark.parametrize(
    "weak",
    [
        {"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
        {"digest": "http://www.w3.org/2000/09/xmldsig#sha1"},
    ],
)
def test_sha_1_is_refused(federation, weak):
    assert "SHA-256" in is_refused(federation, federation.response(**weak))


def _resigned(federation: Any, change: Callable[[Any], None]) -> str:
    """A response whose signature says what `change` makes of it, and is good for that."""
    root = parsed(federation.response())
    change(part(root, SIGNATURE))
    assertion = part(root, ASSERTION)
    sign(root, assertion.get("ID"), str(federation.idp.key_file))
    return text(root)


def _transform(signature: Any, number: int, algorithm: str) -> None:
    transforms = signature.findall(".//ds:Transform", NAMESPACES)
    transforms[number].set("Algorithm", algorithm)


EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def _with_comments(signature: Any) -> None:
    _transform(signature, 1, f"{EXCLUSIVE}WithComments")


def _inclusive(signature: Any) -> None:
    _transform(signature, 1, INCLUSIVE)


def _canonical_with_comments(signature: Any) -> None:
    part(signature, ".//ds:CanonicalizationMethod").set("Algorithm", f"{EXCLUSIVE}WithComments")


def _no_second_transform(signature: Any) -> None:
    transforms = part(signature, ".//ds:Transforms")
    transforms.remove(transforms[1])


def _one_transform_more(signature: Any) -> None:
    transforms = part(signature, ".//ds:Transforms")
    transforms.append(copy.deepcopy(transforms[1]))


def _an_xpath(signature: Any) -> None:
    transforms = part(signature, ".//ds:Transforms")
    chosen = etree.SubElement(
        transforms, f"{DS}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"
    )
    etree.SubElement(chosen, f"{DS}XPath").text = "not(ancestor-or-self::*[local-name()='NameID'])"


def _the_whole_document(signature: Any) -> None:
    part(signature, ".//ds:Reference").set("URI", "")


def _the_response_instead(signature: Any) -> None:
    response = signature.getroottree().getroot()
    part(signature, ".//ds:Reference").set("URI", f"#{response.get('ID')}")


def _two_references(signature: Any) -> None:
    reference = part(signature, ".//ds:Reference")
    reference.addnext(copy.deepcopy(reference))


def _an_object(signature: Any) -> None:
    etree.SubElement(signature, f"{DS}Object").text = "x"


@pytest.mark.parametrize(
    "change",
    [
        _with_comments,
        _inclusive,
        _canonical_with_comments,
        _no_second_transform,
        _one_transform_more,
        _an_xpath,
        _the_whole_document,
        _the_response_instead,
        _two_references,
        _an_object,
    ],
)
def test_a_good_signature_of_another_form_than_samls_is_refused(federation, change):
    assert is_refused(federation, _resigned(federation, change)) == INVALID


def test_a_resigned_response_of_samls_form_is_taken(federation):
    assert federation.assume(_resigned(federation, lambda signature: None))


@pytest.mark.parametrize("path", [
    f"{SIGNATURE}/ds:SignatureValue", f"{INFO}/ds:Reference/ds:DigestValue",
])  # fmt: skip
@pytest.mark.parametrize("value", [None, "", "====", "A", "é", "A" * 5000])
def test_what_is_no_base64_in_a_signature_is_refused(federation, path, value):
    root = parsed(federation.response())
    part(root, path).text = value
    assert is_refused(federation, text(root)) == INVALID


@pytest.mark.parametrize(
    "path", [INFO, f"{SIGNATURE}/ds:SignatureValue", f"{INFO}/ds:Reference", f"{ASSERTION}/@ID"]
)
def test_a_part_that_is_missing_is_refused(federation, path):
    root = parsed(federation.response())
    if path.endswith("@ID"):
        part(root, ASSERTION).attrib.pop("ID")
    else:
        found = part(root, path)
        found.getparent().remove(found)
    is_refused(federation, text(root))


# -- CVE-2017-11427: names cut short -----------------------------------------------------------


@pytest.mark.parametrize("cut", ["<!-- -->", "<?x y?>", "<![CDATA[]]>"])
def test_a_name_is_not_cut_short(federation, cut):
    # What is signed is the whole of it: a comment within is not part of what is hashed.
    response = federation.response(subject="admin@example.com.evil.com")
    assert federation.assume(response)["Subject"] == "admin@example.com.evil.com"
    signed = federation.response(subject="admin@example.com.evil.com")
    attacked = signed.replace("example.com.evil", f"example.com{cut}.evil")
    assert attacked != signed
    message = is_refused(federation, attacked)
    assert "comment" in message


def test_an_element_within_a_value_is_refused(federation):
    def nest(root: Any) -> None:
        name = part(root, f"{ASSERTION}/saml:Subject/saml:NameID")
        name.text = "admin@example.com"
        etree.SubElement(name, "x").tail = ".evil.com"

    is_refused(federation, federation.response(change=nest))
