"""The errors of STS, in its own words."""

from daypass.gateway.operation import Call
from daypass.protocol.errors import ServiceError


def access_denied(message: str) -> ServiceError:
    """403 AccessDenied."""
    return ServiceError("AccessDenied", message, 403)


def not_authorized(call: Call, action: str, resource: str) -> ServiceError:
    """403 AccessDenied, worded as a refusal by policy is."""
    return access_denied(
        f"User: {call.caller.principal.arn} is not authorized to perform: {action} on resource: "
        f"{resource}"
    )


def session_credentials(operation: str) -> ServiceError:
    """The refusal of an operation that these temporary credentials may not call."""
    return access_denied(f"Cannot call {operation} with session credentials")


def validation_error(message: str) -> ServiceError:
    """400 ValidationError."""
    return ServiceError("ValidationError", message)


def invalid_parameter(message: str) -> ServiceError:
    """400 InvalidParameterValue."""
    return ServiceError("InvalidParameterValue", message)


def invalid_context_assertion() -> ServiceError:
    """400 InvalidContextAssertion: nobody's assertions about a context are trusted here."""
    return ServiceError(
        "InvalidContextAssertion",
        "The context assertion does not match a trusted context provider. This server trusts none; "
        "leave ProvidedContexts out.",
    )


def insufficient_session_lifetime(left: int) -> ServiceError:
    """400 InsufficientSessionLifetime. left: seconds."""
    return ServiceError(
        "InsufficientSessionLifetime",
        f"The requested DurationSeconds exceeds the remaining lifetime of the session, {left} "
        "seconds.",
    )


def invalid_subject_credentials(message: str) -> ServiceError:
    """400 InvalidSubjectCredentials."""
    return ServiceError("InvalidSubjectCredentials", message)


def malformed_policy(message: str) -> ServiceError:
    """400 MalformedPolicyDocument."""
    return ServiceError("MalformedPolicyDocument", message)


def packed_policy_too_large() -> ServiceError:
    """400 PackedPolicyTooLarge: the token would be larger than clients are ready for."""
    return ServiceError("PackedPolicyTooLarge", "Serialized token too large for session")
