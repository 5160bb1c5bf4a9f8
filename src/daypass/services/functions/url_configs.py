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
from daypass.services.functions.errors import conflict, not_found
from daypass.services.functions.names import (
    function_arn,
    lookup,
    permission,
    refer,
)
from daypass.services.functions.tags import URL_ID_TAG
from daypass.store import functions as state
from daypass.store.functions import Cors, Function, FunctionUrl

_PAGE: Final = 50
# Before the qualifier in a marker, so that the marker of the function's own URL is not empty.
_MARK: Final = "after:"
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
        url = None if function is None else function.urls.get(reference.qualifier)
        auth_type = None if url is None else url.auth_type
    context = {} if auth_type is None else {"lambda:functionurlauthtype": auth_type}
    return [permission(call.node, reference, action, context)]


def _needs_list(call: Call) -> Sequence[Permission]:
    reference = refer(call).whole
    return [permission(call.node, reference, "lambda:ListFunctionUrlConfigs", {})]


async def _create(call: Call) -> Mapping[str, Any]:
    node = call.node
    # An alias, or "" for the function itself: the service model lets no version be named.
    qualifier = refer(call).qualifier
    function = _find(call, "Function does not exist")
    arn = function_arn(node, function.name, qualifier)
    tag = f"{URL_ID_TAG}:{qualifier}" if qualifier else URL_ID_TAG
    url = FunctionUrl(
        url_id=function.tags.get(tag) or _new_url_id(),
        function=function.name,
        qualifier=qualifier,
        auth_type=call.input["AuthType"],
        invoke_mode=call.input.get("InvokeMode", "BUFFERED"),
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
            f"the id {url.url_id} of its tag {tag} belongs to another function's URL"
        ) from None
    except state.FunctionStoreError:
        raise not_found("Function does not exist") from None
    shown = _show(node, url)
    del shown["LastModifiedTime"]
    return shown


async def _get(call: Call) -> Mapping[str, Any]:
    return _show(call.node, _find_url(call))


async def _update(call: Call) -> Mapping[str, Any]:
    url = _find_url(call)
    updated = replace(
        url,
        auth_type=call.input.get("AuthType", url.auth_type),
        invoke_mode=call.input.get("InvokeMode", url.invoke_mode),
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
        await call.node.store.write(
            partial(state.delete_url, name=url.function, qualifier=url.qualifier or "")
        )
    except state.NoSuchUrlError:
        raise _no_such_url() from None


async def _list(call: Call) -> Mapping[str, Any]:
    function = lookup(call.node, refer(call).whole)
    if function is None:
        raise not_found("Function does not exist")
    marker = call.input.get("Marker", "")
    limit = min(call.input.get("MaxItems", _PAGE), _PAGE)
    # By qualifier; the function's own, without one, is before all.
    listed = [
        function.urls[qualifier]
        for qualifier in sorted(function.urls)
        if not marker or qualifier > marker.removeprefix(_MARK)
    ]
    output: dict[str, Any] = {
        "FunctionUrlConfigs": [_show(call.node, url) for url in listed[:limit]]
    }
    if len(listed) > limit:
        output["NextMarker"] = f"{_MARK}{listed[limit - 1].qualifier}"
    return output


def _find(call: Call, message: str) -> Function:
    function = lookup(call.node, refer(call))
    if function is None:
        raise not_found(message)
    return function


def _find_url(call: Call) -> FunctionUrl:
    function = _find(call, "The resource you requested does not exist.")
    url = function.urls.get(refer(call).qualifier)
    if url is None:
        raise _no_such_url()
    return url


def _no_such_url() -> ServiceError:
    return not_found("The resource you requested does not exist.")


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
        "FunctionArn": function_arn(node, url.function, url.qualifier or ""),
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
    Operation("ListFunctionUrlConfigs", _needs_list, _list, effect=Effect.READ),
)
