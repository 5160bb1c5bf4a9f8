"""Streamed responses by boto3 and over Function URLs, of Node.js, Python and a custom runtime."""

import base64
import json
import os
import shutil
import sys
import uuid
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.functions import call_url, create_role, deploy, pack

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

NODE = """
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const wish = event.rawPath ? event.rawPath.slice(1) : event;
  console.log("asked for", wish);
  if (wish === "fail-first") throw new RangeError("at once");
  if (wish === "plain") {
    stream.setContentType("text/plain");
    stream.write("one,"); await wait(50); stream.write("two"); stream.end(); return;
  }
  if (wish === "empty") {
    const head = { statusCode: 204, headers: { "x-a": "b" } };
    stream = awslambda.HttpResponseStream.from(stream, head);
    stream.end(); return;
  }
  if (wish === "no-json") {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.write("nonsense"); stream.write(new Uint8Array(8)); stream.end(); return;
  }
  if (wish === "no-end") {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.end('{"statusCode":200}'); return;
  }
  stream = awslambda.HttpResponseStream.from(stream, {
    statusCode: 201,
    headers: { "Content-Type": "text/html", "X-Custom": "value" },
    cookies: ["a=1; HttpOnly", "b=2"],
  });
  stream.write("<html>"); await wait(50);
  if (wish === "fail-later") throw new Error("in the middle");
  if (wish === "endless") {
    for (let n = 0; n < 40; n++) {
      if (!stream.write(Buffer.alloc(100000, 120))) {
        await new Promise((resolve) => stream.once("drain", resolve));
      }
    }
  }
  stream.write("</html>"); stream.end();
});
"""
PYTHON = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    return {"statusCode": 201, "body": "text"}
"""
# The calls of the developer guide, "Implementing response streaming in a custom runtime".
BOOTSTRAP = f"""#!{os.path.realpath(sys.executable)}
import base64, http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    wish = answer.read().decode()
    name = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    response = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    response.putrequest("POST", f"/2018-06-01/runtime/invocation/{{name}}/response")
    for header, value in (
        ("Lambda-Runtime-Function-Response-Mode", "streaming"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "text/x-custom"),
        ("Trailer", "Lambda-Runtime-Function-Error-Type"),
        ("Trailer", "Lambda-Runtime-Function-Error-Body"),
    ):
        response.putheader(header, value)
    response.endheaders()
    for piece in (b"first ", b"second"):
        response.send(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    end = b"0\\r\\n"
    if "fail" in wish:
        error = base64.b64encode(b'{{"errorType":"Custom.Bad","errorMessage":"half"}}')
        end += b"Lambda-Runtime-Function-Error-Type: Custom.Bad\\r\\n"
        end += b"Lambda-Runtime-Function-Error-Body: " + error + b"\\r\\n"
    response.send(end + b"\\r\\n")
    response.getresponse().read()
    response.close()
"""


def stream(server: Server, name: str, event: object, **more: Any) -> tuple[list[bytes], Any]:
    """The chunks of a streamed invocation, and how it completed."""
    answer = server.client("lambda").invoke_with_response_stream(
        FunctionName=name, Payload=json.dumps(event).encode(), **more
    )
    assert answer["ExecutedVersion"] == "$LATEST"
    chunks, complete = [], None
    for item in answer["EventStream"]:
        assert complete is None, "InvokeComplete is the last"
        if "PayloadChunk" in item:
            chunks.append(item["PayloadChunk"]["Payload"])
        else:
            complete = item["InvokeComplete"]
    return chunks, complete


@pytest.fixture(scope="module")
def node(server: Server) -> tuple[str, str]:
    """A streaming function and its URL, which streams."""
    name = f"streams-{uuid.uuid4().hex[:8]}"
    deploy(
        server,
        name,
        "",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Code={"ZipFile": pack({"index.mjs": NODE})},
    )
    url = server.client("lambda").create_function_url_config(
        FunctionName=name, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM"
    )["FunctionUrl"]
    return name, url


@needs_node
def test_chunks_and_completion_by_boto3(server, node):
    chunks, complete = stream(server, node[0], "plain", LogType="Tail")
    assert chunks == [b"one,", b"two"]
    log = base64.b64decode(complete.pop("LogResult")).decode()
    assert complete == {}
    assert "asked for plain" in log
    assert log.startswith("START RequestId")


@needs_node
def test_errors_are_in_the_completion(server, node):
    chunks, complete = stream(server, node[0], "fail-first")
    assert chunks == []
    assert complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "RangeError"
    chunks, complete = stream(server, node[0], "fail-later")
    assert chunks[-1] == b"<html>"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "in the middle"


@needs_node
def test_invoke_gives_all_of_it_at_once(server, node):
    answer = server.client("lambda").invoke(FunctionName=node[0], Payload=b'"page"')
    prelude, _, body = answer["Payload"].read().partition(bytes(8))
    assert json.loads(prelude)["statusCode"] == 201
    assert body == b"<html></html>"


@needs_node
def test_a_url_streams_with_the_head_of_the_prelude(server, node):
    answer = call_url(server, node[1] + "page")
    assert (answer.status_code, answer.text) == (201, "<html></html>")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["x-custom"] == "value"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers.get_list("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert "x-amzn-requestid" in answer.headers
    plain = call_url(server, node[1] + "plain")
    assert (plain.status_code, plain.text) == (200, "one,two")
    assert plain.headers["content-type"] == "text/plain"
    empty = call_url(server, node[1] + "empty")
    assert (empty.status_code, empty.headers["x-a"], empty.content) == (204, "b", b"")


@needs_node
@pytest.mark.parametrize("path", ["fail-first", "no-json", "no-end"])
def test_what_fails_before_its_head_is_a_502(server, node, path):
    answer = call_url(server, node[1] + path)
    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


@needs_node
def test_what_fails_after_its_head_is_seen_to_be_broken_off(server, node):
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        call_url(server, node[1] + "fail-later")


@needs_node
def test_a_buffered_url_of_a_streaming_function(server, node):
    client = server.client("lambda")
    client.update_function_url_config(FunctionName=node[0], InvokeMode="BUFFERED")
    try:
        answer = call_url(server, node[1] + "page")
        assert (answer.status_code, answer.text) == (201, "<html></html>")
        assert answer.headers["content-length"] == "13"
        plain = call_url(server, node[1] + "plain")
        assert (plain.status_code, plain.text) == (200, "one,two")
        assert call_url(server, node[1] + "fail-later").status_code == 502
    finally:
        client.update_function_url_config(FunctionName=node[0], InvokeMode="RESPONSE_STREAM")


@needs_node
def test_a_client_that_goes_away_leaves_the_function_usable(server, node):
    """With one environment at most, the next call is served only once the first has ended."""
    name = node[0]
    client = server.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    try:
        answer = client.invoke_with_response_stream(FunctionName=name, Payload=b'"endless"')
        next(iter(answer["EventStream"]))
        answer["EventStream"].close()
        for _ in range(100):
            try:
                chunks, _ = stream(server, name, "plain")
                break
            except client.exceptions.TooManyRequestsException:
                continue
        assert chunks == [b"one,", b"two"]
    finally:
        client.delete_function_concurrency(FunctionName=name)


def test_python_answers_in_one_chunk_and_a_streaming_url_does_not_interpret_it(server):
    name = f"whole-{uuid.uuid4().hex[:8]}"
    deploy(server, name, PYTHON)
    chunks, complete = stream(server, name, "go")
    assert [json.loads(chunk) for chunk in chunks] == [{"statusCode": 201, "body": "text"}]
    assert complete == {}
    chunks, complete = stream(server, name, "fail")
    assert (chunks, complete["ErrorCode"]) == ([], "Unhandled")
    assert json.loads(complete["ErrorDetails"])["errorType"] == "ValueError"
    url = server.client("lambda").create_function_url_config(
        FunctionName=name, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM"
    )["FunctionUrl"]
    answer = call_url(server, url)
    assert (answer.status_code, answer.json()) == (200, {"statusCode": 201, "body": "text"})
    assert answer.headers["content-type"] == "application/json"


def test_a_custom_runtime_streams_over_the_runtime_api(server):
    name = f"custom-{uuid.uuid4().hex[:8]}"
    role = create_role(server, f"{name}-role")
    server.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="any",
        Role=role,
        Timeout=10,
        Code={"ZipFile": pack({"bootstrap": BOOTSTRAP}, "bootstrap")},
    )
    chunks, complete = stream(server, name, "go")
    assert (b"".join(chunks), complete) == (b"first second", {})
    chunks, complete = stream(server, name, "fail")
    assert b"".join(chunks) == b"first second"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "half"


def test_refusals_come_before_the_stream(server):
    client = server.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="no-such-function")
    name = f"dry-{uuid.uuid4().hex[:8]}"
    deploy(server, name, PYTHON)
    dry = client.invoke_with_response_stream(FunctionName=name, InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke_with_response_stream(FunctionName=name)
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName=name, Payload=b"{")
