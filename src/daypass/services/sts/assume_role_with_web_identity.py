"""AssumeRoleWithWebIdentity: a role's temporary credentials for an identity provider's token."""

import re
from collections.abc import Sequence
from typing import Final

from daypass.federation import ExternalIdentity
from daypass.federation.oidc import (
    ExpiredTokenError,
    FederationError,
    InvalidTokenError,
    RejectedClaimError,
    UnreachableProviderError,
    parse_token,
    verify_token,
)
from daypass.gateway.caller import Caller, external_caller
from daypass.gateway.operation import Call, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.sts.errors import validation_error
from daypass.services.sts.federated_roles import assume_with_federation, federated_permissions
from daypass.services.sts.requesting import Answer

_ACTION: Final = "sts:AssumeRoleWithWebIdentity"
# A URL that can be repeated: an unverified token says it.
_PLAIN_URL: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]/_~%-]{1,250}")


async def prove(call: Call) -> Caller:
    """The identity that the token proves, by the keys of the provider it names."""
    node = call.node
    if "ProviderId" in call.input:
        raise validation_error(
            "ProviderId is for the OAuth 2.0 access tokens of www.amazon.com and "
            "graph.facebook.com, which this server does not take. Leave it out, and send the ID "
            "token of an OpenID Connect provider."
        )
    try:
        token = parse_token(call.input["WebIdentityToken"])
        provider = node.oidc_providers.by_url(token.issuer)
        if provider is None:
            raise _no_provider(token.issuer)
        return external_caller(await verify_token(token, provider, node.provider_keys, call.now))
    except FederationError as error:
        raise _service_error(error) from error


def needs(call: Call) -> Sequence[Permission]:
    """sts:AssumeRoleWithWebIdentity by the role's trust policy, and what the token's tags and
    source identity ask for."""
    return federated_permissions(call, _identity(call), _ACTION, call.input["RoleSessionName"])


async def perform(call: Call) -> Answer:
    """Issue the session."""
    identity = _identity(call)
    further: Answer = {
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.attributes["issuer"],
        "Audience": identity.audience,
    }
    return assume_with_federation(call, identity, _ACTION, call.input["RoleSessionName"], further)


def _identity(call: Call) -> ExternalIdentity:
    identity = call.caller.external
    if identity is None:  # `prove` gave another caller than it can
        raise TypeError("AssumeRoleWithWebIdentity was called without a verified token.")
    return identity


def _no_provider(issuer: str) -> InvalidTokenError:
    named = f" for {issuer}" if _PLAIN_URL.fullmatch(issuer) else ""
    return InvalidTokenError(f"No OpenIDConnect provider found in your account{named}")


_CODES: Final[tuple[tuple[type[FederationError], str, int], ...]] = (
    (ExpiredTokenError, "ExpiredTokenException", 400),
    (RejectedClaimError, "IDPRejectedClaim", 403),
    (UnreachableProviderError, "IDPCommunicationError", 400),
)


def _service_error(error: FederationError) -> ServiceError:
    for kind, code, status in _CODES:
        if isinstance(error, kind):
            return ServiceError(code, str(error), status)
    return ServiceError("InvalidIdentityToken", str(error))


OPERATION = Operation(
    "AssumeRoleWithWebIdentity", needs, perform, prove, unsigned=True, issues=True
)
