"""Lambda's errors, in AWS's words."""

from daypass.protocol.errors import ServiceError


def invalid_parameter(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message, 400)


def unsupported(parameter: str) -> ServiceError:
    return invalid_parameter(
        f"{parameter} is not supported by this server. Leave it out or give its default."
    )


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, 404)


def function_not_found(arn: str) -> ServiceError:
    return not_found(f"Function not found: {arn}")


def alias_not_found(arn: str) -> ServiceError:
    return not_found(f"Cannot find alias arn: {arn}")


def conflict(message: str) -> ServiceError:
    return ServiceError("ResourceConflictException", message, 409)


def stale_revision() -> ServiceError:
    return ServiceError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


def too_large(limit: int, operation: str) -> ServiceError:
    return ServiceError(
        "RequestEntityTooLargeException",
        f"Request must be smaller than {limit} bytes for the {operation} operation",
        413,
    )


def invalid_content(message: str) -> ServiceError:
    return ServiceError("InvalidRequestContentException", message, 400)


def throttled(reason: str) -> ServiceError:
    return ServiceError(
        "TooManyRequestsException", "Rate Exceeded.", 429, fields={"Reason": reason}
    )


def role_not_assumable() -> ServiceError:
    return invalid_parameter("The role defined for the function cannot be assumed by Lambda.")
