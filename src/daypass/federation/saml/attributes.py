"""The attributes of an assertion: those AWS gives a meaning, and those policies may ask for.

"Configure SAML assertions for the authentication response" and "Available keys for SAML-based AWS
STS federation" of the IAM User Guide.
"""

import re
from collections.abc import Mapping
from typing import Final

from daypass.federation.saml.elements import Element, text_of
from daypass.federation.saml.errors import InvalidResponseError, RejectedResponseError
from daypass.federation.saml.names import ASSERTION, AWS

Attributes = Mapping[str, tuple[str, ...]]
Claims = Mapping[str, str | tuple[str, ...]]

_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_NAME_PATTERN: Final = "[a-zA-Z_0-9+=,.@-]{2,64}"
_DURATION: Final = re.compile(r"[0-9]{3,5}")
_SHORTEST: Final = 900
_LONGEST: Final = 43_200
_TAG_KEY: Final = re.compile(r"[\w\s+=.:/@-]{1,128}")
_TAG_VALUE: Final = re.compile(r"[\w\s+=.:/@-]{0,256}")
_MOST_TAGS: Final = 50
_PRINCIPAL_TAG: Final = f"{AWS}PrincipalTag:"

# Condition keys whose values are lists, by the attribute they come from.
_LISTS: Final[Mapping[str, str]] = {
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.1": "edupersonaffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.2": "edupersonnickname",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.4": "edupersonorgunitdn",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.7": "edupersonentitlement",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": "edupersonscopedaffiliation",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.10": "edupersontargetedid",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "edupersonassurance",
    "urn:oid:1.3.6.1.4.1.5923.1.2.1.2": "eduorghomepageuri",
    "urn:oid:1.3.6.1.4.1.5923.1.2.1.3": "eduorgidentityauthnpolicyuri",
    "urn:oid:1.3.6.1.4.1.5923.1.2.1.4": "eduorglegalname",
    "urn:oid:1.3.6.1.4.1.5923.1.2.1.5": "eduorgsuperioruri",
    "urn:oid:1.3.6.1.4.1.5923.1.2.1.6": "eduorgwhitepagesuri",
    "urn:oid:2.5.4.3": "cn",
}
# Those of one value. Of two attributes for one key, the later in this table is taken.
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MICROSOFT: Final = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
_VALUES: Final[tuple[tuple[str, str], ...]] = (
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "edupersonorgdn"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "edupersonprimaryaffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "edupersonprincipalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "edupersonprimaryorgunitdn"),
    (f"{_CLAIMS}name", "name"),
    ("http://schemas.xmlsoap.org/claims/CommonName", "commonname"),
    (f"{_CLAIMS}givenname", "givenname"),
    (f"{_CLAIMS}surname", "surname"),
    (f"{_CLAIMS}emailaddress", "mail"),
    # AWS documents the key of its name, and in the table of attributes `uid`.
    (f"{_MICROSOFT}primarygroupsid", "primarygroupsid"),
    (f"{_MICROSOFT}primarygroupsid", "uid"),
    ("2.5.4.3", "commonname"),
    ("2.5.4.4", "surname"),
    # As AWS documents it, and as X.520 has it.
    ("2.4.5.42", "givenname"),
    ("2.5.4.42", "givenname"),
    ("2.5.4.45", "x500uniqueidentifier"),
    ("0.9.2342.19200300100.1.1", "uid"),
    ("0.9.2342.19200300100.1.3", "mail"),
    ("0.9.2342.19200300.100.1.45", "organizationstatus"),
)


def read_attributes(assertion: Element) -> dict[str, tuple[str, ...]]:
    """The values of every attribute by its name. Raises `ValueError` for one that is no text."""
    attributes: dict[str, tuple[str, ...]] = {}
    path = f"{ASSERTION}AttributeStatement/{ASSERTION}Attribute"
    for attribute in assertion.findall(path):
        name = attribute.get("Name", "")
        values = attribute.findall(f"{ASSERTION}AttributeValue")
        attributes[name] = (*attributes.get(name, ()), *map(text_of, values))
    return attributes


def grants_role(attributes: Attributes, role_arn: str, provider_arn: str) -> bool:
    """Whether one of the pairs in the Role attribute is this role and provider."""
    for value in attributes.get(f"{AWS}Role", ()):
        pair = [part.strip() for part in value.split(",")]
        if len(pair) == 2 and role_arn != provider_arn and set(pair) == {role_arn, provider_arn}:
            return True
    return False


def session_name(attributes: Attributes) -> str:
    """Raises `InvalidResponseError`."""
    name = _single(attributes, "RoleSessionName")
    if name is None:
        raise InvalidResponseError("RoleSessionName is required in AuthnResponse")
    if not _NAME.fullmatch(name):
        raise InvalidResponseError(f"RoleSessionName in AuthnResponse must match {_NAME_PATTERN}")
    return name


def source_identity(attributes: Attributes) -> str:
    """ "" if there is none. Raises `InvalidResponseError`."""
    identity = _single(attributes, "SourceIdentity")
    if identity is None:
        return ""
    if not _NAME.fullmatch(identity) or identity.lower().startswith("aws:"):
        raise InvalidResponseError(
            f'Source Identity must match {_NAME_PATTERN} and not begin with "aws:"'
        )
    return identity


def session_duration(attributes: Attributes) -> int | None:
    """Seconds, None if it does not say. Raises `InvalidResponseError`."""
    value = _single(attributes, "SessionDuration")
    if value is None:
        return None
    if not _DURATION.fullmatch(value) or not _SHORTEST <= int(value) <= _LONGEST:
        raise InvalidResponseError(
            f"SessionDuration in AuthnResponse must be between {_SHORTEST} and {_LONGEST} seconds"
        )
    return int(value)


def session_tags(attributes: Attributes) -> tuple[dict[str, str], tuple[str, ...]]:
    """The session tags, and the keys of the transitive ones. Raises `RejectedResponseError`."""
    tags: dict[str, str] = {}
    for name, values in attributes.items():
        if not name.startswith(_PRINCIPAL_TAG):
            continue
        key = name.removeprefix(_PRINCIPAL_TAG)
        if len(values) != 1 or not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(values[0]):
            raise _bad_tags("PrincipalTag")
        if key.lower().startswith("aws:"):
            raise _bad_tags("PrincipalTag")
        tags[key] = values[0]
    folded = {key.lower(): key for key in tags}
    if len(tags) > _MOST_TAGS or len(folded) != len(tags):
        raise _bad_tags("PrincipalTag")
    wanted = attributes.get(f"{AWS}TransitiveTagKeys", ())
    if not all(key.lower() in folded for key in wanted):
        raise _bad_tags("TransitiveTagKeys")
    return tags, tuple(dict.fromkeys(folded[key.lower()] for key in wanted))


def trust_keys(attributes: Attributes) -> dict[str, str | tuple[str, ...]]:
    """The condition keys that only trust policies see.

    INVARIANT: only those AWS documents, and only under `saml:`, so that no attribute can pass for
    a key of AWS's.
    """
    keys: dict[str, str | tuple[str, ...]] = {}
    for name, key in _VALUES:
        if attributes.get(name):
            keys[f"saml:{key}"] = attributes[name][0]
    for name, key in _LISTS.items():
        if attributes.get(name):
            keys[f"saml:{key}"] = attributes[name]
    return keys


def _single(attributes: Attributes, name: str) -> str | None:
    values = attributes.get(f"{AWS}{name}", ())
    if len(values) > 1:
        raise InvalidResponseError(f"{name} in AuthnResponse must have one value")
    return values[0] if values else None


def _bad_tags(attribute: str) -> RejectedResponseError:
    return RejectedResponseError(f"{AWS}{attribute} does not hold valid session tags.")
