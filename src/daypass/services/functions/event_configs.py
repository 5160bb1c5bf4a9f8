"""PutFunctionEventInvokeConfig and its siblings: retries, ages and destinations of events."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.services.functions.destinations import may_invoke, read_destination
from daypass.services.functions.errors import invalid_parameter, not_found, unsupported
from daypass.services.functions.names import function_arn, lookup, needs, refer
from daypass.store import functions as state
from daypass.store.functions import LATEST, EventConfig, Function, Version

_PAGE: Final = 50


async def _put(call: Call) -> Mapping[str, Any]:
    _check_given(call)
    function, qualifier = _find(call)
    blank = EventConfig(function.name, qualifier, None, None, "", "", call.now)
    return await _write(call, function, blank)


async def _update(call: Call) -> Mapping[str, Any]:
    _check_given(call)
    function, qualifier = _find(call)
    known = function.event_configs.get(qualifier)
    if known is None:
        raise _no_config(call)
    return await _write(call, function, replace(known, modified=call.now))


async def _write(call: Call, function: Function, config: EventConfig) -> Mapping[str, Any]:
    """Store the configuration with what the request gives."""
    given = call.input
    destinations: Mapping[str, Any] = given.get("DestinationConfig", {})
    configured = replace(
        config,
        retries=given.get("MaximumRetryAttempts", config.retries),
        longest_age=given.get("MaximumEventAgeInSeconds", config.longest_age),
    )
    if "DestinationConfig" in given:
        configured = replace(
            configured,
            on_success=destinations.get("OnSuccess", {}).get("Destination", ""),
            on_failure=destinations.get("OnFailure", {}).get("Destination", ""),
        )
    version = function.find(config.qualifier)
    assert version is not None
    for arn in filter(None, (configured.on_success, configured.on_failure)):
        _check_destination(call.node, version, arn)
    try:
        await call.node.store.write(partial(state.put_event_config, config=configured))
    except state.FunctionStoreError:
        raise _no_function() from None
    return _show(call.node, configured)


def _check_destination(node: Node, version: Version, arn: str) -> None:
    """Raise InvalidParameterValueException for what no record can be sent to."""
    service = arn.split(":")[2] if arn.startswith("arn:") else arn.partition(":")[0]
    if service != "lambda":
        raise unsupported(f"A destination of {service}")
    reference = read_destination(node, arn)
    if reference is None:
        raise invalid_parameter(f"The destination ARN {arn} is invalid.")
    if reference.name == version.function:
        raise invalid_parameter("You can't specify the function as a destination for itself.")
    if not may_invoke(node, version.role_arn, version.function, reference):
        raise invalid_parameter(
            "The function's execution role does not have permissions to call InvokeFunction on "
            f"{arn}"
        )


def _check_given(call: Call) -> None:
    settings = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    if not any(setting in call.input for setting in settings):
        raise invalid_parameter(
            "You must specify at least one of error handling or destination setting."
        )


def _find(call: Call) -> tuple[Function, str]:
    reference = refer(call)
    function = lookup(call.node, reference)
    if function is None:
        raise _no_function()
    return function, reference.qualifier or LATEST


def _no_function() -> ServiceError:
    return not_found("The function doesn't exist.")


def _no_config(call: Call) -> ServiceError:
    reference = refer(call)
    arn = replace(reference, qualifier=reference.qualifier or LATEST).arn
    return not_found(f"The function {arn} doesn't have an EventInvokeConfig")


async def _get(call: Call) -> Mapping[str, Any]:
    reference = refer(call)
    function = lookup(call.node, reference)
    config = None
    if function is not None:
        config = function.event_configs.get(reference.qualifier or LATEST)
    if config is None:
        raise _no_config(call)
    return _show(call.node, config)


async def _delete(call: Call) -> None:
    reference = refer(call)
    try:
        await call.node.store.write(
            partial(
                state.delete_event_config,
                name=reference.name if reference.account == call.node.account_id else "",
                qualifier=reference.qualifier or LATEST,
            )
        )
    except state.NoSuchEventConfigError:
        raise _no_config(call) from None


async def _list(call: Call) -> Mapping[str, Any]:
    function = lookup(call.node, refer(call).whole)
    if function is None:
        raise _no_function()
    marker = call.input.get("Marker", "")
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    listed = [
        config for qualifier, config in sorted(function.event_configs.items()) if qualifier > marker
    ]
    output: dict[str, Any] = {
        "FunctionEventInvokeConfigs": [_show(call.node, config) for config in listed[:limit]]
    }
    if len(listed) > limit:
        output["NextMarker"] = listed[limit - 1].qualifier
    return output


def _show(node: Node, config: EventConfig) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "LastModified": config.modified,
        "FunctionArn": function_arn(node, config.function, config.qualifier),
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    if config.retries is not None:
        shown["MaximumRetryAttempts"] = config.retries
    if config.longest_age is not None:
        shown["MaximumEventAgeInSeconds"] = config.longest_age
    return shown


OPERATIONS: Final = (
    Operation("PutFunctionEventInvokeConfig", needs("lambda:PutFunctionEventInvokeConfig"), _put),
    Operation(
        "UpdateFunctionEventInvokeConfig", needs("lambda:UpdateFunctionEventInvokeConfig"), _update
    ),
    Operation(
        "GetFunctionEventInvokeConfig",
        needs("lambda:GetFunctionEventInvokeConfig"),
        _get,
        effect=Effect.READ,
    ),
    Operation(
        "DeleteFunctionEventInvokeConfig", needs("lambda:DeleteFunctionEventInvokeConfig"), _delete
    ),
    Operation(
        "ListFunctionEventInvokeConfigs",
        needs("lambda:ListFunctionEventInvokeConfigs", whole=True),
        _list,
        effect=Effect.READ,
    ),
)
