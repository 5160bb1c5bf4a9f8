"""What a function's environment does, from cold start to its end."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.workers import Credentials, ThrottledError
from tests.functions import NAME_OF, find_process, is_gone, pack
from tests.workers.conftest import ARN, Runner

PYTHON = pack(
    {
        "app.py": NAME_OF
        + """
import json, os, subprocess, sys, time
print("initialised")
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("handling", event)
    return {"event": event, "calls": calls, "pid": name_of(os.getpid())}
def context(event, context):
    return {
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(),
    }
def environment(event, context):
    return dict(os.environ)
def fail(event, context):
    raise ValueError("no good")
def leave(event, context):
    os._exit(event)
def hang(event, context):
    print("hanging", flush=True)
    time.sleep(600)
def large(event, context):
    return "x" * event
def start_child(event, context):
    child = subprocess.Popen(["sleep", "600"], start_new_session=event == "session")
    return name_of(child.pid)
def start_daemon(event, context):
    command = ["setsid", "sh", "-c", "sleep 600 >/dev/null & echo $!"]
    return name_of(int(subprocess.check_output(command)))
def write(event, context):
    print(event, end="")
"""
    }
)


async def test_an_environment_is_used_again_one_event_at_a_time(runner: Runner) -> None:
    first = await runner.value(PYTHON, {"n": 1})
    second = await runner.value(PYTHON, {"n": 2})

    assert first["event"] == {"n": 1}
    assert (second["pid"], second["calls"]) == (first["pid"], 2)


async def test_events_at_once_have_an_environment_each(runner: Runner) -> None:
    answers = await asyncio.gather(*(runner.value(PYTHON, n) for n in range(4)))

    assert [answer["event"] for answer in answers] == [0, 1, 2, 3]
    assert len({answer["pid"] for answer in answers}) == 4


async def test_the_environment_used_last_is_used_first(runner: Runner) -> None:
    await asyncio.gather(*(runner.value(PYTHON) for _ in range(3)))
    chosen = (await runner.value(PYTHON))["pid"]

    assert {(await runner.value(PYTHON))["pid"] for _ in range(3)} == {chosen}


async def test_a_new_revision_has_new_environments(runner: Runner) -> None:
    first = await runner.value(PYTHON)
    second = await runner.value(PYTHON, revision="2")

    assert second["pid"] != first["pid"]
    assert second["calls"] == 1


async def test_an_environment_whose_credentials_end_is_replaced(runner: Runner) -> None:
    lasting = True
    runner.credentials = Credentials("ASIAOLD", "secret", "token", lambda: lasting)
    old = await runner.value(PYTHON, handler="app.environment")
    lasting = False
    runner.credentials = Credentials("ASIANEW", "secret", "token", lambda: True)
    new = await runner.value(PYTHON, handler="app.environment")

    assert (old["AWS_ACCESS_KEY_ID"], new["AWS_ACCESS_KEY_ID"]) == ("ASIAOLD", "ASIANEW")


async def test_the_context_object_is_lambdas(runner: Runner) -> None:
    context = await runner.value(PYTHON, handler="app.context", name="named", timeout=7)

    assert context["request_id"] == "request-1"
    assert context["arn"] == f"{ARN}named"
    assert (context["name"], context["memory"]) == ("named", "256")
    assert 0 < context["remaining"] <= 7000


async def test_the_environment_variables_are_lambdas_and_the_functions(runner: Runner) -> None:
    os.environ["DAYPASS_TEST_SECRET"] = "of the server"
    try:
        variables = await runner.value(
            PYTHON, handler="app.environment", variables={"OWN": "1", "AWS_REGION": "mars"}
        )
    finally:
        del os.environ["DAYPASS_TEST_SECRET"]

    # As recorded on AWS for python3.12 (LocalStack's introspection test, January 2026), less
    # the X-Ray daemon's address and with the endpoint; PYTHON* is the runtime's. TMPDIR is where
    # /tmp is not the function's own.
    assert set(variables) - {"TMPDIR"} == {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ENDPOINT_URL"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_XRAY_CONTEXT_MISSING", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER"),
        *("LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PWD", "PYTHONPATH", "SHLVL", "TZ"),
        "OWN",
    }
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert variables["AWS_SESSION_TOKEN"] == "the-token"
    assert variables["TZ"] == ":UTC"


async def test_the_log_tail_has_lambdas_lines_around_the_functions(runner: Runner) -> None:
    cold = (await runner.run(PYTHON, "x")).log_tail.decode()
    warm = (await runner.run(PYTHON, "y")).log_tail.decode()

    lines = cold.splitlines()
    assert lines[0] == "START RequestId: request-1 Version: $LATEST"
    assert lines[1:3] == ["initialised", "handling x"]
    assert lines[3] == "END RequestId: request-1"
    assert lines[4].startswith("REPORT RequestId: request-1\tDuration: ")
    assert "\tMemory Size: 256 MB\tMax Memory Used: " in lines[4]
    assert "\tInit Duration: " in lines[4]
    assert lines[4].endswith("\t")
    assert "initialised" not in warm
    assert "Init Duration" not in warm


async def test_the_log_tail_is_the_last_4_kb_of_what_was_written(runner: Runner) -> None:
    text = "".join(f"line {n}\n" for n in range(50_000))
    tail = (await runner.run(PYTHON, text, handler="app.write")).log_tail.decode()

    assert len(tail) == 4096
    assert "line 49999\nEND RequestId" in tail


async def test_an_exception_is_a_function_error_in_awss_shape(runner: Runner) -> None:
    invocation = await runner.run(PYTHON, handler="app.fail")
    error = json.loads(invocation.payload)

    assert invocation.function_error == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no good")
    assert error["requestId"] == "request-1"
    assert "in fail" in error["stackTrace"][0]


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("gone.handler", "Runtime.ImportModuleError", "Unable to import module 'gone'"),
        ("app.gone", "Runtime.HandlerNotFound", "Handler 'gone' missing on module 'app'"),
        ("app", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
    ],
)
async def test_what_cannot_be_initialised_says_why(
    runner: Runner, handler: str, error_type: str, message: str
) -> None:
    invocation = await runner.run(PYTHON, handler=handler)
    error = json.loads(invocation.payload)

    assert invocation.function_error == "Unhandled"
    assert error["errorType"] == error_type
    assert error["errorMessage"].startswith(message)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0, "exited without providing a reason"),
        (3, "exited with error: exit status 3"),
    ],
)
async def test_an_exit_is_a_runtime_error(runner: Runner, status: int, reason: str) -> None:
    invocation = await runner.run(PYTHON, status, handler="app.leave")

    assert json.loads(invocation.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: request-1 Error: Runtime {reason}",
    }
    assert (await runner.value(PYTHON, 1, handler="app.handler"))["event"] == 1


async def test_a_timeout_ends_the_environment(runner: Runner) -> None:
    invocation = await runner.run(PYTHON, handler="app.hang", timeout=1)

    assert json.loads(invocation.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: request-1 Error: Task timed out after 1.00 seconds",
    }
    assert b"hanging" in invocation.log_tail


async def test_a_response_above_the_limit_is_an_error_and_the_environment_lives(
    runner: Runner,
) -> None:
    runner_value = runner.value
    largest = await runner_value(PYTHON, 6_291_554, handler="app.large")
    invocation = await runner.run(PYTHON, 6_291_555, handler="app.large")

    assert len(largest) == 6_291_554
    assert json.loads(invocation.payload) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size (6291557 bytes) exceeded maximum allowed payload "
        "size (6291556 bytes).",
    }
    assert await runner_value(PYTHON, 3, handler="app.large") == "xxx"


@pytest.mark.parametrize("kind", ["child", "session"])
async def test_children_end_with_their_environment(runner: Runner, kind: str) -> None:
    pid = await runner.value(PYTHON, kind, handler="app.start_child")
    runner.environments.retire("f")

    assert await asyncio.to_thread(is_gone, pid)


async def test_a_daemon_that_left_its_session_does_not_outlive_its_parent(runner: Runner) -> None:
    pid = await runner.value(PYTHON, handler="app.start_daemon")
    runner.environments.retire("f")

    assert await asyncio.to_thread(is_gone, pid)


async def test_closing_ends_everything(runner: Runner, tmp_path: Path) -> None:
    pids = [await runner.value(PYTHON, "session", handler="app.start_child")]
    pids.append((await runner.value(PYTHON, name="other"))["pid"])
    await runner.environments.close()

    assert all([await asyncio.to_thread(is_gone, pid) for pid in pids])
    assert not list((tmp_path / "functions").glob("tmp-*"))


async def test_idle_environments_are_ended(make_runner: Callable[..., Runner]) -> None:
    runner = make_runner(idle=0.05)
    pid = (await runner.value(PYTHON))["pid"]
    await asyncio.sleep(0.1)

    assert await asyncio.to_thread(is_gone, pid)


async def test_a_reserved_concurrency_is_a_limit(runner: Runner) -> None:
    waiting = asyncio.ensure_future(
        runner.run(PYTHON, handler="app.hang", reserved_concurrency=1, timeout=1)
    )
    await asyncio.sleep(0)
    with pytest.raises(ThrottledError) as throttled:
        await runner.run(PYTHON, reserved_concurrency=1)
    await waiting

    assert throttled.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_no_more_environments_than_the_limit(make_runner: Callable[..., Runner]) -> None:
    runner = make_runner(limit=1)
    first = await runner.value(PYTHON)
    # A warm environment makes room for another function's.
    await runner.value(PYTHON, name="other")
    waiting = asyncio.ensure_future(runner.run(PYTHON, handler="app.hang", name="hang", timeout=1))
    await asyncio.sleep(0)
    with pytest.raises(ThrottledError) as throttled:
        await runner.run(PYTHON)
    await waiting

    assert throttled.value.reason == "ConcurrentInvocationLimitExceeded"
    assert await asyncio.to_thread(is_gone, first["pid"])


async def test_a_caller_who_goes_away_leaves_the_environment_usable(runner: Runner) -> None:
    first = await runner.value(PYTHON)
    task = asyncio.ensure_future(runner.run(PYTHON))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.2)
    again = await runner.value(PYTHON)

    assert (again["pid"], again["calls"]) == (first["pid"], 3)


async def test_a_killed_spawner_is_replaced(runner: Runner) -> None:
    first = await runner.value(PYTHON)
    os.kill(_spawner_of(first["pid"]), signal.SIGKILL)
    await asyncio.sleep(0.2)
    second = await runner.value(PYTHON)

    assert second["pid"] != first["pid"]
    assert await asyncio.to_thread(is_gone, first["pid"])


def _spawner_of(name: str) -> int:
    """The process this process started, of which the named one descends."""
    pid = find_process(name)
    assert pid is not None
    while (parent := _parent_of(pid)) != os.getpid():
        pid = parent
    return pid


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_functions_without_a_reservation_share_what_is_left(runner: Runner) -> None:
    slow = pack({"app.py": "import time\ndef handler(event, context): time.sleep(event)"})
    first = asyncio.create_task(
        runner.run(slow, 1, name="one", unreserved_concurrency=1, handler="app.handler")
    )
    await asyncio.sleep(0.2)
    with pytest.raises(ThrottledError) as caught:
        await runner.run(slow, 0, name="two", unreserved_concurrency=1)
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"
    # Its own reservation is out of the others' reach.
    reserved = await runner.run(slow, 0, name="three", reserved_concurrency=1)
    assert reserved.function_error is None
    await first
    assert (await runner.run(slow, 0, name="two", unreserved_concurrency=1)).function_error is None
