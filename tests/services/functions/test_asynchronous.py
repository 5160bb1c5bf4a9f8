"""Attempts of asynchronous events: when there is another, how long until, and when it is the end.

Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
"""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from daypass.gateway.function_settings import FunctionSettings
from daypass.services.functions.asynchronous import Asynchronous
from daypass.store.functions import LATEST, EventConfig, Function
from daypass.store.functions.events import Again, QueuedEvent
from daypass.workers import Invocation, ThrottledError
from tests.store.test_functions import FUNCTION

ACCEPTED = 1_000_000.0
EVENT = QueuedEvent("id", "f", "", b'{"n": 1}', None, "", ACCEPTED, ACCEPTED)
FAILED = Invocation(b'{"errorType":"E"}', "Unhandled", b"")
DONE = Invocation(b"null", None, b"")


class Environments:
    """Runs nothing: each invocation is what it is told."""

    limit = 100

    def __init__(self, *outcomes: Invocation | Exception) -> None:
        self.outcomes = list(outcomes)
        self.arns: list[str] = []

    async def invoke(self, _spec: Any, event: Any, _supplies: Any) -> Invocation:
        self.arns.append(event.function_arn)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def configured(**settings: Any) -> Function:
    config = EventConfig("f", LATEST, None, None, "", "", 0.0)
    return replace(FUNCTION, event_configs={LATEST: replace(config, **settings)})


def attempts(
    event: QueuedEvent,
    *outcomes: Invocation | Exception,
    function: Function | None = FUNCTION,
    age: float = 0.0,
) -> Again | None:
    """What comes of one attempt of an event of that age, in seconds."""
    node: Any = SimpleNamespace(
        account_id="123456789012",
        region="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        clock=lambda: ACCEPTED + age,
        functions=SimpleNamespace(function=lambda _: function, reserved_concurrency=0),
        function_settings=FunctionSettings(1000),
        environments=Environments(*outcomes),
    )
    return asyncio.run(Asynchronous(node).attempt(event))


def test_success_is_the_end() -> None:
    assert attempts(EVENT, DONE) is None


def test_a_failure_is_tried_again_after_one_and_after_two_minutes() -> None:
    second = attempts(EVENT, FAILED)
    assert second == Again(60.0, 1)
    third = attempts(replace(EVENT, attempts=1), FAILED, age=61)
    assert third == Again(120.0, 2)
    assert attempts(replace(EVENT, attempts=2), FAILED, age=182) is None


@pytest.mark.parametrize(
    ("retries", "ends"), [(0, [True]), (1, [False, True]), (2, [False, False, True])]
)
def test_a_function_says_how_often(retries: int, ends: list[bool]) -> None:
    function = configured(retries=retries)
    found = [
        attempts(replace(EVENT, attempts=number), FAILED, function=function) is None
        for number in range(len(ends))
    ]
    assert found == ends


def test_an_event_has_an_age() -> None:
    function = configured(longest_age=100)
    # Too old to begin with, it is not run at all: there is no outcome to take.
    assert attempts(EVENT, function=function, age=101) is None
    assert attempts(EVENT, FAILED, function=function, age=40) == Again(60.0, 1)
    assert attempts(EVENT, FAILED, function=function, age=41) is None
    assert attempts(EVENT, function=FUNCTION, age=6 * 3600 + 1) is None


def test_throttling_is_no_attempt_and_waits_longer_each_time() -> None:
    throttled = ThrottledError("ConcurrentInvocationLimitExceeded")
    pauses = [
        attempts(replace(EVENT, attempts=1), throttled, age=age) for age in (0, 1, 2, 50, 4000)
    ]
    assert pauses == [Again(pause, 1) for pause in (1.0, 1.0, 2.0, 50.0, 300.0)]
    assert attempts(EVENT, throttled, age=6 * 3600 - 299) is None


def test_what_is_gone_ends_its_events() -> None:
    assert attempts(EVENT, function=None) is None
    assert attempts(replace(EVENT, qualifier="gone")) is None


def test_zero_concurrency_runs_nothing() -> None:
    assert attempts(EVENT, function=replace(FUNCTION, reserved_concurrency=0)) is None


@pytest.mark.parametrize(
    ("limit", "reserved", "expected"),
    [(1000, None, 25), (20, None, 10), (1, None, 1), (1000, 3, 3), (20, 15, 10), (20, 0, 1)],
)
def test_events_take_no_more_turns_than_there_is_room(
    limit: int, reserved: int | None, expected: int
) -> None:
    function = replace(FUNCTION, reserved_concurrency=reserved)
    node: Any = SimpleNamespace(
        functions=SimpleNamespace(function=lambda _: function),
        environments=SimpleNamespace(limit=limit),
    )
    assert Asynchronous(node).at_once("f") == expected
