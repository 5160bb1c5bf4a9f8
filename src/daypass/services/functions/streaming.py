"""InvokeWithResponseStream: the pieces of a response as a function writes them."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from daypass.blobs import BlobMissingError
from daypass.gateway.operation import Call, Effect, Operation
from daypass.protocol.errors import ServiceError
from daypass.protocol.event_stream import encode_event
from daypass.services.functions.errors import function_not_found, throttled, unsupported
from daypass.services.functions.invocation import find_executed, read_event
from daypass.services.functions.names import needs, refer
from daypass.services.functions.running import describe_function, supplies
from daypass.workers import Event, Invocation, StreamedInvocation, ThrottledError, WorkersError

_OCTETS: Final = "application/octet-stream"


async def _invoke(call: Call) -> Mapping[str, Any]:
    if "TenantId" in call.input:
        raise unsupported("TenantId")
    node = call.node
    function, version = find_executed(call)
    event = read_event(call, call.input.get("InvocationType", "RequestResponse"))
    if call.input.get("InvocationType") == "DryRun":
        return {"StatusCode": 204}
    try:
        answer = await node.environments.stream(
            describe_function(node, function, version), event, supplies(node, version)
        )
    except ThrottledError as error:
        raise throttled(error.reason) from error
    except WorkersError as error:
        raise ServiceError("InvalidRuntimeException", str(error), 502) from error
    except BlobMissingError:
        raise function_not_found(refer(call).arn) from None
    return {
        "StatusCode": 200,
        "ExecutedVersion": version.version,
        "EventStream": EventStream(event, answer),
    }


class EventStream:
    """The body of the answer: a PayloadChunk a piece, then InvokeComplete.

    Not a generator, because one that was never begun has nothing to close.
    """

    def __init__(self, event: Event, answer: Invocation | StreamedInvocation) -> None:
        self._event = event
        self._answer: Invocation | StreamedInvocation | None = answer
        self._ended: Invocation | None = None

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> bytes:
        answer = self._answer
        if isinstance(answer, StreamedInvocation):
            try:
                return _chunk(await anext(answer.pieces))
            except StopAsyncIteration:
                self._answer, self._ended = None, await answer.ended
        elif answer is not None:
            self._answer, self._ended = None, answer
            if answer.function_error is None and answer.payload:
                return _chunk(answer.payload)
        if self._ended is None:
            raise StopAsyncIteration
        ended, self._ended = self._ended, None
        return self._complete(ended)

    def _complete(self, invocation: Invocation) -> bytes:
        complete: dict[str, str] = {}
        if invocation.function_error is not None:
            complete["ErrorCode"] = invocation.function_error
            complete["ErrorDetails"] = invocation.payload.decode(errors="replace")
        if self._event.wants_log:
            complete["LogResult"] = base64.b64encode(invocation.log_tail).decode()
        return encode_event("InvokeComplete", json.dumps(complete).encode(), "application/json")

    async def aclose(self) -> None:
        """The caller has gone, or has all of it."""
        if isinstance(self._answer, StreamedInvocation):
            self._answer.pieces.close()


def _chunk(piece: bytes) -> bytes:
    return encode_event("PayloadChunk", piece, _OCTETS)


OPERATIONS: Final = (
    Operation(
        "InvokeWithResponseStream",
        needs("lambda:InvokeFunction"),
        _invoke,
        effect=Effect.DATA_CHANGE,
    ),
)
