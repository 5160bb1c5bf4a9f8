"""Reserved concurrency, and what the account may have and has: GetAccountSettings."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.functions.code import PACKAGE_LIMIT, STORAGE_LIMIT, stored_bytes
from daypass.services.functions.errors import function_not_found, invalid_parameter
from daypass.services.functions.names import find_function, needs, refer
from daypass.store import functions as state
from daypass.workers import UNPACKED_LIMIT


async def _put(call: Call) -> Mapping[str, Any]:
    executions: int = call.input["ReservedConcurrentExecutions"]
    _check_whole(call)
    function = find_function(call)
    settings = call.node.function_settings
    # What it reserves now is free again.
    others = call.node.functions.reserved_concurrency - (function.reserved_concurrency or 0)
    if settings.concurrency - others - executions < settings.least_unreserved and executions:
        raise invalid_parameter(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of "
            f"[{settings.least_unreserved}]."
        )
    await _set(call, executions)
    return {"ReservedConcurrentExecutions": executions}


async def _delete(call: Call) -> None:
    _check_whole(call)
    await _set(call, None)


def _check_whole(call: Call) -> None:
    if refer(call).qualifier:
        raise invalid_parameter(
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN."
        )


async def _set(call: Call, executions: int | None) -> None:
    function = find_function(call)
    try:
        await call.node.store.write(
            partial(state.update_reserved_concurrency, name=function.name, executions=executions)
        )
    except state.NoSuchFunctionError:
        raise function_not_found(refer(call).arn) from None


async def _get(call: Call) -> Mapping[str, Any]:
    executions = find_function(call).reserved_concurrency
    return {} if executions is None else {"ReservedConcurrentExecutions": executions}


def _needs_settings(_call: Call) -> Sequence[Permission]:
    return [Permission("lambda:GetAccountSettings", "*")]


async def _get_settings(call: Call) -> Mapping[str, Any]:
    node = call.node
    concurrency = node.function_settings.concurrency
    return {
        "AccountLimit": {
            "TotalCodeSize": STORAGE_LIMIT,
            "CodeSizeUnzipped": UNPACKED_LIMIT,
            "CodeSizeZipped": PACKAGE_LIMIT,
            "ConcurrentExecutions": concurrency,
            "UnreservedConcurrentExecutions": max(
                0, concurrency - node.functions.reserved_concurrency
            ),
        },
        "AccountUsage": {
            "TotalCodeSize": stored_bytes(node),
            "FunctionCount": len(node.functions.names()),
        },
    }


OPERATIONS: Final = (
    Operation("PutFunctionConcurrency", needs("lambda:PutFunctionConcurrency", whole=True), _put),
    Operation(
        "GetFunctionConcurrency",
        needs("lambda:GetFunctionConcurrency", whole=True),
        _get,
        effect=Effect.READ,
    ),
    Operation(
        "DeleteFunctionConcurrency", needs("lambda:DeleteFunctionConcurrency", whole=True), _delete
    ),
    Operation("GetAccountSettings", _needs_settings, _get_settings, effect=Effect.READ),
)
