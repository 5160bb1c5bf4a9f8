"""GetFunction, GetFunctionConfiguration, ListFunctions, and reserved concurrency."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.functions.configuration import describe
from daypass.services.functions.errors import function_not_found, invalid_parameter
from daypass.services.functions.names import find_function, needs, refer
from daypass.store import functions as state

_PAGE: Final = 50
# What a list leaves out (API reference, ListFunctions).
_NOT_LISTED: Final = ("State", "LastUpdateStatus")


async def _get(call: Call) -> Mapping[str, Any]:
    function = find_function(call)
    # The package is no web page here: `Code` has no place where it could be fetched without
    # credentials, as AWS's presigned location is.
    output: dict[str, Any] = {"Configuration": describe(call.node, function), "Code": {}}
    if function.tags:
        output["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        output["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return output


async def _get_configuration(call: Call) -> Mapping[str, Any]:
    return describe(call.node, find_function(call))


def _needs_list(_call: Call) -> Sequence[Permission]:
    return [Permission("lambda:ListFunctions", "*")]


async def _list(call: Call) -> Mapping[str, Any]:
    marker = call.input.get("Marker", "")
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    names = [name for name in call.node.functions.names() if name > marker]
    shown = []
    for name in names[:limit]:
        function = call.node.functions.function(name)
        assert function is not None
        described = describe(call.node, function)
        shown.append({key: value for key, value in described.items() if key not in _NOT_LISTED})
    output: dict[str, Any] = {"Functions": shown}
    if len(names) > limit:
        # The name of the last one shown: what is deleted between two pages moves nothing.
        output["NextMarker"] = names[limit - 1]
    return output


async def _put_concurrency(call: Call) -> Mapping[str, Any]:
    executions: int = call.input["ReservedConcurrentExecutions"]
    await _set_concurrency(call, executions)
    return {"ReservedConcurrentExecutions": executions}


async def _delete_concurrency(call: Call) -> None:
    await _set_concurrency(call, None)


async def _set_concurrency(call: Call, executions: int | None) -> None:
    function = find_function(call)
    if refer(call).qualifier:
        raise invalid_parameter("This operation is permitted on Lambda functions only.")
    try:
        await call.node.store.write(
            partial(state.update_reserved_concurrency, name=function.name, executions=executions)
        )
    except state.NoSuchFunctionError:
        raise function_not_found(refer(call).arn) from None


async def _get_concurrency(call: Call) -> Mapping[str, Any]:
    executions = find_function(call).reserved_concurrency
    return {} if executions is None else {"ReservedConcurrentExecutions": executions}


OPERATIONS: Final = (
    Operation("GetFunction", needs("lambda:GetFunction"), _get, effect=Effect.READ),
    Operation(
        "GetFunctionConfiguration",
        needs("lambda:GetFunctionConfiguration"),
        _get_configuration,
        effect=Effect.READ,
    ),
    Operation("ListFunctions", _needs_list, _list, effect=Effect.READ),
    Operation("PutFunctionConcurrency", needs("lambda:PutFunctionConcurrency"), _put_concurrency),
    Operation(
        "GetFunctionConcurrency",
        needs("lambda:GetFunctionConcurrency"),
        _get_concurrency,
        effect=Effect.READ,
    ),
    Operation(
        "DeleteFunctionConcurrency", needs("lambda:DeleteFunctionConcurrency"), _delete_concurrency
    ),
)
