"""A response as it was sent: read without trust, and of a form in which nothing can hide.

What is read here says only which key to verify with; everything else is read from what the
signature covers (`signatures.py`).
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final

from lxml import etree

from daypass.federation.saml.elements import Element, only, text_of
from daypass.federation.saml.errors import InvalidResponseError, RejectedResponseError
from daypass.federation.saml.names import ASSERTION, PROTOCOL, SIGNATURE, SUCCESS
from daypass.protocol.malformed import MalformedBodyError
from daypass.protocol.xml_in import parse_root

_CHILDREN: Final = frozenset(
    {
        *(f"{ASSERTION}{name}" for name in ("Issuer", "Assertion", "EncryptedAssertion")),
        *(f"{PROTOCOL}{name}" for name in ("Extensions", "Status")),
        f"{SIGNATURE}Signature",
    }
)
_DECLARATION: Final = re.compile(rb"<\?xml\s[^<>]*\?>")


@dataclass(frozen=True, slots=True, repr=False)
class UnverifiedResponse:
    """A response nobody has vouched for yet. issuer: who says to have made it."""

    root: Element
    issuer: str


def parse_response(encoded: str) -> UnverifiedResponse:
    """Read a SAMLResponse in base64. Raises `SamlError`."""
    try:
        document = b64decode("".join(encoded.split()), validate=True)
    except (Base64Error, ValueError) as error:
        raise InvalidResponseError("Invalid base64 SAMLResponse") from error
    _refuse_markup(document)
    try:
        root = parse_root(document, "Response")
        issuer = _checked_form(root)
    except MalformedBodyError as error:
        raise InvalidResponseError(f"Invalid SAMLResponse: {error}") from error
    except ValueError as error:
        raise InvalidResponseError("Invalid SAMLResponse: it is not of SAML's form") from error
    return UnverifiedResponse(root, issuer)


def _refuse_markup(document: bytes) -> None:
    # INVARIANT: text is in one piece. A comment or an instruction within a name, which a signature
    # does not cover or a reader stops at, makes another name of it (CVE-2017-11427). Identity
    # providers send neither.
    declaration = _DECLARATION.match(document)
    rest = document[declaration.end() :] if declaration else document
    if b"<!" in rest or b"<?" in rest:
        raise InvalidResponseError(
            "Invalid SAMLResponse: it holds a DOCTYPE, a comment, CDATA or a processing instruction"
        )


def _checked_form(root: Element) -> str:
    """The issuer of the one assertion, which is where it belongs."""
    if root.tag != f"{PROTOCOL}Response" or root.get("Version") != "2.0":
        raise InvalidResponseError("Invalid SAMLResponse: it is no Response of SAML 2.0")
    if any(child.tag not in _CHILDREN for child in root):
        raise InvalidResponseError("Invalid SAMLResponse: it holds what SAML 2.0 does not know")
    _refuse_failure(root)
    if root.find(f".//{ASSERTION}EncryptedAssertion") is not None:
        raise InvalidResponseError(
            "The response holds an encrypted assertion. This server does not decrypt; let the "
            "identity provider send it signed only, over TLS."
        )
    # INVARIANT: one assertion in all of the document, whatever namespace claims the name.
    named = [each for each in root.iter() if etree.QName(each).localname == "Assertion"]
    if len(named) != 1 or named[0].getparent() is not root:
        raise InvalidResponseError("Invalid SAMLResponse: it does not hold exactly one assertion")
    assertion = named[0]
    if assertion.tag != f"{ASSERTION}Assertion" or assertion.get("Version") != "2.0":
        raise InvalidResponseError("Invalid SAMLResponse: its assertion is not of SAML 2.0")
    _refuse_ambiguous_ids(root)
    _refuse_stray_signatures(root, assertion)
    outer, inner = only(root, f"{ASSERTION}Issuer"), only(assertion, f"{ASSERTION}Issuer")
    issuer = "" if inner is None else text_of(inner)
    if not issuer or (outer is not None and text_of(outer) != issuer):
        raise InvalidResponseError("Issuer not present in specified provider")
    return issuer


def _refuse_failure(root: Element) -> None:
    status = only(root, f"{PROTOCOL}Status")
    code = None if status is None else only(status, f"{PROTOCOL}StatusCode")
    if code is None or code.get("Value") != SUCCESS:
        raise RejectedResponseError("The identity provider did not report success")


def _refuse_ambiguous_ids(root: Element) -> None:
    """What a signature refers to by its id is one element."""
    ids: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if etree.QName(name).localname.lower() == "id":
                if value in ids:
                    raise InvalidResponseError("Invalid SAMLResponse: an id comes twice in it")
                ids.add(str(value))


def _refuse_stray_signatures(root: Element, assertion: Element) -> None:
    """Signatures stand directly in what they sign."""
    for signature in root.iter(f"{SIGNATURE}Signature"):
        if signature.getparent() is not root and signature.getparent() is not assertion:
            raise InvalidResponseError("Invalid SAMLResponse: a signature is out of place")
