"""IAM's errors, in AWS's words."""

from daypass.protocol.errors import ServiceError
from daypass.store.identity import IdentityKind


def no_such_entity(message: str) -> ServiceError:
    return ServiceError("NoSuchEntity", message, 404)


def no_such_identity(kind: IdentityKind, name: str) -> ServiceError:
    return no_such_entity(f"The {kind} with name {name} cannot be found.")


def no_such_inline_policy(kind: IdentityKind, name: str) -> ServiceError:
    return no_such_entity(f"The {kind} policy with name {name} cannot be found.")


def no_such_access_key(access_key_id: str) -> ServiceError:
    return no_such_entity(f"The Access Key with id {access_key_id} cannot be found.")


def no_such_policy(arn: str) -> ServiceError:
    return no_such_entity(f"Policy {arn} was not found.")


def not_attachable(arn: str) -> ServiceError:
    return no_such_entity(f"Policy {arn} does not exist or is not attachable.")


def no_such_version(arn: str, version_id: str) -> ServiceError:
    return no_such_entity(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def no_such_mfa_device(serial_number: str) -> ServiceError:
    return no_such_entity(f"VirtualMFADevice with serial number {serial_number} does not exist.")


def mfa_device_not_of_user() -> ServiceError:
    return no_such_entity("MFA Device invalid for user.")


def mfa_device_exists() -> ServiceError:
    message = "MFADevice entity at the same path and name already exists."
    return ServiceError("EntityAlreadyExists", message, 409)


def mfa_device_in_use() -> ServiceError:
    return ServiceError("EntityAlreadyExists", "MFA Device is already in use.", 409)


def authentication_code_invalid() -> ServiceError:
    message = "Authentication code for device is not valid."
    return ServiceError("InvalidAuthenticationCode", message, 403)


def already_exists(kind: IdentityKind, name: str) -> ServiceError:
    message = f"{kind.capitalize()} with name {name} already exists."
    return ServiceError("EntityAlreadyExists", message, 409)


def policy_already_exists(name: str) -> ServiceError:
    message = f"A policy called {name} already exists. Duplicate names are not allowed."
    return ServiceError("EntityAlreadyExists", message, 409)


def delete_conflict(message: str) -> ServiceError:
    return ServiceError("DeleteConflict", message, 409)


def limit_exceeded(message: str) -> ServiceError:
    return ServiceError("LimitExceeded", message, 409)


def quota_exceeded(quota: str, limit: int) -> ServiceError:
    return limit_exceeded(f"Cannot exceed quota for {quota}: {limit}")


def invalid_input(message: str) -> ServiceError:
    return ServiceError("InvalidInput", message, 400)


def validation_error(message: str) -> ServiceError:
    return ServiceError("ValidationError", message, 400)


def malformed_policy(message: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", message, 400)
