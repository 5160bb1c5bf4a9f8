"""CloudWatch Logs' errors, in AWS's words."""

from daypass.protocol.errors import ServiceError


def invalid_parameter(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)


def invalid_token() -> ServiceError:
    return invalid_parameter("The specified nextToken is invalid.")


def no_such_group() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def no_such_stream() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


def group_exists() -> ServiceError:
    return ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")


def stream_exists() -> ServiceError:
    return ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")


def unsupported(parameter: str) -> ServiceError:
    return invalid_parameter(
        f"{parameter} is not supported by this server. Leave it out or give its default."
    )
