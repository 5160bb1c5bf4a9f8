"""AssumeRoleWithSAML: a role's temporary credentials for an identity provider's assertion."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from daypass.federation import ExternalIdentity
from daypass.federation.saml import (
    ExpiredResponseError,
    RejectedResponseError,
    SamlError,
    SamlProvider,
    UnauthorizedResponseError,
    parse_response,
    verify_response,
)
from daypass.gateway.caller import Caller, external_caller
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.sts.errors import access_denied
from daypass.services.sts.federated_roles import assume_with_federation, federated_permissions
from daypass.services.sts.requesting import Answer
from daypass.services.sts.roles import find_role, requested_duration
from daypass.store.saml_providers import use_assertion

_ACTION: Final = "sts:AssumeRoleWithSAML"
_TRUST_KEY: Final = "saml:"
# Where this server itself receives responses, for identity providers that tell it from AWS.
_OWN_ENDPOINT: Final = "/_daypass/saml"


async def prove(call: Call) -> Caller:
    """The identity that the response proves, by the keys of the provider the request names."""
    provider = call.node.saml_providers.by_arn(call.input["PrincipalArn"])
    if provider is None:
        raise _invalid("Specified provider doesn't exist")

    def verify() -> ExternalIdentity:
        response = parse_response(call.input["SAMLAssertion"])
        endpoints = _endpoints(call.node, provider)
        return verify_response(response, provider, call.input["RoleArn"], endpoints, call.now)

    try:
        # A few ms of XML, which nobody has been authenticated for yet.
        return external_caller(await asyncio.to_thread(verify))
    except SamlError as error:
        raise _service_error(error) from error


def needs(call: Call) -> Sequence[Permission]:
    """sts:AssumeRoleWithSAML by the role's trust policy, and what the assertion's tags and source
    identity ask for."""
    identity = _identity(call)
    own = {key: value for key, value in identity.attributes.items() if key.startswith(_TRUST_KEY)}
    return [
        replace(permission, context={**permission.context, **own})
        for permission in federated_permissions(
            call, identity, _ACTION, _text(call, "session_name")
        )
    ]


async def perform(call: Call) -> Answer:
    """Issue the session, if the assertion was never used for one."""
    identity = _identity(call)
    further: Answer = {
        "Subject": identity.subject,
        "SubjectType": _text(call, "subject_type"),
        "Issuer": _text(call, "issuer"),
        "Audience": identity.audience,
        "NameQualifier": _text(call, "name_qualifier"),
    }
    session_name = _text(call, "session_name")
    output = assume_with_federation(
        call, identity, _ACTION, session_name, further, duration=_duration(call)
    )
    # Last, so that a refusal for another reason leaves it good; nobody has seen the session yet.
    assertion, usable_until = _text(call, "assertion"), float(_text(call, "usable_until"))
    first = await call.node.store.write(
        lambda transaction: use_assertion(transaction, assertion, usable_until, call.now)
    )
    if not first:
        raise _invalid(
            "The assertion was used before. Each is good for one session; get a new one from the "
            "identity provider."
        )
    return output


def _duration(call: Call) -> int | None:
    """Seconds: what is asked for, or less if the provider wants it over before."""
    role, ends = find_role(call), _text(call, "ends")
    if role is None:
        return None
    requested = requested_duration(call, role)
    return min(requested, int(float(ends) - call.now)) if ends else requested


def _endpoints(node: Node, provider: SamlProvider) -> frozenset[str]:
    """Where a response may have been received: AWS's endpoints for signing in, and our own."""
    hosts = ("signin.aws.amazon.com", f"{node.region}.signin.aws.amazon.com")
    ours = f"{node.issuer_base}{_OWN_ENDPOINT}"
    bases = (*(f"https://{host}/saml" for host in hosts), ours)
    return frozenset((*bases, *(f"{base}/acs/{provider.id}" for base in bases)))


def _identity(call: Call) -> ExternalIdentity:
    identity = call.caller.external
    if identity is None:  # `prove` gave another caller than it can
        raise TypeError("AssumeRoleWithSAML was called without a verified assertion.")
    return identity


def _text(call: Call, attribute: str) -> str:
    return str(_identity(call).attributes[attribute])


def _service_error(error: SamlError) -> ServiceError:
    if isinstance(error, ExpiredResponseError):
        return ServiceError("ExpiredTokenException", str(error))
    if isinstance(error, RejectedResponseError):
        return ServiceError("IDPRejectedClaim", str(error), 403)
    if isinstance(error, UnauthorizedResponseError):
        return access_denied(str(error))
    return _invalid(str(error))


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidIdentityToken", message)


OPERATION = Operation("AssumeRoleWithSAML", needs, perform, prove, unsigned=True, issues=True)
