"""PublishLayerVersion and its siblings: files that functions share, unpacked below /opt."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.code import store_code
from daypass.services.functions.configuration import show_time
from daypass.services.functions.errors import invalid_parameter, not_found
from daypass.services.functions.layer_names import (
    LayerReference,
    layer_arn,
    layer_permission,
    lookup_layer,
    read_layer_reference,
)
from daypass.store import functions as state
from daypass.store.functions import Layer, LayerVersion, read_layer_versions

_PAGE: Final = 50
LAYERS_LIMIT: Final = 5


def _refer(call: Call) -> LayerReference:
    version: int = call.input.get("VersionNumber", 0)
    return read_layer_reference(call.node, call.input["LayerName"], version)


def _needs_publish(call: Call) -> Sequence[Permission]:
    reference = replace(_refer(call), version=0)
    return [layer_permission(call.node, reference, "lambda:PublishLayerVersion")]


def _needs_version(call: Call) -> Sequence[Permission]:
    return [layer_permission(call.node, _refer(call), f"lambda:{call.operation.name}")]


def _needs_by_arn(call: Call) -> Sequence[Permission]:
    reference = read_layer_reference(call.node, call.input["Arn"])
    return [layer_permission(call.node, reference, "lambda:GetLayerVersion")]


def _needs_list(call: Call) -> Sequence[Permission]:
    return [Permission(f"lambda:{call.operation.name}", "*")]


async def _publish(call: Call) -> Mapping[str, Any]:
    node = call.node
    reference = _refer(call)
    if not reference.is_of(node):
        raise not_found("The resource you requested does not exist.")
    version = LayerVersion(
        layer=reference.name,
        number=0,
        revision_id=state.new_revision_id(),
        description=call.input.get("Description", ""),
        license_info=call.input.get("LicenseInfo"),
        runtimes=call.input.get("CompatibleRuntimes", []),
        architectures=call.input.get("CompatibleArchitectures", []),
        code=await store_code(call, call.input["Content"]),
        created=call.now,
    )
    number = await node.store.write(partial(state.insert_layer_version, version=version))
    return _show(node, replace(version, number=number))


async def _get(call: Call) -> Mapping[str, Any]:
    reference = _refer(call)
    if reference.version < 1:
        raise invalid_parameter("Layer Version Cannot be less than 1")
    return _show(call.node, _find(call.node, reference))


async def _get_by_arn(call: Call) -> Mapping[str, Any]:
    return _show(call.node, _find(call.node, read_layer_reference(call.node, call.input["Arn"])))


def _find(node: Node, reference: LayerReference) -> LayerVersion:
    found = lookup_layer(node, reference)
    if found is None:
        raise not_found("The resource you requested does not exist.")
    return found


async def _delete(call: Call) -> None:
    reference = _refer(call)
    if reference.version < 1:
        raise invalid_parameter("Layer Version Cannot be less than 1")
    # One that does not exist is deleted already, as at AWS.
    if lookup_layer(call.node, reference) is not None:
        released = await call.node.store.write(
            partial(state.delete_layer_version, layer=reference.name, number=reference.version)
        )
        await call.node.blobs.delete(released)


async def _list_versions(call: Call) -> Mapping[str, Any]:
    node = call.node
    reference = _refer(call)
    if not reference.is_of(node):
        return {"LayerVersions": []}
    marker = call.input.get("Marker", "")
    before = int(marker) if marker.isascii() and marker.isdecimal() else None
    listed = [
        version
        for version in _matching(call, read_layer_versions(node.store.reader, reference.name))
        if before is None or version.number < before
    ]
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    output: dict[str, Any] = {
        "LayerVersions": [_show_in_list(node, version) for version in listed[:limit]]
    }
    if len(listed) > limit:
        output["NextMarker"] = str(listed[limit - 1].number)
    return output


async def _list(call: Call) -> Mapping[str, Any]:
    node = call.node
    marker = call.input.get("Marker", "")
    newest: dict[str, LayerVersion] = {}
    for version in _matching(call, read_layer_versions(node.store.reader)):
        if version.layer > marker:
            newest.setdefault(version.layer, version)
    listed = list(newest.values())
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    output: dict[str, Any] = {
        "Layers": [
            {
                "LayerName": version.layer,
                "LayerArn": layer_arn(node, version.layer),
                "LatestMatchingVersion": _show_in_list(node, version),
            }
            for version in listed[:limit]
        ]
    }
    if len(listed) > limit:
        output["NextMarker"] = listed[limit - 1].layer
    return output


def _matching(call: Call, versions: Sequence[LayerVersion]) -> list[LayerVersion]:
    """Those compatible with what is asked for; a version that names none is with none."""
    runtime = call.input.get("CompatibleRuntime")
    architecture = call.input.get("CompatibleArchitecture")
    return [
        version
        for version in versions
        if (runtime is None or runtime in version.runtimes)
        and (architecture is None or architecture in version.architectures)
    ]


def _show(node: Node, version: LayerVersion) -> dict[str, Any]:
    digest = base64.b64encode(bytes.fromhex(version.code.sha256)).decode()
    return {
        # As with functions, there is no place where it could be fetched without credentials.
        "Content": {"CodeSha256": digest, "CodeSize": version.code.size},
        "LayerArn": layer_arn(node, version.layer),
        **_show_in_list(node, version),
    }


def _show_in_list(node: Node, version: LayerVersion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "LayerVersionArn": layer_arn(node, version.layer, version.number),
        "Version": version.number,
        "Description": version.description,
        "CreatedDate": show_time(version.created, "+0000"),
    }
    if version.license_info is not None:
        shown["LicenseInfo"] = version.license_info
    if version.runtimes:
        shown["CompatibleRuntimes"] = version.runtimes
    if version.architectures:
        shown["CompatibleArchitectures"] = version.architectures
    return shown


# -- the layers of a function ----------------------------------------------------------------


def needs_layers(call: Call) -> list[Permission]:
    """Whoever gives layers to a function must be let have them."""
    references = [read_layer_reference(call.node, arn) for arn in call.input.get("Layers", [])]
    return [
        layer_permission(call.node, reference, "lambda:GetLayerVersion") for reference in references
    ]


def read_layers(call: Call) -> tuple[Layer, ...]:
    """The layers that a request names, in order. Raises InvalidParameterValueException."""
    node = call.node
    arns: Sequence[str] = call.input["Layers"]
    if len(arns) > LAYERS_LIMIT:
        raise invalid_parameter(f"Cannot reference more than {LAYERS_LIMIT} layers.")
    used: dict[str, str] = {}
    layers = []
    for arn in arns:
        reference = read_layer_reference(node, arn)
        if reference.account == node.account_id and reference.region != node.region:
            raise invalid_parameter(
                "Layers are not in the same region as the function. Layers are expected to be in "
                f"region {node.region}."
            )
        found = lookup_layer(node, reference)
        if found is None:
            raise invalid_parameter(f"Layer version {arn} does not exist.")
        if reference.name in used:
            raise _two_versions(used[reference.name], arn)
        used[reference.name] = arn
        layers.append(Layer(reference.arn, found.code))
    return tuple(layers)


def _two_versions(first: str, second: str) -> ServiceError:
    return invalid_parameter(
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {first} and {second} are versions of the same layer."
    )


OPERATIONS: Final = (
    Operation("PublishLayerVersion", _needs_publish, _publish),
    Operation("GetLayerVersion", _needs_version, _get, effect=Effect.READ),
    Operation("GetLayerVersionByArn", _needs_by_arn, _get_by_arn, effect=Effect.READ),
    Operation("DeleteLayerVersion", _needs_version, _delete),
    Operation("ListLayers", _needs_list, _list, effect=Effect.READ),
    Operation("ListLayerVersions", _needs_list, _list_versions, effect=Effect.READ),
)
