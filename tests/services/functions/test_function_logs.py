"""What a function's log holds: Lambda's own lines, the function's, under the role's permission."""

import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest

from tests.cli.running import daypass
from tests.conftest import Server
from tests.functions import allow, create_role, deploy, invoke, pack

LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
CHATTER = """
import logging, os
print("while it is loaded")

def handler(event, context):
    print("hello", event)
    logging.getLogger().warning("careful")
    if event == "raise":
        raise ValueError("too bad")
    if event == "exit":
        os._exit(3)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"""
FLOOD = """
import sys

def handler(event, context):
    for number in range(event // 1000):
        sys.stdout.write(("x" * 99 + "\\n") * 1000)
    return event
"""


def wait_for(server: Server, name: str, count: int, **parameters: Any) -> list[dict[str, Any]]:
    """The events of a function's log once there are as many."""
    client = server.client("logs")
    deadline = time.monotonic() + 15
    while True:
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{name}", **parameters
            )
            events: list[dict[str, Any]] = pages.build_full_result()["events"]
        except client.exceptions.ResourceNotFoundException:
            events = []
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.1)


def named(server: Server, source: str, *statements: Any, **parameters: Any) -> str:
    name = f"logs-{uuid.uuid4().hex[:8]}"
    role = create_role(server, f"{name}-role", *statements)
    deploy(server, name, source, role=role, **parameters)
    return name


@pytest.fixture(scope="module")
def chatter(server: Server) -> str:
    return named(server, CHATTER, LOGS)


def test_an_invocation_is_logged_as_lambda_logs_it(server, chatter):
    answer = invoke(server, chatter, 1)
    request_id = answer["ResponseMetadata"]["RequestId"]
    events = wait_for(server, chatter, 7)
    assert {event["logStreamName"] for event in events} == {answer["Payload"]}
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", answer["Payload"])
    patterns = (
        r"INIT_START Runtime Version: python:[\d.]+\tRuntime Version ARN: "
        rf"arn:aws:lambda:{server.region}::runtime:[0-9a-f]{{64}}\n",
        "while it is loaded\n",
        rf"START RequestId: {request_id} Version: \$LATEST\n",
        "hello 1\n",
        rf"\[WARNING\]\t[-\dT:.]+Z\t{request_id}\tcareful\n",
        f"END RequestId: {request_id}\n",
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n",
    )
    messages = [event["message"] for event in events]
    assert len(messages) == len(patterns), messages
    for pattern, message in zip(patterns, messages, strict=True):
        assert re.fullmatch(pattern, message), message


def test_a_raised_error_is_one_event_and_an_exit_is_reported(server, chatter):
    invoke(server, chatter, "raise")
    invoke(server, chatter, "exit")
    found = wait_for(server, chatter, 1, filterPattern='"Error Type: Runtime.ExitError"')
    assert "\tStatus: error\tError Type: Runtime.ExitError\n" in found[0]["message"]
    errors = wait_for(server, chatter, 1, filterPattern='"[ERROR] ValueError"')
    assert re.match(r"\[ERROR\] ValueError: too bad\rTraceback", errors[0]["message"]), errors


def test_without_permission_there_is_no_log(server):
    name = named(server, CHATTER)
    assert invoke(server, name, 1)["StatusCode"] == 200
    server.client("iam").put_role_policy(
        RoleName=f"{name}-role",
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [LOGS]}),
    )
    invoke(server, name, 2)
    events = wait_for(server, name, 4)
    messages = [event["message"] for event in events]
    assert messages[1] == "hello 2\n", "nothing of before"


def test_a_chatty_function_loses_lines_and_is_told_so(server):
    name = named(server, FLOOD, LOGS)
    assert invoke(server, name, 20_000)["Payload"] == 20_000
    [dropped] = wait_for(server, name, 1, filterPattern="DAYPASS_DROPPED")[:1]
    lost = int(dropped["message"].split()[1])
    assert 0 < lost <= 20_000
    [ended] = wait_for(server, name, 1, filterPattern='"END RequestId"')[:1]
    assert ended["message"].startswith("END RequestId")


# -- JSON ----------------------------------------------------------------------------------------

JSON_PYTHON = """
import logging

def handler(event, context):
    logging.getLogger().info("quiet")
    logging.getLogger().warning("careful", extra={"order": 7})
    raise ValueError("too bad")
"""
JSON_NODE = """
exports.handler = async () => {
  console.info("quiet");
  console.warn({ order: 7 });
  console.error("it was", new RangeError("far"));
  throw new TypeError("too bad");
};
"""


def json_log(server: Server, name: str) -> dict[str, list[dict[str, Any]]]:
    """The events of a log of JSON: Lambda's own by their type, the function's by their level."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in wait_for(server, name, 1, filterPattern='{ $.type = "platform.report" }') and (
        wait_for(server, name, 1)
    ):
        document = json.loads(event["message"])
        found.setdefault(document.get("type") or document.get("level"), []).append(document)
    return found


LOGGING = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}


def test_lambda_s_own_lines_as_json(server):
    """Telemetry API Event schema reference."""
    name = named(server, JSON_PYTHON, LOGS, LoggingConfig=LOGGING)
    request_id = invoke(server, name)["ResponseMetadata"]["RequestId"]
    log = json_log(server, name)
    [started] = log["platform.start"]
    arn = f"arn:aws:lambda:{server.region}:{server.account_id}:function:{name}"
    assert started["record"] == {
        "requestId": request_id,
        "functionArn": arn,
        "version": "$LATEST",
    }
    [report] = log["platform.report"]
    assert report["record"]["status"] == "success", "the handler failed, not its environment"
    metrics = report["record"]["metrics"]
    assert set(metrics) == {
        *("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"),
    }
    assert log["platform.initStart"][0]["record"]["functionName"] == name
    assert "INFO" not in log
    [warning] = log["WARNING"]
    assert (warning["message"], warning["order"], warning["requestId"]) == (
        "careful",
        7,
        request_id,
    )
    assert log["ERROR"][0]["errorType"] == "ValueError"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_node_logs_as_json(server):
    """Lambda developer guide, "Using Lambda advanced logging controls with Node.js"."""
    name = named(
        server,
        "",
        LOGS,
        LoggingConfig=LOGGING,
        Runtime="nodejs22.x",
        Handler="index.handler",
        Code={"ZipFile": pack({"index.js": JSON_NODE})},
    )
    request_id = invoke(server, name)["ResponseMetadata"]["RequestId"]
    log = json_log(server, name)
    assert "INFO" not in log
    [warning] = log["WARN"]
    assert (warning["message"], warning["requestId"]) == ({"order": 7}, request_id)
    logged, thrown = log["ERROR"]
    assert logged["message"].startswith("it was RangeError: far")
    assert (logged["errorType"], logged["errorMessage"]) == ("RangeError", "far")
    assert thrown["message"]["errorType"] == "TypeError"
    assert thrown["message"]["stackTrace"][0] == "TypeError: too bad"


# -- daypass logs --------------------------------------------------------------------------------


def test_daypass_logs_shows_and_follows(server, chatter):
    invoke(server, chatter, "shown")
    wait_for(server, chatter, 1, filterPattern="shown")
    shown = daypass("logs", chatter, "--since", "5m", env=server.environment())
    assert re.search(r"\d{4}-[-\dT:.]+Z  hello shown\n", shown.out), shown
    as_json = daypass(
        "logs", chatter, "--filter", "shown", "--output", "json", env=server.environment()
    )
    assert [json.loads(line)["message"] for line in as_json.out.splitlines()] == ["hello shown\n"]
    following = subprocess.Popen(
        [sys.executable, "-m", "daypass", "logs", chatter, "--follow", "--filter", "later"],
        env=server.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        invoke(server, chatter, "later")
        assert following.stdout is not None
        assert following.stdout.readline().endswith("hello later\n")
    finally:
        following.kill()
        following.wait()


def test_daypass_logs_says_why_there_is_none(server):
    ended = daypass("logs", "nowhere", env=server.environment())
    assert ended.code == 1
    assert "There is no log /aws/lambda/nowhere." in ended.err
    assert "logs:PutLogEvents" in ended.err


def test_what_a_function_writes_does_not_write_on_the_terminal(server):
    name = named(server, "def handler(event, context):\n    print('\\x1b[2Jgone\\x07')\n", LOGS)
    invoke(server, name)
    wait_for(server, name, 1, filterPattern="gone")
    ended = daypass("logs", name, env=server.environment())
    assert "\\x1b[2Jgone\\x07" in ended.out
    assert "\x1b" not in ended.out
