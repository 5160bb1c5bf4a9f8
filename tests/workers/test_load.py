"""Many at once: what is too much is throttled or waits, and afterwards everything is as before."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable

from daypass.workers import ThrottledError
from tests.functions import pack
from tests.workers.conftest import Runner

THROTTLED = "ConcurrentInvocationLimitExceeded"
PACKAGE = pack(
    {
        "app.py": """
import os, time
born = os.urandom(8).hex()
def handler(event, context):
    time.sleep(event)
    return born
"""
    }
)


async def _storm(runner: Runner, count: int, seconds: float) -> Counter[str]:
    """What became of so many calls at once: environments' names, and why not."""

    async def call() -> str:
        try:
            invocation = await runner.run(PACKAGE, seconds)
        except ThrottledError as error:
            return error.reason
        assert invocation.function_error is None, invocation.payload
        return str(json.loads(invocation.payload))

    return Counter(await asyncio.gather(*(call() for _ in range(count))))


async def test_a_thousand_calls_at_once_are_served_or_throttled_and_then_all_is_well(
    make_runner: Callable[..., Runner],
) -> None:
    runner = make_runner(limit=6)
    first = await _storm(runner, 1000, 0.2)
    second = await _storm(runner, 6, 0.05)

    assert first[THROTTLED] == 994
    assert len(first) == 7
    # The same environments, none of them lost and none made beside.
    assert set(second) == set(first) - {THROTTLED}
    assert set(second.values()) == {1}


async def test_calls_that_follow_one_another_share_the_environments(
    make_runner: Callable[..., Runner],
) -> None:
    """Hundreds of callers who try again when they are throttled, as SDKs do, are all served."""
    runner = make_runner(limit=4)

    async def insist() -> str:
        while True:
            try:
                invocation = await runner.run(PACKAGE, 0)
            except ThrottledError:
                await asyncio.sleep(0.05)
            else:
                return str(json.loads(invocation.payload))

    answers = Counter(await asyncio.gather(*(insist() for _ in range(200))))

    assert sum(answers.values()) == 200
    assert len(answers) <= 4


async def _others(runner: Runner) -> set[object]:
    """The environments that five other functions find at once."""
    found = await asyncio.gather(
        *(runner.value(PACKAGE, 0.1, name=f"other-{number}") for number in range(5)),
        return_exceptions=True,
    )
    there = {each for each in found if not isinstance(each, ThrottledError)}
    assert not any(isinstance(each, BaseException) for each in there), there
    return there


async def test_callers_who_go_away_leave_no_environment_behind(
    make_runner: Callable[..., Runner],
) -> None:
    runner = make_runner(limit=5)
    calls = [asyncio.ensure_future(runner.run(PACKAGE, 1)) for _ in range(5)]
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    # They still run, and count; when they have ended there is room again, for others too.
    assert (await _storm(runner, 1, 0)).keys() == {THROTTLED}
    async with asyncio.timeout(60):
        while len(await _others(runner)) < 5:
            await asyncio.sleep(0.2)
