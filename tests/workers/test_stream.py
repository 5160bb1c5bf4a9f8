"""A streamed response between a function and its reader: bounded, and never in anyone's way."""

import asyncio
import json
import shutil

import pytest

from daypass.workers import Invocation, StreamedInvocation, turn
from daypass.workers.function import Outcome
from daypass.workers.stream import ResponseStream
from tests.functions import pack
from tests.workers.conftest import Runner

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
NODE = {"runtime": "nodejs20.x", "handler": "index.handler"}
SOURCE = pack(
    {
        "index.js": """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.type) stream.setContentType(event.type);
  for (let n = 0; n < (event.pieces ?? 0); n++) {
    const more = stream.write(Buffer.alloc(event.size, 97 + n));
    if (!more) await new Promise((resolve) => stream.once("drain", resolve));
    if (event.pause) await new Promise((resolve) => setTimeout(resolve, event.pause));
  }
  if (event.fail) throw new TypeError("broken off");
  if (event.forget) return;
  stream.end(event.last);
});
exports.sync = awslambda.streamifyResponse((event, stream) => 1);
exports.plain = async (event) => event;
"""
    }
)


class Gate:
    """A flow that counts how often it is held up and let go."""

    def __init__(self) -> None:
        self.open = True
        self.closings = 0

    def pause_reading(self) -> None:
        assert self.open
        self.open = False
        self.closings += 1

    def resume_reading(self) -> None:
        assert not self.open
        self.open = True


async def test_a_reader_that_does_not_read_holds_the_function_up() -> None:
    gate, stream = Gate(), ResponseStream()
    stream.begin("text/plain", gate)
    fed = 0
    while gate.open:
        stream.feed(bytes(10_000))
        fed += 10_000
    assert fed < 300_000
    stream.finish(Outcome(b""))
    assert gate.open, "nothing more comes, so nothing is held up"
    assert sum([len(piece) async for piece in stream]) == fed


async def test_reading_lets_the_function_go_on() -> None:
    gate, stream = Gate(), ResponseStream()
    stream.begin("text/plain", gate)
    for _ in range(3):
        while gate.open:
            stream.feed(bytes(50_000))
        while not gate.open:
            await anext(stream)
    assert gate.closings == 3


async def test_once_the_reader_has_gone_nothing_is_held() -> None:
    gate, stream = Gate(), ResponseStream()
    stream.begin("text/plain", gate)
    while gate.open:
        stream.feed(bytes(50_000))
    stream.close()
    assert gate.open
    for _ in range(100):
        stream.feed(bytes(50_000))
    assert gate.closings == 1
    assert [piece async for piece in stream] == []


async def run(runner: Runner, event: object, **changes: object) -> Invocation | StreamedInvocation:
    options = {**NODE, "name": "s", **changes}
    return await runner.environments.stream(
        runner.spec(SOURCE, **options), runner.event(event), runner.supplies(SOURCE)
    )


async def whole(answer: Invocation | StreamedInvocation) -> bytes:
    assert isinstance(answer, StreamedInvocation)
    return b"".join([piece async for piece in answer.pieces])


@needs_node
async def test_pieces_come_as_they_are_written(runner: Runner) -> None:
    answer = await run(runner, {"type": "text/x", "pieces": 3, "size": 2, "pause": 100})
    assert isinstance(answer, StreamedInvocation)
    assert answer.content_type == "text/x"
    assert await anext(answer.pieces) == b"aa"
    assert not answer.ended.done()
    assert await whole(answer) == b"bbcc"
    ended = await answer.ended
    assert (ended.function_error, ended.payload) == (None, b"")
    # Of a million bytes in pieces of any size none is lost.
    large = await run(runner, {"pieces": 4, "size": 300_000, "last": "z"})
    assert await whole(large) == b"".join(bytes([97 + n]) * 300_000 for n in range(4)) + b"z"
    assert isinstance(large, StreamedInvocation)
    assert large.content_type == "application/octet-stream"


@needs_node
async def test_a_failure_before_the_first_piece_is_an_error_and_after_it_breaks_off(
    runner: Runner,
) -> None:
    before = await run(runner, {"fail": True})
    assert isinstance(before, Invocation)
    assert before.function_error == "Unhandled"
    assert json.loads(before.payload)["errorMessage"] == "broken off"
    after = await run(runner, {"pieces": 1, "size": 2, "fail": True})
    assert isinstance(after, StreamedInvocation)
    assert await whole(after) == b"aa"
    assert after.pieces.failure is not None
    ended = await after.ended
    assert ended.function_error == "Unhandled"
    assert json.loads(ended.payload)["errorType"] == "TypeError"
    sync = await run(runner, {}, handler="index.sync", name="sync")
    assert isinstance(sync, Invocation)
    assert "non-async" in json.loads(sync.payload)["errorMessage"]


@needs_node
async def test_a_stream_that_is_not_ended_times_out(runner: Runner) -> None:
    answer = await run(runner, {"pieces": 1, "size": 1, "forget": True}, timeout=1)
    assert await whole(answer) == b"a"
    assert isinstance(answer, StreamedInvocation)
    ended = await answer.ended
    assert json.loads(ended.payload)["errorType"] == "Sandbox.Timedout"


@needs_node
async def test_the_same_environment_streams_and_answers_plainly(runner: Runner) -> None:
    assert await whole(await run(runner, {"last": "1"})) == b"1"
    plain = await run(runner, {"n": 1}, handler="index.plain", name="plain")
    assert isinstance(plain, Invocation)
    assert plain.payload == b'{"n":1}'
    gathered = await runner.run(SOURCE, {"last": "all", "type": "text/x"}, **NODE)
    assert (gathered.payload, gathered.content_type) == (b"all", "text/x")
    too_much = await runner.run(SOURCE, {"pieces": 7, "size": 1_000_000}, **NODE)
    assert json.loads(too_much.payload)["errorType"] == "Function.ResponseSizeTooLarge"


@needs_node
async def test_a_response_beyond_the_limit_breaks_off(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "STREAM_LIMIT", 100_000)
    answer = await run(runner, {"pieces": 5, "size": 50_000})
    assert isinstance(answer, StreamedInvocation)
    assert len(await whole(answer)) <= 100_000
    assert answer.pieces.failure is not None
    assert b"ResponseSizeTooLarge" in answer.pieces.failure.payload


@needs_node
async def test_a_reader_that_goes_leaks_no_environment(runner: Runner) -> None:
    """One environment at a time, so each call needs the one before to have ended."""
    for _ in range(2):
        answer = await run(runner, {"pieces": 20, "size": 200_000}, reserved_concurrency=1)
        assert isinstance(answer, StreamedInvocation)
        await anext(answer.pieces)
        answer.pieces.close()
        ended = await asyncio.wait_for(answer.ended, 10)
        assert ended.function_error is None


@needs_node
async def test_an_idle_reader_cannot_keep_an_environment_beyond_its_timeout(
    runner: Runner,
) -> None:
    answer = await run(runner, {"pieces": 20, "size": 200_000}, timeout=1)
    assert isinstance(answer, StreamedInvocation)
    ended = await asyncio.wait_for(answer.ended, 10)
    assert json.loads(ended.payload)["errorType"] == "Sandbox.Timedout"
    assert len(await whole(answer)) < 2_000_000
