"""From a response to the assertion that the provider's key signed, and nothing beside it.

Verification is signxml's. It follows XML Signature, which allows far more than SAML's profile of it
(SAML core, section 5.4); what the profile does not have is refused before.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from daypass.federation.saml.elements import Element, only
from daypass.federation.saml.errors import InvalidResponseError, invalid_signature
from daypass.federation.saml.names import ASSERTION, PROTOCOL, SIGNATURE

# SHA-1 is not among them, nor a MAC, of which the certificate would be the key.
_METHODS: Final = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS: Final = frozenset(
    {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
)
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_METHOD_URIS: Final = frozenset(method.value for method in _METHODS)
_DIGEST_URIS: Final = frozenset(digest.value for digest in _DIGESTS)
_PARTS: Final = [f"{SIGNATURE}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo")]


def signed_assertion(root: Element, certificates: Iterable[bytes], now: float) -> Element:
    """The assertion as one of the certificates (DER) signed it, by itself or with its response.

    root: of a form that `parse_response` checked. Every signature in it must be good. now: Unix
    seconds, when the certificate must be valid. Raises `InvalidResponseError`.
    """
    keys = [x509.load_der_x509_certificate(der) for der in certificates]
    signed: Element | None = None
    for path, tag in (("./", f"{PROTOCOL}Response"), (_IN_ASSERTION, f"{ASSERTION}Assertion")):
        element = root if path == "./" else root.find(tag)
        if element is None:
            raise invalid_signature()
        try:
            signature = only(element, f"{SIGNATURE}Signature")
        except ValueError as error:
            raise invalid_signature() from error
        if signature is None:
            continue
        _refuse_other_profiles(signature, element.get("ID"))
        signed = _verified(root, path, keys, now)
        # INVARIANT: what is used from here on was parsed from the bytes that were hashed.
        if signed.tag != tag or signed.get("ID") != element.get("ID"):
            raise invalid_signature()
    if signed is None:
        raise InvalidResponseError("Neither the response nor its assertion is signed")
    assertion = signed if signed.tag == f"{ASSERTION}Assertion" else _enclosed(signed)
    if assertion is None:
        raise invalid_signature()
    return assertion


_IN_ASSERTION: Final = f"./{ASSERTION}Assertion/"


def _enclosed(response: Element) -> Element | None:
    try:
        return only(response, f"{ASSERTION}Assertion")
    except ValueError:
        return None


def _verified(root: Element, path: str, keys: list[x509.Certificate], now: float) -> Element:
    """What the signature at `path` covers, if one of the keys made it."""
    expected = SignatureConfiguration(
        location=path,
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        # INVARIANT: the metadata says whose keys count; keys that a signature brings do not.
        ignore_ambiguous_key_info=True,
        verification_time=datetime.fromtimestamp(now, UTC),
    )
    for key in keys:
        try:
            result = XMLVerifier().verify(
                root, x509_cert=key, id_attribute="ID", expect_config=expected, parser=_parser()
            )
        except (SignXMLException, etree.LxmlError, ValueError, TypeError):
            continue
        if not isinstance(result, list) and result.signed_xml is not None:
            return result.signed_xml
    raise invalid_signature()


def _parser() -> etree.XMLParser:
    return etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True)


def _refuse_other_profiles(signature: Element, signed_id: str | None) -> None:
    """A signature over its parent, by id, with the two transforms SAML has, and nothing else."""
    info = signature.find(f"{SIGNATURE}SignedInfo")
    parts = [child.tag for child in signature]
    if info is None or not signed_id or parts not in (_PARTS, _PARTS[:2]):
        raise invalid_signature()
    references = info.findall(f"{SIGNATURE}Reference")
    if len(references) != 1 or references[0].get("URI") != f"#{signed_id}":
        raise invalid_signature()
    transforms = _algorithms(references[0], f"{SIGNATURE}Transforms/{SIGNATURE}Transform")
    canonical = _algorithms(info, f"{SIGNATURE}CanonicalizationMethod")
    if transforms != [_ENVELOPED, _EXCLUSIVE] or canonical != [_EXCLUSIVE]:
        raise invalid_signature()
    methods = _algorithms(info, f"{SIGNATURE}SignatureMethod")
    digests = _algorithms(references[0], f"{SIGNATURE}DigestMethod")
    if not (_is_one_of(methods, _METHOD_URIS) and _is_one_of(digests, _DIGEST_URIS)):
        raise InvalidResponseError(
            "Response signature invalid: its algorithm is not taken. Let the identity provider "
            "sign with RSA or ECDSA and SHA-256, SHA-384 or SHA-512."
        )


def _algorithms(element: Element, path: str) -> list[str | None]:
    return [each.get("Algorithm") for each in element.findall(path)]


def _is_one_of(algorithms: list[str | None], allowed: frozenset[str]) -> bool:
    return len(algorithms) == 1 and algorithms[0] in allowed
