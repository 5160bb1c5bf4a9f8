"""CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, DeleteFunction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.code import check_together, store_code
from daypass.services.functions.configuration import (
    DEFAULT_MEMORY,
    DEFAULT_STORAGE,
    DEFAULT_TIMEOUT,
    PRINCIPAL,
    check_role_account,
    check_runnable,
    check_supported,
    describe,
    find_execution_role,
    read_logging,
    read_timeout,
    read_variables,
)
from daypass.services.functions.errors import (
    conflict,
    function_not_found,
    invalid_parameter,
    stale_revision,
)
from daypass.services.functions.layers import needs_layers, read_layers
from daypass.services.functions.names import (
    find_function,
    function_arn,
    needs,
    permission,
    refer,
)
from daypass.services.functions.tags import check_tags, tag_context
from daypass.store import functions as state
from daypass.store.functions import LATEST, Code, Function, Version

_DEFAULT_ARCHITECTURE: Final = "x86_64"
_SIMPLE: Final = {
    "Role": "role_arn",
    "Handler": "handler",
    "Description": "description",
    "MemorySize": "memory_size",
    "Runtime": "runtime",
}


def _needs_create(call: Call) -> Sequence[Permission]:
    tags: Mapping[str, str] = call.input.get("Tags", {})
    reference = refer(call)
    context = {**tag_context(tags), **_layer_context(call)}
    needed = [permission(call.node, reference, "lambda:CreateFunction", context)]
    if tags:
        needed.append(permission(call.node, reference, "lambda:TagResource", tag_context(tags)))
    return [*needed, _pass_role(call), *needs_layers(call)]


def _needs_update(call: Call) -> Sequence[Permission]:
    declared = needs("lambda:UpdateFunctionConfiguration", _layer_context(call), whole=True)
    needed = [*declared(call), *needs_layers(call)]
    if "Role" in call.input:
        needed.append(_pass_role(call))
    return needed


def _layer_context(call: Call) -> Mapping[str, str | Sequence[str]]:
    layers: Sequence[str] = call.input.get("Layers", [])
    return {"lambda:layer": layers} if layers else {}


def _pass_role(call: Call) -> Permission:
    """Whoever gives a role to a function can do what the role can, so must be let pass it."""
    role_arn: str = call.input["Role"]
    check_role_account(call.node, role_arn)
    context = {
        "iam:passedtoservice": PRINCIPAL,
        "iam:associatedresourcearn": function_arn(call.node, refer(call).name),
    }
    return Permission("iam:PassRole", role_arn, context)


async def _create(call: Call) -> Mapping[str, Any]:
    node = call.node
    reference = refer(call)
    if reference.account != node.account_id or reference.qualifier:
        raise invalid_parameter("A function is created by its name, in the caller's account.")
    check_supported(call)
    if not call.input.get("Runtime") or not call.input.get("Handler"):
        raise invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    check_tags(call.input.get("Tags", {}))
    blank = _blank(call, reference.name)
    configured = _configure(blank, call)
    if node.functions.function(reference.name) is not None:
        raise _exists(reference.name)
    code = await store_code(call, call.input["Code"])
    latest = replace(configured, code=code)
    await _check_together(node, latest, code)
    function = Function(
        name=reference.name,
        latest=latest,
        reserved_concurrency=None,
        tags=dict(call.input.get("Tags", {})),
    )
    try:
        version = await node.store.write(
            partial(
                state.insert_function,
                function=function,
                keys=node.keys,
                publish=call.input.get("Publish", False),
            )
        )
    except state.FunctionExistsError:
        await node.blobs.delete([code.blob])
        raise _exists(reference.name) from None
    except state.NoSuchLayerError as error:
        await node.blobs.delete([code.blob])
        raise _refused(call, error) from error
    return describe(node, _written(node, function.latest, version))


def _written(node: Node, latest: Version, version: str) -> Version:
    """What a change has left: $LATEST, or what it was published as."""
    node.store.refresh()
    function = node.functions.function(latest.function)
    found = None if function is None else function.find(version)
    # Where it was deleted since, what was written.
    return latest if found is None else found


def _blank(call: Call, name: str) -> Version:
    """A version with Lambda's defaults."""
    return Version(
        function=name,
        version=LATEST,
        revision_id=state.new_revision_id(),
        content_id=state.new_revision_id(),
        runtime="",
        role_arn="",
        handler="",
        description="",
        timeout=DEFAULT_TIMEOUT,
        memory_size=DEFAULT_MEMORY,
        ephemeral_storage=DEFAULT_STORAGE,
        architecture=call.input.get("Architectures", [_DEFAULT_ARCHITECTURE])[0],
        variables=None,
        code=state.NO_CODE,
        modified=call.now,
    )


def _exists(name: str) -> ServiceError:
    return conflict(f"Function already exist: {name}")


def _configure(version: Version, call: Call) -> Version:
    """The version with the configuration that a request gives. Raises `ServiceError`."""
    given = call.input
    changes: dict[str, Any] = {
        attribute: given[member] for member, attribute in _SIMPLE.items() if member in given
    }
    if "Timeout" in given:
        changes["timeout"] = read_timeout(call)
    if "EphemeralStorage" in given:
        changes["ephemeral_storage"] = given["EphemeralStorage"]["Size"]
    if "Environment" in given:
        changes["variables"] = read_variables(call)
    if "Layers" in given:
        changes["layers"] = read_layers(call)
    if "LoggingConfig" in given:
        changes["logging"] = read_logging(call, version.logging)
    if "runtime" in changes:
        check_runnable(changes["runtime"])
    if "role_arn" in changes:
        find_execution_role(call.node, changes["role_arn"])
    return replace(version, **changes)


async def _update_code(call: Call) -> Mapping[str, Any]:
    known = find_function(call).latest
    check_supported(call)
    _check_revision(known, call)
    code = await store_code(call, call.input)
    architecture = call.input.get("Architectures", [known.architecture])[0]
    updated = replace(known, code=code, architecture=architecture)
    await _check_together(call.node, updated, code)
    if call.input.get("DryRun"):
        await call.node.blobs.delete([code.blob])
        return describe(call.node, updated)
    try:
        version = await _update(call, known, updated)
    except ServiceError:
        await call.node.blobs.delete([code.blob])
        raise
    return describe(call.node, version, version.version if call.input.get("Publish") else "")


async def _update_configuration(call: Call) -> Mapping[str, Any]:
    known = find_function(call).latest
    check_supported(call)
    _check_revision(known, call)
    configured = _configure(known, call)
    if "Layers" in call.input:
        await check_together(call.node, configured.code, configured.layers)
    return describe(call.node, await _update(call, known, configured))


async def _check_together(node: Node, version: Version, stored: Code) -> None:
    """Check the code with the layers; what was stored of it is deleted if that fails."""
    try:
        await check_together(node, version.code, version.layers)
    except ServiceError:
        await node.blobs.delete([stored.blob])
        raise


async def _update(call: Call, known: Version, updated: Version) -> Version:
    """Make $LATEST what was made of it. Raises `ServiceError`."""
    node = call.node
    # The same code from another blob is the same code; what did not change is not a new version.
    same = replace(updated, code=known.code) == known and updated.code.sha256 == known.code.sha256
    renewed = replace(
        updated,
        revision_id=state.new_revision_id(),
        content_id=known.content_id if same else state.new_revision_id(),
        modified=call.now,
    )
    try:
        done = await node.store.write(
            partial(
                state.update_latest,
                version=renewed,
                keys=node.keys,
                # Of two updates at once the second must not bring back what the first replaced.
                expected_content=known.content_id,
                expected_revision=call.input.get("RevisionId", ""),
                publish=call.input.get("Publish", False),
            )
        )
    except state.StaleContentError:
        raise conflict(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {function_arn(node, known.function)}"
        ) from None
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    await node.blobs.delete(done.released)
    if not same:
        node.environments.retire(known.function, LATEST)
    return _written(node, renewed, done.version)


async def _delete(call: Call) -> Mapping[str, Any]:
    node = call.node
    reference = refer(call)
    if reference.qualifier == LATEST:
        raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
    if reference.qualifier and not reference.qualifier.isdecimal():
        raise invalid_parameter("Deletion of aliases is not currently supported.")
    function = find_function(call)
    try:
        if reference.qualifier:
            released = await node.store.write(
                partial(state.delete_version, name=function.name, number=int(reference.qualifier))
            )
        else:
            released = await node.store.write(partial(state.delete_function, name=function.name))
    except state.VersionInUseError as error:
        raise conflict(
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(error.aliases)}]"
        ) from error
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    await node.blobs.delete(released)
    node.environments.retire(function.name, reference.qualifier or None)
    return {"StatusCode": 204}


def _check_revision(version: Version, call: Call) -> None:
    if call.input.get("RevisionId", version.revision_id) != version.revision_id:
        raise stale_revision()


def _refused(call: Call, error: state.FunctionStoreError) -> ServiceError:
    if isinstance(error, state.StaleRevisionError):
        return stale_revision()
    if isinstance(error, state.NoSuchLayerError):
        return invalid_parameter(f"Layer version {error} does not exist.")
    return function_not_found(refer(call).arn)


OPERATIONS: Final = (
    Operation("CreateFunction", _needs_create, _create),
    Operation("UpdateFunctionCode", needs("lambda:UpdateFunctionCode", whole=True), _update_code),
    Operation("UpdateFunctionConfiguration", _needs_update, _update_configuration),
    Operation("DeleteFunction", needs("lambda:DeleteFunction"), _delete),
)
