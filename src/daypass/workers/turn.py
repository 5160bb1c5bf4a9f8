"""The one invocation under way in an environment, and how what fails is told."""

import asyncio
import json
import signal
import time
from typing import Final

from daypass.workers.function import RESPONSE_LIMIT, Event, Outcome
from daypass.workers.stream import STREAM_LIMIT, Flow, ResponseStream

# The type of a streamed response whose function names none.
_STREAM_TYPE: Final = "application/octet-stream"


class Turn:
    """The one invocation under way."""

    __slots__ = (
        *("began", "cold", "content_type", "event", "gathered", "logged", "outcome", "size"),
        *("stream", "timer"),
    )

    def __init__(self, event: Event, cold: bool, stream: ResponseStream | None) -> None:
        self.event = event
        self.cold = cold
        # Of a response that is streamed: where it goes, or what came of it if nobody reads it.
        self.stream = stream
        self.gathered = bytearray()
        self.content_type = ""
        self.size = 0
        self.logged = False
        self.began = time.monotonic()
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.timer: asyncio.TimerHandle | None = None

    def begin_stream(self, content_type: str, flow: Flow) -> None:
        """Its response comes in pieces."""
        self.content_type = content_type or _STREAM_TYPE
        if self.stream is not None:
            self.stream.begin(self.content_type, flow)

    def take(self, piece: bytes) -> bool:
        """Take a piece of its response; False for one too many."""
        self.size += len(piece)
        if self.size > self._limit():
            return False
        if self.stream is not None:
            self.stream.feed(piece)
        else:
            self.gathered += piece
        return True

    def end_stream(self, payload: bytes, error_type: str | None) -> Outcome:
        """What came of it: all of the response, where nobody read it, or an error."""
        whole = bytes(self.gathered) if error_type is None else payload
        return Outcome(whole, error_type, self.content_type)

    def too_large(self, size: int) -> Outcome:
        """Its response has more bytes than it may have."""
        message = (
            f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
            f"({self._limit()} bytes)."
        )
        return failure("Function.ResponseSizeTooLarge", message)

    def _limit(self) -> int:
        return RESPONSE_LIMIT if self.stream is None else STREAM_LIMIT


def describe_exit(status: int) -> str:
    if status < 0:
        return f"exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    if status > 0:
        return f"exited with error: exit status {status}"
    return "exited without providing a reason"


def failure(error_type: str, message: str) -> Outcome:
    body = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return Outcome(body.encode(), error_type)
