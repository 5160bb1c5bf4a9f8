"""Invoke: run a function and wait, have it run, or ask whether one may."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from daypass.blobs import BlobMissingError
from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.services.functions import asynchronous
from daypass.services.functions.errors import (
    function_not_found,
    invalid_content,
    throttled,
    too_large,
    unsupported,
)
from daypass.services.functions.names import choose_version, lookup, needs, refer
from daypass.services.functions.running import describe_function, new_trace_id, supplies
from daypass.store.functions import Function, Version
from daypass.store.functions.events import QueueFullError
from daypass.workers import Event, Invocation, ThrottledError, UnusableRuntimeError

PAYLOAD_LIMIT: Final = 6_291_456
_CONTEXT_LIMIT: Final = 3583


async def _invoke(call: Call) -> Mapping[str, Any]:
    for parameter in ("DurableExecutionName", "TenantId"):
        if parameter in call.input:
            raise unsupported(parameter)
    node = call.node
    function, version = find_executed(call)
    invocation_type = call.input.get("InvocationType", "RequestResponse")
    event = read_event(call, invocation_type)
    if invocation_type == "DryRun":
        return {"StatusCode": 204}
    if invocation_type == "Event":
        await _accept(call, function, event.payload, event.client_context)
        return {"StatusCode": 202}
    spec = describe_function(node, function, version)
    try:
        return _show(event, await node.environments.invoke(spec, event, supplies(node, version)))
    except ThrottledError as error:
        raise throttled(error.reason) from error
    except UnusableRuntimeError as error:
        raise ServiceError("InvalidRuntimeException", str(error), 502) from error
    except BlobMissingError:
        # Its code went with it, between the look-up and the start of its environment.
        raise function_not_found(refer(call).arn) from None


def read_event(call: Call, invocation_type: str) -> Event:
    """The event of a request. Raises `ServiceError`."""
    return Event(
        call.request_id,
        _read_payload(call, invocation_type),
        _read_client_context(call),
        new_trace_id(call.now),
        wants_log=call.input.get("LogType") == "Tail",
        function_arn=refer(call).arn,
    )


async def _accept(
    call: Call, function: Function, payload: bytes, client_context: str | None
) -> None:
    """Take an event to be run later. Raises TooManyRequestsException."""
    try:
        await asynchronous.submit(
            call.node,
            function.name,
            refer(call).qualifier,
            payload,
            request_id=call.request_id,
            client_context=client_context,
        )
    except QueueFullError:
        raise throttled("ConcurrentInvocationLimitExceeded") from None


async def _invoke_async(call: Call) -> Mapping[str, Any]:
    """The way of 2014 to invoke with an event. It knows no qualifiers but in the name."""
    function, _ = find_executed(call)
    payload: bytes = call.input["InvokeArgs"]
    if len(payload) > asynchronous.PAYLOAD_LIMIT:
        raise too_large(asynchronous.PAYLOAD_LIMIT, "InvokeAsync")
    await _accept(call, function, _check_json(payload), None)
    return {"Status": 202}


def find_executed(call: Call) -> tuple[Function, Version]:
    """The function a request names, and the version that runs. Raises ResourceNotFoundException."""
    reference = refer(call)
    function = lookup(call.node, reference)
    version = None if function is None else choose_version(function, reference.qualifier)
    if function is None or version is None:
        raise function_not_found(reference.arn)
    return function, version


def _show(event: Event, invocation: Invocation) -> Mapping[str, Any]:
    output: dict[str, Any] = {
        "StatusCode": 200,
        "Payload": invocation.payload,
        "ExecutedVersion": invocation.executed_version,
        "FunctionError": invocation.function_error,
    }
    if event.wants_log:
        output["LogResult"] = base64.b64encode(invocation.log_tail).decode()
    return output


def _read_payload(call: Call, invocation_type: str) -> bytes:
    """The event. Raises `ServiceError`."""
    payload: bytes = call.input.get("Payload", b"")
    limit = asynchronous.PAYLOAD_LIMIT if invocation_type == "Event" else PAYLOAD_LIMIT
    if len(payload) > limit:
        raise too_large(limit, "InvokeFunction")
    return _check_json(payload)


def _check_json(payload: bytes) -> bytes:
    """JSON in UTF-8, {} if there is none. Raises InvalidRequestContentException."""
    if not payload:
        return b"{}"
    try:
        json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid_content(
            "Could not parse request body into json: Could not parse payload into json: "
            f"{_why(error)}"
        ) from error
    return payload


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def _why(error: Exception) -> str:
    """What is wrong, without the bytes that are."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)


def _read_client_context(call: Call) -> str | None:
    """The client context as JSON on one line. Raises InvalidRequestContentException."""
    given: str | None = call.input.get("ClientContext")
    if given is None:
        return None
    try:
        text = base64.b64decode(given, validate=True).decode()
        context = json.loads(text)
        if len(text) <= _CONTEXT_LIMIT and isinstance(context, dict):
            # Written anew: as it came it may hold line breaks, and it becomes a header.
            return json.dumps(context, separators=(",", ":"))
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise invalid_content("Client context must be a valid Base64-encoded JSON object.")


OPERATIONS: Final = (
    Operation("Invoke", needs("lambda:InvokeFunction"), _invoke, effect=Effect.DATA_CHANGE),
    Operation("InvokeAsync", needs("lambda:InvokeAsync"), _invoke_async, effect=Effect.DATA_CHANGE),
)
