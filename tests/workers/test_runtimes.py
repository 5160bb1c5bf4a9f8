"""Runtimes beside Python: Node.js, and whatever speaks the HTTP Runtime API."""

import json
import shutil
import sys
import sysconfig
from typing import Any

import httpx
import pytest

from daypass.workers import UnusableRuntimeError, check_runtime
from tests.functions import pack
from tests.workers.conftest import ARN, Runner

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

NODE = pack(
    {
        "index.js": """
exports.handler = async (event, context) => {
  console.log("handling", event);
  return { event, id: context.awsRequestId, arn: context.invokedFunctionArn,
           name: context.functionName, left: context.getRemainingTimeInMillis() > 0 };
};
exports.callback = (event, context, callback) => { setTimeout(() => callback(null, event), 20); };
exports.early = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60000);
  callback(null, "early");
};
exports.callbackError = (event, context, callback) => { callback(new RangeError("too far")); };
exports.fail = async () => { throw new TypeError("no good"); };
exports.failSync = () => { throw new TypeError("at once"); };
exports.nothing = () => {};
exports.never = () => new Promise(() => {});
exports.late = () => { setTimeout(() => { throw new Error("late"); }, 10);
                       return new Promise(() => {}); };
exports.rejected = () => { Promise.reject(new Error("unseen"));
                           return new Promise((r) => setTimeout(r, 5000)); };
exports.exit = () => process.exit(7);
exports.environment = async () => process.env;
exports.nested = { inner: { handler: async () => "nested" } };
""",
        "module.mjs": "export const handler = async (event) => ({ module: event });",
        "broken.js": "exports.handler = (",
        "needy.js": "require('no-such-package'); exports.handler = () => 1;",
    }
)


def _error(payload: bytes) -> tuple[str, str]:
    error = json.loads(payload)
    return error["errorType"], error["errorMessage"]


@needs_node
async def test_node_async_handlers_get_event_and_context(runner: Runner) -> None:
    options = {"runtime": "nodejs20.x", "handler": "index.handler", "name": "node"}
    invocation = await runner.run(NODE, {"n": 1}, **options)
    again = await runner.run(NODE, {"n": 2}, **options)

    assert json.loads(invocation.payload) == {
        "event": {"n": 1},
        "id": "request-1",
        "arn": f"{ARN}node",
        "name": "node",
        "left": True,
    }
    assert b"\trequest-1\tINFO\thandling { n: 1 }\n" in invocation.log_tail
    assert json.loads(again.payload)["event"] == {"n": 2}


@needs_node
@pytest.mark.parametrize(
    ("handler", "value"),
    [
        ("index.callback", {"a": [1]}),
        ("index.early", "early"),
        ("index.nothing", None),
        # As AWS's runtime does when the event loop is empty and nothing was answered.
        ("index.never", None),
        ("index.nested.inner.handler", "nested"),
        ("module.handler", {"module": {"a": [1]}}),
    ],
)
async def test_node_handlers_of_every_style(runner: Runner, handler: str, value: object) -> None:
    for _ in range(2):
        assert await runner.value(NODE, {"a": [1]}, runtime="nodejs20.x", handler=handler) == value


@needs_node
@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("index.fail", "TypeError", "no good"),
        ("index.failSync", "TypeError", "at once"),
        ("index.callbackError", "RangeError", "too far"),
        ("index.late", "Error", "late"),
        ("index.rejected", "Runtime.UnhandledPromiseRejection", "unseen"),
        ("index.gone", "Runtime.HandlerNotFound", "index.gone is undefined or not exported"),
        ("index", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            "index.exit",
            "Runtime.ExitError",
            "RequestId: request-1 Error: Runtime exited with error: exit status 7",
        ),
    ],
)
async def test_node_errors(runner: Runner, handler: str, error_type: str, message: str) -> None:
    invocation = await runner.run(NODE, runtime="nodejs20.x", handler=handler)

    assert invocation.function_error == "Unhandled"
    assert _error(invocation.payload) == (error_type, message)


@needs_node
@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("gone.handler", "Runtime.ImportModuleError"),
        ("needy.handler", "Runtime.ImportModuleError"),
        ("broken.handler", "Runtime.UserCodeSyntaxError"),
    ],
)
async def test_node_modules_that_do_not_load(runner: Runner, handler: str, error_type: str) -> None:
    invocation = await runner.run(NODE, runtime="nodejs20.x", handler=handler)

    assert _error(invocation.payload)[0] == error_type


@needs_node
async def test_node_environment_is_scrubbed(runner: Runner) -> None:
    variables = await runner.value(NODE, runtime="nodejs20.x", handler="index.environment")

    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"
    assert variables["AWS_SESSION_TOKEN"] == "the-token"
    assert not {"HOME", "USER", "VIRTUAL_ENV"} & set(variables)


def test_a_machine_without_node_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnusableRuntimeError, match="no command `node`"):
        check_runtime("nodejs22.x")


@pytest.mark.parametrize("runtime", ["java21", "python2.7", "dotnet8", "ruby3.3", "nodejs"])
def test_other_runtimes_are_refused(runtime: str) -> None:
    with pytest.raises(UnusableRuntimeError, match=runtime):
        check_runtime(runtime)


# -- the HTTP Runtime API --------------------------------------------------------------------

# AWS's own client, over HTTP, as it runs in a container image.
OFFICIAL = pack(
    {
        "bootstrap": f"""#!/bin/sh
export PYTHONPATH={sysconfig.get_path("platlib")}:{sysconfig.get_path("purelib")}
exec {sys.base_prefix}/bin/python3 -m awslambdaric "$_HANDLER"
""",
        "app.py": """
def handler(event, context):
    print("handling", event)
    return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn}
def fail(event, context):
    raise KeyError("gone")
def large(event, context):
    return "x" * event
def address(event, context):
    import os
    return os.environ["AWS_LAMBDA_RUNTIME_API"]
def hang(event, context):
    import time
    time.sleep(600)
""",
    },
    "bootstrap",
)
HTTP: dict[str, Any] = {"runtime": "provided.al2023"}


async def test_awss_own_client_is_served_over_http(runner: Runner) -> None:
    for number in (1, 2):
        invocation = await runner.run(OFFICIAL, {"n": number}, **HTTP)
        assert json.loads(invocation.payload) == {
            "event": {"n": number},
            "id": f"request-{number}",
            "arn": f"{ARN}f",
        }
        assert f"handling {{'n': {number}}}".encode() in invocation.log_tail


async def test_errors_over_http(runner: Runner) -> None:
    failed = await runner.run(OFFICIAL, handler="app.fail", name="fail", **HTTP)
    missing = await runner.run(OFFICIAL, handler="app.gone", name="gone", **HTTP)
    large = await runner.run(OFFICIAL, 6_291_555, handler="app.large", **HTTP)

    assert _error(failed.payload) == ("KeyError", "'gone'")
    assert _error(missing.payload)[0] == "Runtime.HandlerNotFound"
    assert _error(large.payload)[0] == "Function.ResponseSizeTooLarge"


async def test_a_timeout_over_http(runner: Runner) -> None:
    invocation = await runner.run(OFFICIAL, handler="app.hang", timeout=1, **HTTP)

    assert _error(invocation.payload)[0] == "Sandbox.Timedout"


async def test_a_package_without_bootstrap_exits_with_127(runner: Runner) -> None:
    invocation = await runner.run(pack({"other": ""}), **HTTP)

    assert _error(invocation.payload) == (
        "Runtime.ExitError",
        "RequestId: request-1 Error: Runtime exited with error: exit status 127",
    )


async def test_a_strangers_connection_is_closed_unread(runner: Runner) -> None:
    address = await runner.value(OFFICIAL, handler="app.address", **HTTP)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://{address}/2018-06-01/runtime/invocation/next")

    # The environment goes on as if nothing had been.
    assert await runner.value(OFFICIAL, handler="app.address", **HTTP) == address
