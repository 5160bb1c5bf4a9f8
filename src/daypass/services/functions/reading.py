"""GetFunction, GetFunctionConfiguration, ListFunctions, and reserved concurrency."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.services.functions.configuration import describe, describe_in_list
from daypass.services.functions.names import find_function, find_version, needs, refer
from daypass.store.functions import Function, Version

_PAGE: Final = 50

# What is listed, by the marker that a page ends with.
_Item = tuple[str, Mapping[str, Any]]


async def _get(call: Call) -> Mapping[str, Any]:
    version = find_version(call)
    function = find_function(call)
    # The package is no web page here: `Code` has no place where it could be fetched without
    # credentials, as AWS's presigned location is.
    output: dict[str, Any] = {
        "Configuration": describe(call.node, version, refer(call).qualifier),
        "Code": {},
    }
    if function.tags:
        output["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        output["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return output


async def _get_configuration(call: Call) -> Mapping[str, Any]:
    return describe(call.node, find_version(call), refer(call).qualifier)


def _needs_list(_call: Call) -> Sequence[Permission]:
    return [Permission("lambda:ListFunctions", "*")]


async def _list(call: Call) -> Mapping[str, Any]:
    node = call.node
    marker = call.input.get("Marker", "")
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    if call.input.get("FunctionVersion") == "ALL":
        return _page(_every_version(node, marker), limit)
    names = [name for name in node.functions.names() if name > marker][: limit + 1]
    found = [node.functions.function(name) for name in names]
    return _page(
        [
            (function.name, describe_in_list(node, function.latest))
            for function in found
            if function is not None
        ],
        limit,
    )


def _every_version(node: Node, marker: str) -> list[_Item]:
    """Every version of every function, $LATEST first. marker: NAME:NUMBER, the last one shown."""
    after_name, _, after_number = marker.partition(":")
    after = (after_name, int(after_number) if after_number.isdecimal() else -1)
    return [
        (f"{name}:{number}", describe_in_list(node, version, version.version))
        for name in node.functions.names()
        if (function := node.functions.function(name)) is not None
        for number, version in enumerate_versions(function)
        if (name, number) > after
    ]


def enumerate_versions(function: Function) -> list[tuple[int, Version]]:
    """$LATEST as 0, and what was published by number."""
    published = [(int(version.version), version) for version in function.versions.values()]
    return [(0, function.latest), *sorted(published, key=lambda item: item[0])]


def _page(items: Sequence[_Item], limit: int) -> Mapping[str, Any]:
    output: dict[str, Any] = {"Functions": [shown for _, shown in items[:limit]]}
    if len(items) > limit:
        # The last one shown: what is deleted between two pages moves nothing.
        output["NextMarker"] = items[limit - 1][0]
    return output


OPERATIONS: Final = (
    Operation("GetFunction", needs("lambda:GetFunction"), _get, effect=Effect.READ),
    Operation(
        "GetFunctionConfiguration",
        needs("lambda:GetFunctionConfiguration"),
        _get_configuration,
        effect=Effect.READ,
    ),
    Operation("ListFunctions", _needs_list, _list, effect=Effect.READ),
)
