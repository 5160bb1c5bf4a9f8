"""From a response to the identity it proves.

The rules are those of SAML's web browser SSO profile (section 4.1.4.3) and AWS's: "Configure SAML
assertions for the authentication response" and "Troubleshoot SAML federation" of the IAM User
Guide, and "AssumeRoleWithSAML" of the STS API Reference.
"""

from base64 import b64encode
from collections.abc import Collection
from hashlib import sha1, sha256
from typing import Final

from daypass.federation.external import ExternalIdentity
from daypass.federation.saml.attributes import (
    grants_role,
    read_attributes,
    session_duration,
    session_name,
    session_tags,
    source_identity,
    trust_keys,
)
from daypass.federation.saml.elements import Element, moment_of, only, text_of
from daypass.federation.saml.errors import (
    ExpiredResponseError,
    InvalidResponseError,
    UnauthorizedResponseError,
)
from daypass.federation.saml.names import (
    ASSERTION,
    AWS_AUDIENCE,
    BEARER,
    NAME_FORMATS,
    UNSPECIFIED,
)
from daypass.federation.saml.provider import SamlProvider
from daypass.federation.saml.responses import UnverifiedResponse
from daypass.federation.saml.signatures import signed_assertion
from daypass.federation.vouching import vouch

# Seconds that clocks may differ by.
SKEW_SECONDS: Final = 60
# "Token must be redeemed within 5 minutes of issuance".
_OLDEST_SECONDS: Final = 300
_LONGEST_SUBJECT: Final = 256
_RESTRICTION: Final = f"{ASSERTION}AudienceRestriction"
_CONDITIONS: Final = frozenset(
    (_RESTRICTION, f"{ASSERTION}OneTimeUse", f"{ASSERTION}ProxyRestriction")
)


def verify_response(
    response: UnverifiedResponse,
    provider: SamlProvider,
    role_arn: str,
    endpoints: Collection[str],
    now: float,
) -> ExternalIdentity:
    """The identity that a response of this provider proves to those who receive at `endpoints`.

    endpoints: URLs. now: Unix seconds. Raises `SamlError`.

    Its attributes are `issuer`, `subject_type`, `name_qualifier` and `session_name`; `assertion`,
    which names the assertion among all there are; `usable_until`, Unix seconds, from when it proves
    nothing any more; `ends`, Unix seconds, when its session must be over, "" if it does not say;
    and the condition keys that are for trust policies alone, which begin with `saml:`.
    """
    certificates = provider.issuers.get(response.issuer)
    if certificates is None:
        raise _wrong_issuer()
    if provider.valid_until <= now:
        raise InvalidResponseError(
            "The metadata of the specified provider is not valid any more. Update the provider "
            "with a new document."
        )
    assertion = signed_assertion(response.root, certificates, now)
    try:
        if _required_text(assertion, "Issuer") != response.issuer:
            raise _wrong_issuer()
        return _identity(assertion, provider, role_arn, endpoints, now)
    except ValueError as error:
        raise InvalidResponseError("Invalid SAMLResponse: it is not of SAML's form") from error


def _identity(
    assertion: Element,
    provider: SamlProvider,
    role_arn: str,
    endpoints: Collection[str],
    now: float,
) -> ExternalIdentity:
    subject = only(assertion, f"{ASSERTION}Subject")
    recipient, confirmed_until = _confirmation(subject, endpoints, now)
    usable_until = min(
        _issued_recently(assertion, now),
        confirmed_until,
        _check_conditions(assertion, endpoints, now),
    )
    name, name_format = _subject_name(subject)
    attributes = read_attributes(assertion)
    if not grants_role(attributes, role_arn, provider.arn):
        raise InvalidResponseError(
            "SAML Assertion doesn't contain the requested Role and Metadata in the attributes"
        )
    issuer = _required_text(assertion, "Issuer")
    qualifier = _name_qualifier(issuer, provider)
    tags, transitive = session_tags(attributes)
    return vouch(
        provider=provider.arn,
        subject=name,
        audience=recipient,
        # The keys that sessions keep; policies on permissions may ask for them.
        claims={"saml:sub": name, "saml:sub_type": name_format, "saml:namequalifier": qualifier},
        tags=tags,
        transitive_tags=transitive,
        source_identity=source_identity(attributes),
        attributes={
            **trust_keys(attributes),
            "saml:aud": recipient,
            "saml:iss": issuer,
            "saml:doc": f"{provider.account}/{provider.name}",
            "issuer": issuer,
            "subject_type": name_format,
            "name_qualifier": qualifier,
            "session_name": session_name(attributes),
            "assertion": sha256(f"{issuer}\n{assertion.get('ID')}".encode()).hexdigest(),
            "usable_until": str(usable_until),
            "ends": _session_end(assertion, session_duration(attributes), now),
        },
    )


# -- times -----------------------------------------------------------------------------------


def _issued_recently(assertion: Element, now: float) -> float:
    issued = moment_of(assertion, "IssueInstant")
    if issued is None:
        raise ValueError("an assertion without a time")
    if issued > now + SKEW_SECONDS:
        raise InvalidResponseError("The assertion was issued in the future")
    if now >= issued + _OLDEST_SECONDS:
        raise ExpiredResponseError("Token must be redeemed within 5 minutes of issuance")
    return issued + _OLDEST_SECONDS


def _within(element: Element, now: float) -> float | None:
    """Until when an element's period lets it be used, None if it has no end."""
    start, end = moment_of(element, "NotBefore"), moment_of(element, "NotOnOrAfter")
    if start is not None and now < start - SKEW_SECONDS:
        raise InvalidResponseError("The assertion is not valid yet: its NotBefore is to come")
    if end is None:
        return None
    if now >= end + SKEW_SECONDS:
        raise ExpiredResponseError("The assertion has expired: its NotOnOrAfter has passed")
    return end + SKEW_SECONDS


def _session_end(assertion: Element, duration: int | None, now: float) -> str:
    """When the provider wants the session to be over, Unix seconds; "" if it does not say."""
    statements = assertion.findall(f"{ASSERTION}AuthnStatement")
    ends = [moment_of(statement, "SessionNotOnOrAfter") for statement in statements]
    named = [end for end in ends if end is not None]
    if any(end < now + 1 for end in named):
        raise ExpiredResponseError(
            "The session at the identity provider has ended: its SessionNotOnOrAfter has passed"
        )
    if duration is not None:
        named.append(now + duration)
    return str(min(named)) if named else ""


# -- whom it is about, and for -----------------------------------------------------------------


def _confirmation(
    subject: Element | None, endpoints: Collection[str], now: float
) -> tuple[str, float]:
    """Where the one bearer confirmation lets the assertion be received, and until when."""
    found = [] if subject is None else subject.findall(f"{ASSERTION}SubjectConfirmation")
    bearers = [each for each in found if each.get("Method") == BEARER]
    data = None
    if len(bearers) == 1:
        data = only(bearers[0], f"{ASSERTION}SubjectConfirmationData")
    recipient = None if data is None else data.get("Recipient")
    until = None if data is None else _within(data, now)
    if not recipient or until is None:
        # Misspelt, as AWS has it.
        raise InvalidResponseError(
            "Responses must contain SubjectConfirmatonData with a Recipient and NotOnOrAfter"
        )
    if recipient not in endpoints:
        raise InvalidResponseError("The Recipient in SubjectConfirmationData is somebody else")
    return str(recipient), until


def _check_conditions(assertion: Element, endpoints: Collection[str], now: float) -> float:
    """Until when the conditions let the assertion be used.

    AWS recommends an audience; here it is needed, as SAML's profile has it.
    """
    conditions = only(assertion, f"{ASSERTION}Conditions")
    restrictions = [] if conditions is None else conditions.findall(_RESTRICTION)
    if conditions is None or not restrictions:
        raise _wrong_audience()
    for restriction in restrictions:
        audiences = {text_of(each) for each in restriction.findall(f"{ASSERTION}Audience")}
        if audiences.isdisjoint({*endpoints, AWS_AUDIENCE}):
            raise _wrong_audience()
    if any(child.tag not in _CONDITIONS for child in conditions):
        # Whether it holds nobody knows, and so it does not (SAML core, section 2.5.1.1).
        raise InvalidResponseError("The assertion has a condition that is not understood")
    until = _within(conditions, now)
    return float("inf") if until is None else until


def _subject_name(subject: Element | None) -> tuple[str, str]:
    """The NameID, and its format as AWS answers it."""
    name_id = None if subject is None else only(subject, f"{ASSERTION}NameID")
    name = "" if name_id is None else text_of(name_id)
    if name_id is None or not name:
        raise UnauthorizedResponseError("Not authorized to perform sts:AssumeRoleWithSAML")
    if len(name) > _LONGEST_SUBJECT or not name.isprintable():
        raise InvalidResponseError(
            f"NameID must have at most {_LONGEST_SUBJECT} characters, all of them printable"
        )
    return name, str(name_id.get("Format", UNSPECIFIED)).removeprefix(NAME_FORMATS)


def _name_qualifier(issuer: str, provider: SamlProvider) -> str:
    """As the STS API Reference defines it; SHA-1 protects nothing here."""
    parts = f"{issuer}{provider.account}/{provider.name}"
    return b64encode(sha1(parts.encode(), usedforsecurity=False).digest()).decode()


def _required_text(parent: Element, name: str) -> str:
    element = only(parent, f"{ASSERTION}{name}")
    if element is None:
        raise ValueError(f"{name} is missing")
    return text_of(element)


def _wrong_issuer() -> InvalidResponseError:
    return InvalidResponseError("Issuer not present in specified provider")


def _wrong_audience() -> InvalidResponseError:
    return InvalidResponseError("Response does not contain the required audience.")
