"""What functions have none of here, said to those who ask: tools ask before they change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import function_not_found
from daypass.services.functions.names import find_function, find_version, lookup, needs, refer


async def _no_code_signing(call: Call) -> Mapping[str, Any]:
    find_function(call)
    return {}


async def _runtime_management(call: Call) -> Mapping[str, Any]:
    """There is one version of each runtime: the machine's."""
    find_version(call)
    return {"UpdateRuntimeOn": "Auto", "FunctionArn": refer(call).arn}


async def _no_provisioned(call: Call) -> Mapping[str, Any]:
    find_version(call)
    raise ServiceError(
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
        404,
    )


async def _none_provisioned(call: Call) -> Mapping[str, Any]:
    find_function(call)
    return {"ProvisionedConcurrencyConfigs": []}


def _needs_mappings(_call: Call) -> Sequence[Permission]:
    return [Permission("lambda:ListEventSourceMappings", "*")]


async def _no_mappings(call: Call) -> Mapping[str, Any]:
    if "FunctionName" in call.input and lookup(call.node, refer(call)) is None:
        raise function_not_found(refer(call).arn)
    return {"EventSourceMappings": []}


OPERATIONS: Final = (
    Operation(
        "GetFunctionCodeSigningConfig",
        needs("lambda:GetFunctionCodeSigningConfig", whole=True),
        _no_code_signing,
        effect=Effect.READ,
    ),
    Operation(
        "GetRuntimeManagementConfig",
        needs("lambda:GetRuntimeManagementConfig"),
        _runtime_management,
        effect=Effect.READ,
    ),
    Operation(
        "GetProvisionedConcurrencyConfig",
        needs("lambda:GetProvisionedConcurrencyConfig"),
        _no_provisioned,
        effect=Effect.READ,
    ),
    Operation(
        "ListProvisionedConcurrencyConfigs",
        needs("lambda:ListProvisionedConcurrencyConfigs", whole=True),
        _none_provisioned,
        effect=Effect.READ,
    ),
    Operation("ListEventSourceMappings", _needs_mappings, _no_mappings, effect=Effect.READ),
)
