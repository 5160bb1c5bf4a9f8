"""AddLayerVersionPermission and its siblings: who else may use a layer's version."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import conflict, invalid_parameter, not_found
from daypass.services.functions.layer_names import (
    LayerReference,
    layer_permission,
    lookup_layer,
    read_layer_reference,
)
from daypass.services.functions.policy import check_policy
from daypass.store import functions as state
from daypass.store.functions import LayerVersion, Statement, policy_text

_ROOT: Final = ":root"


def _refer(call: Call) -> LayerReference:
    return read_layer_reference(call.node, call.input["LayerName"], call.input["VersionNumber"])


def _needs(call: Call) -> Sequence[Permission]:
    return [layer_permission(call.node, _refer(call), f"lambda:{call.operation.name}")]


async def _add(call: Call) -> Mapping[str, Any]:
    reference = _refer(call)
    version = _find(call)
    statement = {
        "Sid": call.input["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(call.input["Principal"]),
        "Action": call.input["Action"],
        "Resource": reference.arn,
    }
    if "OrganizationId" in call.input:
        if call.input["Principal"] != "*":
            raise invalid_parameter("OrganizationId can only be given with the Principal *.")
        organization = call.input["OrganizationId"]
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    document = json.dumps(statement, separators=(",", ":"))
    added = Statement(call.input["StatementId"], document)
    if any(known.statement_id == added.statement_id for known in version.statements):
        raise _refused(call, state.StatementExistsError(added.statement_id))
    check_policy([*version.statements, added])
    try:
        revision_id = await call.node.store.write(
            partial(
                state.insert_layer_statement,
                layer=reference.name,
                number=reference.version,
                statement=added,
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    return {"Statement": document, "RevisionId": revision_id}


def _principal(given: str) -> object:
    if given == "*":
        return "*"
    arn = given if given.endswith(_ROOT) else f"arn:aws:iam::{given}{_ROOT}"
    return {"AWS": arn}


async def _remove(call: Call) -> None:
    reference = _refer(call)
    _find(call)
    try:
        await call.node.store.write(
            partial(
                state.delete_layer_statement,
                layer=reference.name,
                number=reference.version,
                statement_id=call.input["StatementId"],
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error


async def _get(call: Call) -> Mapping[str, Any]:
    version = _find(call)
    if not version.statements:
        raise not_found("No policy is associated with the given resource.")
    return {"Policy": policy_text(version.statements), "RevisionId": version.revision_id}


def _find(call: Call) -> LayerVersion:
    found = lookup_layer(call.node, _refer(call))
    if found is None:
        raise _no_such_layer(call)
    return found


def _no_such_layer(call: Call) -> ServiceError:
    return not_found(f"Layer version {_refer(call).arn} does not exist.")


def _refused(call: Call, error: state.FunctionStoreError) -> ServiceError:
    statement_id = call.input["StatementId"]
    if isinstance(error, state.StatementExistsError):
        return conflict(
            f"The statement id ({statement_id}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement."
        )
    if isinstance(error, state.NoSuchStatementError):
        return not_found(f"Statement {statement_id} is not found in resource policy.")
    if isinstance(error, state.StaleRevisionError):
        return ServiceError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetLayerPolicy API to retrieve the latest Revision Id",
            412,
        )
    return _no_such_layer(call)


OPERATIONS: Final = (
    Operation("AddLayerVersionPermission", _needs, _add),
    Operation("RemoveLayerVersionPermission", _needs, _remove),
    Operation("GetLayerVersionPolicy", _needs, _get, effect=Effect.READ),
)
