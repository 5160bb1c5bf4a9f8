"""The server's end of a function's channel: frames out, frames in."""

import asyncio
import json
import socket
from typing import Final, Protocol, cast

from daypass.runtime import frames
from daypass.runtime.frames import Kind
from daypass.workers.function import RESPONSE_LIMIT, Event
from daypass.workers.stream import Flow


class Listener(Protocol):
    """Whoever is told what comes from a function. What comes is the function's, not ours."""

    def is_ready(self) -> None:
        """It is initialised."""

    def responded(self, request_id: str, payload: bytes) -> None: ...

    def failed(self, request_id: str, payload: bytes, error_type: str) -> None: ...

    def init_failed(self, payload: bytes, error_type: str) -> None: ...

    def oversized(self, request_id: str, size: int) -> None:
        """It responded with more than `RESPONSE_LIMIT` bytes, which were thrown away."""

    def began_streaming(self, request_id: str, content_type: str, flow: Flow) -> None:
        """Its response comes in pieces, which `flow` can hold up."""

    def streamed(self, request_id: str, piece: bytes) -> None: ...

    def ended_streaming(self, request_id: str, payload: bytes, error_type: str | None) -> None:
        """The response is whole, or broke off with this error."""

    def hung_up(self) -> None:
        """It closed its end of the socket pair: nothing more will come over it."""


class Channel(Protocol):
    """How events reach a function: frames, or the HTTP Runtime API."""

    def invoke(self, event: Event, function_arn: str, deadline: float) -> None:
        """Hand over an event. deadline: Unix seconds."""

    def close(self) -> None: ...


class FrameChannel(asyncio.Protocol):
    """A `Channel` of frames over a socket pair."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        # Bytes of an oversized body still to come, which are skipped.
        self._skip = 0

    @classmethod
    async def open(cls, connection: socket.socket, listener: Listener) -> "FrameChannel":
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(lambda: cls(listener), sock=connection)
        return channel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - of the interface
        self._transport = None
        self._listener.hung_up()

    def launch(self, description: dict[str, object]) -> None:
        """Tell a newborn process what to be."""
        self._send(frames.encode(Kind.LAUNCH, description))

    def invoke(self, event: Event, function_arn: str, deadline: float) -> None:
        head = {
            "id": event.request_id,
            "arn": function_arn,
            "deadline_ms": int(deadline * 1000),
            "trace_id": event.trace_id or None,
            "client_context": event.client_context,
        }
        self._send(frames.encode(Kind.INVOKE, head, event.payload))

    def _send(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < frames.PREFIX.size:
            return False
        kind, head_length, body_length = frames.PREFIX.unpack_from(buffer)
        if head_length > frames.HEAD_LIMIT:
            self.close()
            return False
        head_end = frames.PREFIX.size + head_length
        oversized = body_length > RESPONSE_LIMIT
        if len(buffer) < (head_end if oversized else head_end + body_length):
            return False
        end = min(len(buffer), head_end + body_length)
        head = _read_head(buffer[frames.PREFIX.size : head_end])
        body = b"" if oversized else bytes(buffer[head_end:end])
        self._skip = head_end + body_length - end
        del buffer[:end]
        if oversized:
            self._listener.oversized(head.get("id", ""), body_length)
        else:
            self._tell(kind, head, body)
        return True

    def _tell(self, kind: int, head: dict[str, str], body: bytes) -> None:
        if kind == Kind.READY:
            self._listener.is_ready()
        elif kind == Kind.RESPONSE:
            self._listener.responded(head.get("id", ""), body)
        elif kind == Kind.ERROR:
            self._listener.failed(head.get("id", ""), body, error_type_of(body))
        elif kind == Kind.INIT_ERROR:
            self._listener.init_failed(body, error_type_of(body))
        elif kind == Kind.STREAM and self._transport is not None:
            content_type = head.get("content_type", "")
            self._listener.began_streaming(head.get("id", ""), content_type, self._transport)
        elif kind == Kind.PIECE:
            self._listener.streamed(head.get("id", ""), body)
        elif kind == Kind.STREAM_END:
            error_type = error_type_of(body) if body else None
            self._listener.ended_streaming(head.get("id", ""), body, error_type)
        else:
            self.close()


def _read_head(text: bytes | bytearray) -> dict[str, str]:
    """A head as texts; whatever a function sends instead of one is an empty head."""
    try:
        head = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(head, dict):
        return {}
    return {key: value for key, value in head.items() if isinstance(value, str)}


def error_type_of(body: bytes) -> str:
    """The type an error's body names."""
    try:
        error_type = json.loads(body)["errorType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _UNKNOWN
    return error_type if isinstance(error_type, str) else _UNKNOWN


_UNKNOWN: Final = "Runtime.Unknown"
