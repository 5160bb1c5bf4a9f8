"""A function's configuration: read from a request, checked, and shown."""

import base64
import datetime
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call
from daypass.policy import (
    AuthorizationRequest,
    Layers,
    Principal,
    PrincipalKind,
    evaluate,
)
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import (
    invalid_parameter,
    role_not_assumable,
    unsupported,
)
from daypass.services.functions.names import function_arn
from daypass.store.functions import Logging, Version
from daypass.store.identity import Role
from daypass.workers import UnusableRuntimeError, check_runtime

PRINCIPAL: Final = "lambda.amazonaws.com"
DEFAULT_TIMEOUT: Final = 3
DEFAULT_MEMORY: Final = 128
DEFAULT_STORAGE: Final = 512
_LONGEST_TIMEOUT: Final = 900
_VARIABLES_LIMIT: Final = 4096
_ROLE_ARN: Final = re.compile(r"arn:aws[a-zA-Z-]*:iam::(\d{12}):role/(?:.*/)?([^/]+)", re.ASCII)
# Lambda developer guide, "Defined runtime environment variables": those marked as reserved.
_RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
# What cannot be had here, and what it may say all the same because it asks for nothing.
_UNSUPPORTED: Final[Mapping[str, tuple[object, ...]]] = {
    "AcceleratorConfig": (),
    "CapacityProviderConfig": (),
    "CodeSigningConfigArn": ("",),
    "DeadLetterConfig": ({}, {"TargetArn": ""}),
    "DurableConfig": (),
    "FileSystemConfigs": ([],),
    "ImageConfig": ({},),
    "KMSKeyArn": ("",),
    "PackageType": ("Zip",),
    "PublishTo": (),
    "RuntimeConfig": (),
    "SnapStart": ({}, {"ApplyOn": "None"}),
    "TenancyConfig": (),
    "TracingConfig": ({}, {"Mode": "PassThrough"}),
    "VpcConfig": (
        {},
        {"SubnetIds": [], "SecurityGroupIds": []},
        {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False},
    ),
}


def check_supported(call: Call) -> None:
    """Refuse what this server would have to ignore."""
    for parameter, harmless in _UNSUPPORTED.items():
        if parameter in call.input and call.input[parameter] not in harmless:
            raise unsupported(parameter)


def read_logging(call: Call, known: Logging) -> Logging:
    """How a version logs, after a request. Raises InvalidParameterValueException."""
    given: Mapping[str, str] = call.input["LoggingConfig"]
    form = given.get("LogFormat", known.format)
    group = given.get("LogGroup", known.group)
    levels = ("ApplicationLogLevel", "SystemLogLevel")
    if form == "Text":
        if any(level in given for level in levels):
            raise invalid_parameter(
                'Log level is not supported when log format is set to "Text". Remove log level '
                'from your request or change the log format to "JSON" and try again.'
            )
        return Logging(group=group)
    if given.get("SystemLogLevel", "INFO") != "INFO":
        raise unsupported(f"The SystemLogLevel {given['SystemLogLevel']}")
    return Logging(form, given.get("ApplicationLogLevel", known.level or "INFO"), "INFO", group)


def read_variables(call: Call) -> Mapping[str, str] | None:
    """The environment variables of a request, checked. Raises InvalidParameterValueException."""
    variables: Mapping[str, str] | None = call.input["Environment"].get("Variables")
    if variables is None:
        return None
    refused = "Lambda was unable to configure your environment variables because the environment "
    reserved = [name for name in variables if name in _RESERVED_VARIABLES]
    if reserved:
        raise invalid_parameter(
            f"{refused}variables you have provided contains reserved keys that are currently not "
            f"supported for modification. Reserved keys used in this request: "
            f"{', '.join(reserved)}"
        )
    if any("\0" in value for value in variables.values()):
        raise invalid_parameter(f"{refused}variables you have provided contains a NUL character.")
    text = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(text.encode(errors="surrogatepass")) > _VARIABLES_LIMIT:
        # AWS repeats the variables here; they may be secrets, so this does not.
        raise invalid_parameter(f"{refused}variables you have provided exceeded the 4KB limit.")
    return variables


def read_timeout(call: Call) -> int:
    timeout: int = call.input["Timeout"]
    if timeout > _LONGEST_TIMEOUT:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{timeout}' at 'timeout' failed to satisfy "
            f"constraint: Member must have value less than or equal to {_LONGEST_TIMEOUT}",
        )
    return timeout


def check_runnable(runtime: str) -> None:
    """Raise InvalidParameterValueException for a runtime that cannot run here."""
    try:
        check_runtime(runtime)
    except UnusableRuntimeError as error:
        raise invalid_parameter(str(error)) from error


# -- the execution role ----------------------------------------------------------------------


def check_role_account(node: Node, role_arn: str) -> None:
    """A role of another account cannot be passed to a service, whatever the policies say."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is not None and match[1] != node.account_id:
        raise ServiceError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)


def find_execution_role(node: Node, role_arn: str) -> Role:
    """The role, if its trust policy lets Lambda assume it; else InvalidParameterValueException."""
    match = _ROLE_ARN.fullmatch(role_arn)
    role = None if match is None else node.identity.role(match[2])
    if role is None or role.arn != role_arn:
        raise role_not_assumable()
    request = AuthorizationRequest(
        Principal(PrincipalKind.SERVICE, service=PRINCIPAL),
        "sts:AssumeRole",
        role.arn,
        {"aws:principalisawsservice": "true", "aws:sourceaccount": node.account_id},
        node.account_id,
    )
    layers = Layers(resource=role.trust, resource_must_allow=True)
    if not evaluate(request, layers).allowed:
        raise role_not_assumable()
    return role


# -- how it is shown -------------------------------------------------------------------------


def describe(node: Node, version: Version, qualifier: str = "") -> dict[str, Any]:
    """A FunctionConfiguration. qualifier: how the version was named, "" for the function itself."""
    shown: dict[str, Any] = {
        "FunctionName": version.function,
        "FunctionArn": function_arn(node, version.function, qualifier),
        "Runtime": version.runtime,
        "Role": version.role_arn,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory_size,
        "LastModified": show_time(version.modified, "+0000"),
        "CodeSha256": base64.b64encode(bytes.fromhex(version.code.sha256)).decode(),
        "Version": version.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": version.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [version.architecture],
        "EphemeralStorage": {"Size": version.ephemeral_storage},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _describe_logging(version),
    }
    if version.variables:
        shown["Environment"] = {"Variables": dict(version.variables)}
    if version.layers:
        shown["Layers"] = [
            {"Arn": layer.arn, "CodeSize": layer.code.size} for layer in version.layers
        ]
    return shown


def _describe_logging(version: Version) -> dict[str, str]:
    logging = version.logging
    shown = {"LogFormat": logging.format, "LogGroup": log_group(version)}
    if logging.format == "JSON":
        shown |= {"ApplicationLogLevel": logging.level, "SystemLogLevel": logging.system_level}
    return shown


def log_group(version: Version) -> str:
    """The log group of a version."""
    return version.logging.group or f"/aws/lambda/{version.function}"


# What a list of functions or versions leaves out (API reference, ListFunctions).
_NOT_LISTED: Final = ("State", "LastUpdateStatus")


def describe_in_list(node: Node, version: Version, qualifier: str = "") -> dict[str, Any]:
    """A FunctionConfiguration as lists have it."""
    described = describe(node, version, qualifier)
    return {member: value for member, value in described.items() if member not in _NOT_LISTED}


def show_time(moment: float, zone: str) -> str:
    """A moment to the millisecond: 2026-01-12T10:00:00.000 and the zone as it is written."""
    text = datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + zone
