"""GetWebIdentityToken: a signed token that says who calls, for services elsewhere.

Its claims are those of "Understanding token claims" in the IAM User Guide.
"""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from daypass.federation.oidc import SIGNING_ALGORITHMS
from daypass.gateway.operation import Call, Operation, Permission
from daypass.policy import PrincipalKind
from daypass.protocol.errors import ServiceError
from daypass.protocol.timestamps import iso8601_seconds
from daypass.services.sts.errors import invalid_parameter, validation_error
from daypass.services.sts.requesting import Answer, refuse_unprivileged_sessions
from daypass.services.sts.session_tags import SessionTags

_DEFAULT_DURATION: Final = 300
# Bytes of claims, so that the token is one that AssumeRoleWithWebIdentity takes.
_LARGEST_PAYLOAD: Final = 10_240
_NAMESPACE: Final = "https://sts.amazonaws.com/"


def needs(call: Call) -> Sequence[Permission]:
    """sts:GetWebIdentityToken on the caller itself, and sts:TagGetWebIdentityToken for tags."""
    refuse_unprivileged_sessions(call)
    _check_input(call)
    tags = _request_tags(call)
    context: dict[str, str | Sequence[str]] = {
        "sts:identitytokenaudience": tuple(call.input["Audience"]),
        "sts:signingalgorithm": call.input["SigningAlgorithm"],
        "sts:durationseconds": str(_duration(call)),
        "sts:subjectmode": call.input.get("SubjectMode", "AWSIdentity"),
        **SessionTags(tags, ()).context(),
    }
    resource = f"arn:aws:sts::{call.node.account_id}:self"
    actions = ["sts:GetWebIdentityToken", *(["sts:TagGetWebIdentityToken"] if tags else [])]
    return [Permission(action, resource, context) for action in actions]


async def perform(call: Call) -> Answer:
    """Sign the token; it is not kept."""
    node, issuer = call.node, call.node.token_issuer
    if not issuer.enabled:
        raise ServiceError(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled for this account. Call "
            "EnableOutboundWebIdentityFederation first.",
            403,
        )
    issued, duration = int(call.now), _duration(call)
    session = call.caller.session
    if session is not None and issued + duration > session.expires:
        raise ServiceError(
            "SessionDurationEscalationException",
            "The requested token duration would extend the session beyond its original expiration "
            "time.",
            403,
        )
    audience: list[str] = call.input["Audience"]
    claims = {
        "iss": node.issuer_url(),
        "aud": audience[0] if len(audience) == 1 else audience,
        "sub": _principal_arn(call),
        "iat": issued,
        "exp": issued + duration,
        "jti": str(uuid4()),
        _NAMESPACE: _identity_claims(call),
    }
    if len(json.dumps(claims, separators=(",", ":"))) > _LARGEST_PAYLOAD:
        raise ServiceError(
            "JWTPayloadSizeExceededException",
            "The requested token payload size exceeds the maximum allowed size. Pass fewer tags.",
        )
    token = issuer.signer(call.input["SigningAlgorithm"]).sign(claims)
    return {"WebIdentityToken": token, "Expiration": issued + duration}


def _check_input(call: Call) -> None:
    algorithm: str = call.input["SigningAlgorithm"]
    if algorithm not in SIGNING_ALGORITHMS:
        raise validation_error(
            f"1 validation error detected: Value '{algorithm}' at 'signingAlgorithm' failed to "
            "satisfy constraint: Member must satisfy enum value set: [ES384, RS256]"
        )
    if call.input.get("SubjectMode", "AWSIdentity") != "AWSIdentity":
        # What OriginIdentity needs of the session only trusted identity propagation sets.
        raise validation_error(
            "The trusted identity propagation context of the calling session does not contain the "
            "aws:OriginIdentity/Subject key. Leave SubjectMode out."
        )
    if "Scope" in call.input:
        raise validation_error("Scope can be specified only when SubjectMode is OriginIdentity.")


def _duration(call: Call) -> int:
    return int(call.input.get("DurationSeconds", _DEFAULT_DURATION))


def _request_tags(call: Call) -> dict[str, str]:
    given: list[dict[str, str]] = call.input.get("Tags", [])
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len({key.lower() for key in tags}) < len(given):
        raise invalid_parameter(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.lower().startswith("aws:") for key in tags):
        raise validation_error('Tag keys that begin with "aws:" are reserved.')
    return tags


def _principal_arn(call: Call) -> str:
    """Of a role's session the role, as services elsewhere are told to trust it."""
    principal = call.caller.principal
    return principal.role_arn or principal.arn


def _identity_claims(call: Call) -> dict[str, Any]:
    node, caller, session = call.node, call.caller, call.caller.session
    claims: dict[str, Any] = {
        "aws_account": node.account_id,
        "source_region": node.region,
        "principal_id": _principal_arn(call),
    }
    tags = _principal_tags(call)
    if tags:
        claims["principal_tags"] = tags
    request_tags = _request_tags(call)
    if request_tags:
        claims["request_tags"] = request_tags
    if session is not None:
        claims["original_session_exp"] = iso8601_seconds(session.expires)
        if session.provider:
            claims["federated_provider"] = session.provider
        if session.source_identity:
            claims["source_identity"] = session.source_identity
        if caller.principal.kind is PrincipalKind.ROLE_SESSION and not session.parents:
            # What descends from nobody is a function's execution session, named after it.
            claims["lambda_source_function_arn"] = (
                f"arn:aws:lambda:{node.region}:{node.account_id}:function:{session.session_name}"
            )
    return claims


def _principal_tags(call: Call) -> dict[str, str]:
    """The caller's tags, those of the session over those of the role or user."""
    principal, session = call.caller.principal, call.caller.session
    identity = call.node.identity
    owner = identity.role_by_id(principal.unique_id) or identity.user_by_id(principal.unique_id)
    tags = dict(owner.tags) if owner is not None else {}
    for key, value in (session.tags if session is not None else {}).items():
        tags = {name: each for name, each in tags.items() if name.lower() != key.lower()}
        tags[key] = value
    return tags


OPERATION = Operation("GetWebIdentityToken", needs, perform, issues=True)
