"""A response on its way from a function that streams it to whoever reads it."""

import asyncio
from collections import deque
from typing import Final, Protocol

from daypass.workers.function import Outcome

# Bytes of a streamed response, as Lambda allows it.
STREAM_LIMIT: Final = 200 * 1024 * 1024
# Bytes held for a reader; beyond the first the function waits, below the second it goes on.
_MOST: Final = 256 * 1024
_ENOUGH: Final = 64 * 1024


class Flow(Protocol):
    """What a response comes through, and can be made to wait: asyncio's reading transports."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class ResponseStream:
    """The pieces of one response, in order, read once.

    The function waits while its reader does not read, and never longer than its timeout. Once the
    reader has gone nothing is held, and the function goes on to its end as it would at AWS.
    """

    def __init__(self) -> None:
        self.begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # How it ended, if with an error.
        self.failure: Outcome | None = None
        self._flow: Flow | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._gone = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    # -- the function's end ------------------------------------------------------------------

    def begin(self, content_type: str, flow: Flow) -> None:
        self._flow = flow
        if not self.begun.done():
            self.begun.set_result(content_type)

    def feed(self, piece: bytes) -> None:
        if self._gone or not piece:
            return
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > _MOST and not self._paused and self._flow is not None:
            self._paused = True
            self._flow.pause_reading()
        self._wake()

    def finish(self, outcome: Outcome) -> None:
        """Nothing more comes."""
        if outcome.error_type is not None:
            self.failure = outcome
        self._ended = True
        self._resume()
        self._wake()

    # -- the reader's end --------------------------------------------------------------------

    def __aiter__(self) -> "ResponseStream":
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._ended or self._gone:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if self._held < _ENOUGH:
            self._resume()
        return piece

    def close(self) -> None:
        """The reader has gone: what still comes is thrown away."""
        self._gone = True
        self._pieces.clear()
        self._held = 0
        self._resume()
        self._wake()

    def _resume(self) -> None:
        if self._paused and self._flow is not None:
            self._paused = False
            self._flow.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
