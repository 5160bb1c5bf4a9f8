"""`daypass invoke`: answers, logs, errors, versions and streams of a function."""

import json
import re
import shutil
import subprocess
import sys
import uuid

import pytest

from tests.cli.running import daypass
from tests.functions import deploy, pack

SOURCE = """
def handler(event, context):
    print("seen", event)
    if event == "fail":
        raise ValueError("no such luck")
    return {"got": event, "version": context.function_version}
"""


@pytest.fixture(scope="module")
def function(server):
    name = f"invoke-{uuid.uuid4().hex[:8]}"
    deploy(server, name, SOURCE)
    server.client("lambda").publish_version(FunctionName=name)
    return name


def invoke(server, *arguments):
    return daypass("invoke", *arguments, env=server.environment())


def test_the_answer_goes_to_stdout_and_the_log_to_stderr(server, function):
    ended = invoke(server, function, '{"a": "ü"}', "--log")
    assert ended.code == 0, ended
    assert json.loads(ended.out) == {"got": {"a": "ü"}, "version": "$LATEST"}
    assert re.search(r"START RequestId: .*\n.*seen \{'a': 'ü'\}", ended.err)
    assert invoke(server, function).out == '{"got": {}, "version": "$LATEST"}\n'


def test_the_payload_comes_from_a_file_or_from_standard_input(server, function, tmp_path):
    (tmp_path / "event.json").write_text("[1]")
    ended = invoke(server, function, f"@{tmp_path}/event.json", "--qualifier", "1")
    assert json.loads(ended.out) == {"got": [1], "version": "1"}
    piped = subprocess.run(
        [sys.executable, "-m", "daypass", "invoke", function, "-"],
        input=b'"piped"',
        env=server.environment(),
        capture_output=True,
        check=False,
    )
    assert json.loads(piped.stdout)["got"] == "piped"


def test_as_json(server, function):
    ended = invoke(server, function, "1", "--output", "json", "--log")
    answer = json.loads(ended.out)
    assert answer["StatusCode"] == 200
    assert answer["Payload"] == {"got": 1, "version": "$LATEST"}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert f"START RequestId: {answer['RequestId']}" in answer["Log"]


def test_an_error_of_the_function_ends_with_1(server, function):
    ended = invoke(server, function, '"fail"')
    assert (ended.code, ended.out) == (1, "")
    assert "The function failed." in ended.err
    assert "ValueError: no such luck" in ended.err
    assert "app.py" in ended.err
    as_json = invoke(server, function, '"fail"', "--output", "json")
    answer = json.loads(as_json.out)
    assert (as_json.code, answer["FunctionError"]) == (1, "Unhandled")
    assert answer["Payload"]["errorType"] == "ValueError"


def test_handing_over_does_not_wait(server, function):
    ended = invoke(server, function, "1", "--event")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("accepted as ")


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_stream_is_shown(server):
    name = f"streams-{uuid.uuid4().hex[:8]}"
    source = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("one "); stream.write("two");
  if (event === "fail") throw new Error("half");
  stream.end();
});
"""
    deploy(
        server,
        name,
        "",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Code={"ZipFile": pack({"index.js": source})},
    )
    ended = invoke(server, name, "--stream", "--log")
    assert (ended.code, ended.out) == (0, "one two")
    assert "START RequestId" in ended.err
    failed = invoke(server, name, '"fail"', "--stream")
    assert (failed.code, failed.out) == (1, "one two")
    assert "Error: half" in failed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["not json"], "not JSON"),
        (["@/no/such/file"], "No such file"),
        (["1", "--event", "--log"], "does not wait"),
    ],
)
def test_wrong_usage(server, function, arguments, said):
    ended = invoke(server, function, *arguments)
    assert (ended.code, said in ended.err) == (2, True), ended
    missing = invoke(server, "no-such-function")
    assert (missing.code, "ResourceNotFoundException" in missing.err) == (1, True)
