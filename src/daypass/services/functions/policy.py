"""AddPermission, RemovePermission, GetPolicy: a function's resource policy."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.policy import PolicyError, PolicyKind, parse_policy
from daypass.protocol.errors import ServiceError
from daypass.services.functions.errors import (
    alias_not_found,
    conflict,
    function_not_found,
    invalid_parameter,
    not_found,
    stale_revision,
)
from daypass.services.functions.names import (
    find_function,
    is_version,
    lookup,
    needs,
    permission,
    refer,
)
from daypass.store import functions as state
from daypass.store.functions import LATEST, NO_POLICY, Function, Statement, policy_text
from daypass.store.identity import InvalidPrincipalError, ids_to_principals, principals_to_ids

_POLICY_LIMIT: Final = 20_480
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ARN: Final = re.compile(r"arn:aws:(?:iam|sts)::\d{12}:.+", re.ASCII)


def _needs_add(call: Call) -> Sequence[Permission]:
    context: dict[str, str | Sequence[str]] = {"lambda:principal": call.input["Principal"]}
    if "FunctionUrlAuthType" in call.input:
        context["lambda:functionurlauthtype"] = call.input["FunctionUrlAuthType"]
    return [permission(call.node, refer(call), "lambda:AddPermission", context)]


async def _add(call: Call) -> Mapping[str, Any]:
    node = call.node
    if refer(call).qualifier == LATEST:
        raise invalid_parameter("We currently do not support adding policies for $LATEST.")
    function, qualifier = _find(call)
    known = function.policies.get(qualifier, NO_POLICY).statements
    shown = _build_statement(call)
    try:
        stored = principals_to_ids(json.dumps({"Statement": [shown]}), node.identity)
    except InvalidPrincipalError as error:
        raise _invalid_principal() from error
    document = json.dumps(json.loads(stored)["Statement"][0], separators=(",", ":"))
    statement = Statement(call.input["StatementId"], document)
    if any(other.statement_id == statement.statement_id for other in known):
        raise _refused(call, state.StatementExistsError(statement.statement_id))
    check_policy([*known, statement])
    try:
        await node.store.write(
            partial(
                state.insert_statement,
                name=function.name,
                qualifier=qualifier,
                statement=statement,
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error
    return {"Statement": json.dumps(shown, separators=(",", ":"))}


def _find(call: Call) -> tuple[Function, str]:
    """The function, and whose policy is meant: "" the function's own, else the qualifier's."""
    reference = refer(call)
    function = find_function(call)
    if function.find(reference.qualifier) is None:
        if is_version(reference.qualifier):
            raise function_not_found(reference.arn)
        raise alias_not_found(reference.arn)
    # $LATEST has no policy of its own but the function's.
    return function, "" if reference.qualifier == LATEST else reference.qualifier


def _build_statement(call: Call) -> dict[str, Any]:
    given = call.input
    statement: dict[str, Any] = {
        "Sid": given["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(given["Principal"]),
        "Action": given["Action"],
        "Resource": refer(call).arn,
    }
    conditions = _conditions(call)
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(given: str) -> object:
    if given == "*":
        return "*"
    if given.endswith(".amazonaws.com"):
        return {"Service": given}
    if _ACCOUNT.fullmatch(given):
        return {"AWS": f"arn:aws:iam::{given}:root"}
    if _ARN.fullmatch(given):
        return {"AWS": given}
    raise _invalid_principal()


def _invalid_principal() -> ServiceError:
    return invalid_parameter(
        "The provided principal was invalid. Please check the principal and try again."
    )


def _conditions(call: Call) -> dict[str, dict[str, str]]:
    given = call.input
    action: str = given["Action"]
    if "FunctionUrlAuthType" in given and action != "lambda:InvokeFunctionUrl":
        raise invalid_parameter(
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
        )
    if "InvokedViaFunctionUrl" in given and action != "lambda:InvokeFunction":
        raise invalid_parameter(
            "InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action"
        )
    conditions: dict[str, dict[str, str]] = {}
    for operator, key, member in (
        ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
        ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
        ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
        ("StringEquals", "lambda:EventSourceToken", "EventSourceToken"),
        ("ArnLike", "AWS:SourceArn", "SourceArn"),
    ):
        if member in given:
            conditions.setdefault(operator, {})[key] = given[member]
    if "InvokedViaFunctionUrl" in given:
        value = "true" if given["InvokedViaFunctionUrl"] else "false"
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": value}
    return conditions


def check_policy(statements: Sequence[Statement]) -> None:
    """Raise `ServiceError` for a policy that is too long or says what no policy can."""
    text = policy_text(statements)
    if len(text) > _POLICY_LIMIT:
        raise ServiceError(
            "PolicyLengthExceededException",
            f"The final policy size ({len(text)}) is bigger than the limit ({_POLICY_LIMIT}).",
        )
    try:
        parse_policy(text, PolicyKind.RESOURCE)
    except PolicyError as error:
        raise invalid_parameter(f"The permission is not valid: {error}") from error


async def _remove(call: Call) -> None:
    reference = refer(call)
    if lookup(call.node, reference.whole) is None:
        raise not_found(f"No policy found for: {reference.whole.arn}")
    function, qualifier = _find(call)
    if qualifier not in function.policies:
        raise not_found("No policy is associated with the given resource.")
    try:
        await call.node.store.write(
            partial(
                state.delete_statement,
                name=function.name,
                qualifier=qualifier,
                statement_id=call.input["StatementId"],
                expected_revision=call.input.get("RevisionId", ""),
            )
        )
    except state.FunctionStoreError as error:
        raise _refused(call, error) from error


async def _get(call: Call) -> Mapping[str, Any]:
    function, qualifier = _find(call)
    policy = function.policies.get(qualifier)
    if policy is None:
        raise not_found("The resource you requested does not exist.")
    alias = function.aliases.get(qualifier)
    version = function.find(qualifier)
    assert version is not None
    revision_id = version.revision_id if alias is None else alias.revision_id
    return {"Policy": show_policy(call.node, policy.statements), "RevisionId": revision_id}


def show_policy(node: Node, statements: Sequence[Statement]) -> str:
    """The policy with users and roles by their ARNs; the id of what is gone stays an id."""
    return ids_to_principals(policy_text(statements), node.identity)


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
        return stale_revision()
    return function_not_found(refer(call).arn)


OPERATIONS: Final = (
    Operation("AddPermission", _needs_add, _add),
    Operation("RemovePermission", needs("lambda:RemovePermission"), _remove),
    Operation("GetPolicy", needs("lambda:GetPolicy"), _get, effect=Effect.READ),
)
