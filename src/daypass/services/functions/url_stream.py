"""What a function streamed, as the HTTP response of its URL: a prelude for its head, and pieces.

Lambda developer guide, "Response streaming for Lambda functions"; the prelude and the eight NULs
after it are those of `awslambda.HttpResponseStream` of AWS's runtime interface client for Node.js.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from daypass.protocol.message import Response
from daypass.services.functions.url_reply import BadReplyError, build_head, build_response
from daypass.workers import Invocation, StreamedInvocation

_HTTP_INTEGRATION: Final = "application/vnd.awslambda.http-integration-response"
_DELIMITER: Final = bytes(8)
_OCTETS: Final = "application/octet-stream"
# Bytes of a prelude: what a server takes as a response's head, and room for JSON.
_PRELUDE_LIMIT: Final = 64 * 1024


class BrokenStreamError(ConnectionError):
    """The function failed after its response had begun: the client must see that it is not whole,
    and its head is already sent."""


async def stream_response(answer: Invocation | StreamedInvocation) -> Response:
    """The response of a URL with InvokeMode RESPONSE_STREAM. Raises `BadReplyError`."""
    if isinstance(answer, Invocation):
        if answer.function_error is not None:
            raise BadReplyError("The invocation ended with an error.")
        # What is not streamed is not interpreted either: it is sent as it was returned.
        return Response(200, [("content-type", "application/json")], answer.payload)
    if answer.content_type != _HTTP_INTEGRATION:
        return Response(200, [("content-type", answer.content_type)], StreamBody(answer, b""))
    try:
        prelude, rest = await _read_prelude(answer)
        response = _head(prelude)
    except BaseException:
        answer.pieces.close()
        raise
    response.body = StreamBody(answer, rest)
    return response


def gathered_response(invocation: Invocation) -> Response:
    """The response of a buffered URL whose function streamed. Raises `BadReplyError`."""
    if invocation.content_type == _HTTP_INTEGRATION:
        prelude, delimiter, body = invocation.payload.partition(_DELIMITER)
        if not delimiter:
            raise BadReplyError("The prelude does not end.")
        response = _head(prelude)
        response.body = body
        return response
    try:
        return build_response(invocation.payload)
    except BadReplyError:
        return Response(200, [("content-type", invocation.content_type)], invocation.payload)


async def _read_prelude(answer: StreamedInvocation) -> tuple[bytes, bytes]:
    """The prelude, and what came behind it."""
    begun = b""
    async for piece in answer.pieces:
        begun += piece
        prelude, delimiter, rest = begun.partition(_DELIMITER)
        if delimiter:
            return prelude, rest
        if len(begun) > _PRELUDE_LIMIT:
            break
    raise BadReplyError("The prelude does not end.")


def _head(prelude: bytes) -> Response:
    try:
        head: Mapping[str, Any] = json.loads(prelude)
    except (ValueError, RecursionError) as error:
        raise BadReplyError("The prelude is not JSON.") from error
    if not isinstance(head, dict):
        raise BadReplyError("The prelude is no object.")
    return build_head({"statusCode": 200, **head}, content_type=_OCTETS)


class StreamBody:
    """The pieces of a response. Not a generator, because one that was never begun has nothing to
    close, and then the function would wait."""

    def __init__(self, answer: StreamedInvocation, first: bytes) -> None:
        self._pieces = answer.pieces
        self._first = first

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            if self._pieces.failure is not None:
                raise BrokenStreamError("the function failed in its response") from None
            raise

    async def aclose(self) -> None:
        """The client has gone, or has all of it."""
        self._pieces.close()
