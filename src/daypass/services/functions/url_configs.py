"""CreateFunctionUrlConfig and its siblings: whether and how a function has a URL."""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission
from daypass.protocol.errors import ServiceError
from daypass.services.functions.configuration import show_time
from daypass.services.functions.errors import conflict, not_found, unsupported
from daypass.services.functions.names import function_arn, lookup, permission, refer
from daypass.services.functions.tags import URL_ID_TAG
from daypass.store import functions as state
from daypass.store.functions import Cors, Function, FunctionUrl

_URL_ID_LENGTH: Final = 32
_URL_ID_CHARACTERS: Final = string.ascii_lowercase + string.digits
_CORS_MEMBERS: Final = {
    "AllowCredentials": "allow_credentials",
    "AllowHeaders": "allow_headers",
    "AllowMethods": "allow_methods",
    "AllowOrigins": "allow_origins",
    "ExposeHeaders": "expose_headers",
    "MaxAge": "max_age",
}


def _needs_given(call: Call) -> Sequence[Permission]:
    """The action by its name, and the AuthType that is asked for, or that there is."""
    action = f"lambda:{call.operation.name}"
    reference = refer(call)
    auth_type = call.input.get("AuthType")
    if auth_type is None:
        function = lookup(call.node, reference)
        auth_type = function.url.auth_type if function and function.url else None
    context = {} if auth_type is None else {"lambda:functionurlauthtype": auth_type}
    return [permission(call.node, reference, action, context)]


async def _create(call: Call) -> Mapping[str, Any]:
    node = call.node
    function = _find(call, "Function does not exist")
    _check_mode(call)
    arn = function_arn(node, function.name)
    url = FunctionUrl(
        url_id=function.tags.get(URL_ID_TAG) or _new_url_id(),
        function=function.name,
        auth_type=call.input["AuthType"],
        invoke_mode="BUFFERED",
        cors=_read_cors(call),
        created=call.now,
        modified=call.now,
    )
    try:
        await node.store.write(partial(state.insert_url, url=url))
    except state.UrlExistsError:
        raise conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            "FunctionUrlConfig exists for this Lambda function"
        ) from None
    except state.UrlIdTakenError:
        raise conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            f"the id {url.url_id} of its tag {URL_ID_TAG} belongs to another function's URL"
        ) from None
    except state.NoSuchFunctionError:
        raise not_found("Function does not exist") from None
    shown = _show(node, url)
    del shown["LastModifiedTime"]
    return shown


async def _get(call: Call) -> Mapping[str, Any]:
    return _show(call.node, _find_url(call))


async def _update(call: Call) -> Mapping[str, Any]:
    url = _find_url(call)
    _check_mode(call)
    updated = replace(
        url,
        auth_type=call.input.get("AuthType", url.auth_type),
        cors=_read_cors(call) if "Cors" in call.input else url.cors,
        modified=call.now,
    )
    try:
        await call.node.store.write(partial(state.update_url, url=updated))
    except state.NoSuchUrlError:
        raise _no_such_url() from None
    return _show(call.node, updated)


async def _delete(call: Call) -> None:
    url = _find_url(call)
    try:
        await call.node.store.write(partial(state.delete_url, name=url.function))
    except state.NoSuchUrlError:
        raise _no_such_url() from None


async def _list(call: Call) -> Mapping[str, Any]:
    url = _find(call, "Function does not exist").url
    return {"FunctionUrlConfigs": [] if url is None else [_show(call.node, url)]}


def _find(call: Call, message: str) -> Function:
    reference = refer(call)
    function = lookup(call.node, reference)
    # A URL belongs to the function itself or to an alias, and there are no aliases yet.
    if function is None or reference.qualifier:
        raise not_found(message)
    return function


def _find_url(call: Call) -> FunctionUrl:
    url = _find(call, "The resource you requested does not exist.").url
    if url is None:
        raise _no_such_url()
    return url


def _no_such_url() -> ServiceError:
    return not_found("The resource you requested does not exist.")


def _check_mode(call: Call) -> None:
    if call.input.get("InvokeMode", "BUFFERED") != "BUFFERED":
        raise unsupported("The InvokeMode RESPONSE_STREAM")


def _new_url_id() -> str:
    return "".join(secrets.choice(_URL_ID_CHARACTERS) for _ in range(_URL_ID_LENGTH))


def _read_cors(call: Call) -> Cors | None:
    given: Mapping[str, Any] = call.input.get("Cors", {})
    if not given:
        return None
    return Cors(**{_CORS_MEMBERS[member]: value for member, value in given.items()})


def _show(node: Node, url: FunctionUrl) -> dict[str, Any]:
    shown: dict[str, Any] = {
        # By path: names under localhost do not resolve everywhere, and AWS's lead to AWS.
        "FunctionUrl": f"{node.endpoint_url}/_urls/{url.url_id}/",
        "FunctionArn": function_arn(node, url.function),
        "AuthType": url.auth_type,
        "CreationTime": show_time(url.created, "Z"),
        "LastModifiedTime": show_time(url.modified, "Z"),
        "InvokeMode": url.invoke_mode,
    }
    if url.cors is not None:
        configured = asdict(url.cors)
        shown["Cors"] = {
            member: configured[name]
            for member, name in _CORS_MEMBERS.items()
            if configured[name] is not None
        }
    return shown


OPERATIONS: Final = (
    Operation("CreateFunctionUrlConfig", _needs_given, _create),
    Operation("GetFunctionUrlConfig", _needs_given, _get, effect=Effect.READ),
    Operation("UpdateFunctionUrlConfig", _needs_given, _update),
    Operation("DeleteFunctionUrlConfig", _needs_given, _delete),
    Operation("ListFunctionUrlConfigs", _needs_given, _list, effect=Effect.READ),
)
