"""The data plane of Function URLs: an HTTP request in, the function's HTTP response out."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from daypass.blobs import BlobMissingError
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Permission, Service
from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Request, Response
from daypass.services.functions import cors
from daypass.services.functions.errors import throttled
from daypass.services.functions.invocation import PAYLOAD_LIMIT
from daypass.services.functions.names import (
    Reference,
    choose_version,
    function_arn,
    permission,
)
from daypass.services.functions.running import describe_function, new_trace_id, supplies
from daypass.services.functions.url_codec import (
    OPERATION,
    UrlCodec,
    forbidden_url,
    split_path,
    unknown_url,
)
from daypass.services.functions.url_event import build_event, encode_event
from daypass.services.functions.url_reply import BadReplyError, build_response
from daypass.services.functions.url_stream import gathered_response, stream_response
from daypass.sigv4 import Dialect
from daypass.store.functions import Function, FunctionUrl
from daypass.workers import Event, Invocation, ThrottledError, WorkersError

_log = logging.getLogger("daypass.functions")


def auth_type(node: Node, url_id: str) -> str | None:
    """Who may call the URL of this id: "AWS_IAM", "NONE", or None if there is none."""
    url = node.functions.url(url_id)
    return None if url is None else url.auth_type


def _takes_no_signature(node: Node, path: str) -> bool:
    return auth_type(node, split_path(path)[0]) == "NONE"


def _answer_early(node: Node, request: Request, path: str) -> Response | None:
    """What needs no authentication: there is no such URL, or a browser asks before it calls."""
    url = node.functions.url(split_path(path)[0])
    if url is None:
        return unknown_url()
    if url.qualifier is None:
        return forbidden_url()
    return None if url.cors is None else cors.answer_preflight(url.cors, request)


def _needs(call: Call) -> Sequence[Permission]:
    """Both permissions, as Lambda wants them since October 2025, unless the operator says less."""
    node = call.node
    url, function = _find(call)
    reference = Reference(function.name, url.qualifier or "", node.account_id, node.region)
    context = {"lambda:functionurlauthtype": url.auth_type}
    needed = [permission(node, reference, "lambda:InvokeFunctionUrl", context)]
    if node.function_settings.url_needs_both:
        via = {"lambda:invokedviafunctionurl": "true"}
        needed.append(permission(node, reference, "lambda:InvokeFunction", via))
    return needed


def _find(call: Call) -> tuple[FunctionUrl, Function]:
    url = call.node.functions.url(call.input["UrlId"])
    function = None if url is None else call.node.functions.function(url.function)
    # Deleted while the body was read.
    if url is None or function is None or url.qualifier is None:
        raise ServiceError("AccessDeniedException", "", 403)
    return url, function


async def _invoke(call: Call) -> Mapping[str, Any]:
    node = call.node
    url, function = _find(call)
    version = choose_version(function, url.qualifier or "")
    if version is None:
        raise ServiceError("AccessDeniedException", "", 403)
    trace_id = new_trace_id(call.now)
    event = build_event(
        call, call.input["UrlId"], call.input["RawPath"], call.input["Body"], trace_id
    )
    spec = describe_function(node, function, version)
    given = Event(
        call.request_id,
        encode_event(event),
        trace_id=trace_id,
        function_arn=function_arn(node, function.name, url.qualifier or ""),
    )
    try:
        if url.invoke_mode == "RESPONSE_STREAM":
            response = await stream_response(
                await node.environments.stream(spec, given, supplies(node, version))
            )
        else:
            response = _buffered(
                await node.environments.invoke(spec, given, supplies(node, version))
            )
    except ThrottledError as error:
        raise throttled(error.reason) from error
    except (WorkersError, ServiceError, BlobMissingError, BadReplyError) as error:
        raise _failed(function, str(error)) from error
    response.headers.append(("x-amzn-trace-id", trace_id))
    if url.cors is not None:
        cors.add_headers(url.cors, call.request, response)
    return {"Response": response}


def _buffered(invocation: Invocation) -> Response:
    if invocation.function_error is not None:
        raise BadReplyError("The invocation ended with an error.")
    if invocation.content_type:
        return gathered_response(invocation)
    return build_response(invocation.payload)


def _failed(function: Function, why: str) -> ServiceError:
    """The caller learns that it failed; why, is for the function's owner."""
    _log.info("The URL of the function %s answers 502: %s", function.name, why)
    return ServiceError("InternalServerError", "Internal Server Error", 502)


URL_SERVICE: Final = Service(
    name="lambda",
    codec=UrlCodec(),
    operations={OPERATION: Operation(OPERATION, _needs, _invoke, effect=Effect.DATA_CHANGE)},
    dialect=Dialect.JSON,
    denied="AccessDeniedException",
    body_limit=PAYLOAD_LIMIT,
    early=_answer_early,
    unsigned=_takes_no_signature,
)
