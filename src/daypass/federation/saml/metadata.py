"""From a metadata document (SAML metadata, section 2) to the keys its identity providers sign with.

Whoever uploads it vouches for it: its own signature, which few administrators could check, is not
looked at, as at AWS.
"""

from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from daypass.federation.saml.elements import Element, moment_of, text_of
from daypass.federation.saml.errors import MetadataError, MetadataQuotaError
from daypass.federation.saml.names import METADATA, PROTOCOL_URI, SIGNATURE
from daypass.federation.saml.provider import Issuers
from daypass.protocol.malformed import MalformedBodyError
from daypass.protocol.xml_in import parse_root

# IAM's quotas ("IAM and AWS STS quotas" of the IAM User Guide).
_MOST_ISSUERS: Final = 10
_MOST_KEYS: Final = 10
_LONGEST_ENTITY_ID: Final = 1024
# Bits ("Troubleshoot SAML federation with IAM": could not parse metadata).
_SMALLEST_RSA_KEY: Final = 1024
_CERTIFICATE: Final = f"{SIGNATURE}KeyInfo/{SIGNATURE}X509Data/{SIGNATURE}X509Certificate"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata document says. valid_until: Unix seconds, None if it does not say."""

    issuers: Issuers
    valid_until: float | None


def parse_metadata(document: str, now: float) -> Metadata:
    """now: Unix seconds. Raises `MetadataError`."""
    if document.startswith("\ufeff"):
        raise MetadataError("it begins with a byte order mark")
    try:
        root = parse_root(document.encode(), "EntityDescriptor", "EntitiesDescriptor")
        issuers = _issuers(root)
        ends = [_valid_until(element) for element in root.iter(*_PERISHABLE)]
    except (MalformedBodyError, UnicodeEncodeError, ValueError) as error:
        raise MetadataError(str(error)) from error
    if not issuers:
        raise MetadataError("it describes no identity provider for SAML 2.0 with a key for signing")
    if len(issuers) > _MOST_ISSUERS:
        raise MetadataQuotaError("IdPsPerSAMLProvider", _MOST_ISSUERS)
    if len({key for keys in issuers.values() for key in keys}) > _MOST_KEYS:
        raise MetadataQuotaError("KeysPerSAMLProvider", _MOST_KEYS)
    valid_until = min((end for end in ends if end is not None), default=None)
    if valid_until is not None and valid_until <= now:
        raise MetadataError("its validUntil has passed; get a new one from the identity provider")
    return Metadata(issuers, valid_until)


_PERISHABLE: Final = (
    f"{METADATA}EntitiesDescriptor",
    f"{METADATA}EntityDescriptor",
    f"{METADATA}IDPSSODescriptor",
)


def _valid_until(element: Element) -> float | None:
    return moment_of(element, "validUntil")


def _issuers(root: Element) -> dict[str, tuple[bytes, ...]]:
    issuers: dict[str, tuple[bytes, ...]] = {}
    for entity in root.iter(f"{METADATA}EntityDescriptor"):
        keys = _signing_certificates(entity)
        if not keys:
            continue
        entity_id = entity.get("entityID", "")
        if not 0 < len(entity_id) <= _LONGEST_ENTITY_ID:
            raise MetadataError("it describes an identity provider without an entityID")
        if entity_id in issuers:
            raise MetadataError("it describes one identity provider twice")
        issuers[entity_id] = keys
    return issuers


def _signing_certificates(entity: Element) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for role in entity.findall(f"{METADATA}IDPSSODescriptor"):
        if PROTOCOL_URI not in role.get("protocolSupportEnumeration", "").split():
            continue
        for descriptor in role.findall(f"{METADATA}KeyDescriptor"):
            # Without a use the key is for both (section 2.4.1.1).
            if descriptor.get("use", "signing") == "signing":
                for certificate in descriptor.findall(_CERTIFICATE):
                    found[_checked(text_of(certificate))] = None
    return tuple(found)


def _checked(text: str) -> bytes:
    """The certificate, DER, with a key that can sign."""
    try:
        der = b64decode("".join(text.split()), validate=True)
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MetadataError("a certificate in it cannot be read") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_RSA_KEY:
            raise MetadataError("the key of a certificate in it has less than 1024 bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise MetadataError("the key of a certificate in it is neither of RSA nor of a curve")
    return der
