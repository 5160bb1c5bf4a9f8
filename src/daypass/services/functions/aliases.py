"""CreateAlias and its siblings: names for versions, and shares of the load for two of them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import (
    alias_not_found,
    conflict,
    function_not_found,
    invalid_parameter,
    stale_revision,
)
from daypass.services.functions.names import find_function, function_arn, lookup, needs, refer
from daypass.store import functions as state
from daypass.store.functions import LATEST, Alias

_PAGE: Final = 50


async def _create(call: Call) -> Mapping[str, Any]:
    node = call.node
    reference = refer(call).whole
    version: str = call.input["FunctionVersion"]
    if lookup(node, replace(reference, qualifier=version)) is None:
        raise function_not_found(f"{reference.arn}:{version}")
    alias = Alias(
        function=reference.name,
        name=call.input["Name"],
        version=version,
        description=call.input.get("Description", ""),
        weights=_read_weights(call, version),
        revision_id=state.new_revision_id(),
    )
    try:
        await node.store.write(partial(state.insert_alias, alias=alias))
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    return _show(node, alias)


async def _get(call: Call) -> Mapping[str, Any]:
    return _show(call.node, _find(call))


async def _update(call: Call) -> Mapping[str, Any]:
    known = _find(call)
    version: str = call.input.get("FunctionVersion", known.version)
    weights = known.weights
    if "RoutingConfig" in call.input:
        weights = _read_weights(call, version)
    elif version in weights or (weights and version == LATEST):
        _check_weights(weights, version)
    alias = replace(
        known,
        version=version,
        description=call.input.get("Description", known.description),
        weights=weights,
        revision_id=state.new_revision_id(),
    )
    try:
        await call.node.store.write(
            partial(
                state.update_alias,
                alias=alias,
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    return _show(call.node, alias)


async def _delete(call: Call) -> None:
    function = find_function(call)
    # One that does not exist is deleted already, as at AWS.
    try:
        await call.node.store.write(
            partial(state.delete_alias, name=function.name, alias=call.input["Name"])
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error


async def _list(call: Call) -> Mapping[str, Any]:
    function = find_function(call)
    version = call.input.get("FunctionVersion")
    marker = call.input.get("Marker", "")
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    listed = [
        alias
        for name, alias in sorted(function.aliases.items())
        if name > marker and version in {None, alias.version}
    ]
    output: dict[str, Any] = {"Aliases": [_show(call.node, alias) for alias in listed[:limit]]}
    if len(listed) > limit:
        output["NextMarker"] = listed[limit - 1].name
    return output


def _find(call: Call) -> Alias:
    function = find_function(call)
    alias = function.aliases.get(call.input["Name"])
    if alias is None:
        raise _no_such_alias(call)
    return alias


def _no_such_alias(call: Call) -> ServiceError:
    reference = refer(call)
    return alias_not_found(f"{reference.whole.arn}:{call.input['Name']}")


def _read_weights(call: Call, version: str) -> Mapping[str, float]:
    """The shares of other versions. Raises `ServiceError`."""
    given = call.input.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    weights: Mapping[str, float] = dict(given)
    _check_weights(weights, version)
    reference = refer(call).whole
    for other in weights:
        if lookup(call.node, replace(reference, qualifier=other)) is None:
            raise function_not_found(f"{reference.arn}:{other}")
    return weights


def _check_weights(weights: Mapping[str, float], version: str) -> None:
    if len(weights) > 1:
        raise invalid_parameter(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    if version in weights:
        raise invalid_parameter(
            f"Invalid function version {version}. Function version {version} is already included "
            "in routing configuration."
        )
    if weights and version == LATEST:
        raise invalid_parameter(
            "$LATEST is not supported for an alias pointing to more than 1 version"
        )


def _refused(call: Call, error: state.FunctionStoreError) -> ServiceError:
    reference = refer(call).whole
    if isinstance(error, state.AliasExistsError):
        return conflict(f"Alias already exists: {reference.arn}:{call.input['Name']}")
    if isinstance(error, state.StaleRevisionError):
        return stale_revision()
    if isinstance(error, state.NoSuchAliasError):
        return _no_such_alias(call)
    if isinstance(error, state.NoSuchVersionError):
        return function_not_found(f"{reference.arn}:{error.version}")
    return function_not_found(reference.arn)


def _show(node: Node, alias: Alias) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AliasArn": function_arn(node, alias.function, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shown


OPERATIONS: Final = (
    Operation("CreateAlias", needs("lambda:CreateAlias", whole=True), _create),
    Operation("GetAlias", needs("lambda:GetAlias", whole=True), _get, effect=Effect.READ),
    Operation("UpdateAlias", needs("lambda:UpdateAlias", whole=True), _update),
    Operation("DeleteAlias", needs("lambda:DeleteAlias", whole=True), _delete),
    Operation("ListAliases", needs("lambda:ListAliases", whole=True), _list, effect=Effect.READ),
)
