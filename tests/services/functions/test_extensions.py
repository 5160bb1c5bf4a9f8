"""Extensions in layers, beside a Python function and a custom runtime."""

import os
import sys
import time
import uuid

import pytest

from tests.conftest import Server
from tests.functions import allow, create_role, deploy, invoke, pack

LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
EXTENSION = f"""#!{os.path.realpath(sys.executable)}
import http.client, json, os
api = os.environ["AWS_LAMBDA_RUNTIME_API"]

def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer.headers, json.loads(answer.read())

headers, function = call(
    "POST", "register", {{"Lambda-Extension-Name": "watcher"}},
    json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}),
)
me = {{"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}}
print("extension of", function["functionName"], "_HANDLER" in os.environ, flush=True)
while True:
    _, event = call("GET", "event/next", me)
    print("extension heard", event["eventType"], event.get("requestId"),
          event.get("shutdownReason"), flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""
PYTHON = "def handler(event, context):\n    return 'answered'\n"
BOOTSTRAP = f"""#!{os.path.realpath(sys.executable)}
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    name = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    answer.read()
    api.request("POST", f"/2018-06-01/runtime/invocation/{{name}}/response", b'"answered"')
    api.getresponse().read()
"""


@pytest.fixture(scope="module")
def layer(server: Server) -> str:
    package = pack({"extensions/watcher": EXTENSION}, "extensions/watcher")
    arn: str = server.client("lambda").publish_layer_version(
        LayerName=f"watcher-{uuid.uuid4().hex[:8]}", Content={"ZipFile": package}
    )["LayerVersionArn"]
    return arn


def heard(server: Server, name: str, word: str) -> list[str]:
    """What the extension wrote, once there is a line with this word."""
    client = server.client("logs")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            events = client.filter_log_events(
                logGroupName=f"/aws/lambda/{name}", filterPattern="extension"
            )["events"]
        except client.exceptions.ResourceNotFoundException:
            events = []
        lines = [event["message"].strip() for event in events]
        if any(word in line for line in lines):
            return lines
        time.sleep(0.1)
    pytest.fail(f"the extension did not write {word}: {lines}")


@pytest.mark.parametrize(
    ("runtime", "files"),
    [("python3.12", {"app.py": PYTHON}), ("provided.al2023", {"bootstrap": BOOTSTRAP})],
)
def test_an_extension_hears_of_invocations_and_of_the_end(server, layer, runtime, files):
    name = f"extended-{uuid.uuid4().hex[:8]}"
    role = create_role(server, f"{name}-role", LOGS)
    deploy(
        server,
        name,
        "",
        role=role,
        Runtime=runtime,
        Code={"ZipFile": pack(files, "bootstrap")},
        Layers=[layer],
    )
    first = invoke(server, name)
    # Until the extension is done with it, the environment takes no other event.
    heard(server, name, first["ResponseMetadata"]["RequestId"])
    second = invoke(server, name)
    assert (first["Payload"], second["Payload"]) == ("answered", "answered")
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in (first, second)]
    lines = heard(server, name, ids[1])
    assert lines == [
        f"extension of {name} False",
        f"extension heard INVOKE {ids[0]} None",
        f"extension heard INVOKE {ids[1]} None",
    ]
    server.client("lambda").update_function_configuration(FunctionName=name, Description="new")
    assert heard(server, name, "SHUTDOWN")[-1] == "extension heard SHUTDOWN None spindown"
