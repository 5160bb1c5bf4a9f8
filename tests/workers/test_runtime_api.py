"""The wire of the HTTP Runtime API, as recorded from AWS's emulator of it."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from daypass.workers.extensions import Extensions
from daypass.workers.function import Event, FunctionSpec
from daypass.workers.runtime_api import RuntimeApi
from daypass.workers.stream import Flow

EVENT = Event(
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd", b'{"key": "value"}', '{"client": {}}', "Root=1"
)
PREFIX = "/2018-06-01/runtime"
EXTENSIONS = "/2020-01-01/extension"
FUNCTION = FunctionSpec(
    name="f",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:f",
    revision="1",
    runtime="provided.al2023",
    handler="h",
    code_sha256="0",
    timeout=3,
    memory_size=128,
    ephemeral_storage=512,
    region="eu-west-1",
    endpoint_url="http://127.0.0.1:9311",
)


class Told:
    """What a listener was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def is_ready(self) -> None:
        self.calls.append(("ready",))

    def responded(self, request_id: str, payload: bytes) -> None:
        self.calls.append(("responded", request_id, payload))

    def failed(self, request_id: str, payload: bytes, error_type: str) -> None:
        self.calls.append(("failed", request_id, payload, error_type))

    def init_failed(self, payload: bytes, error_type: str) -> None:
        self.calls.append(("init_failed", payload, error_type))

    def oversized(self, request_id: str, size: int) -> None:
        self.calls.append(("oversized", request_id, size))

    def began_streaming(self, request_id: str, content_type: str, flow: Flow) -> None:
        self.calls.append(("began", request_id, content_type))

    def streamed(self, request_id: str, piece: bytes) -> None:
        self.calls.append(("streamed", request_id, piece))

    def ended_streaming(self, request_id: str, payload: bytes, error_type: str | None) -> None:
        self.calls.append(("ended", request_id, payload, error_type))

    def extensions_changed(self) -> None:
        self.calls.append(("changed",))

    def extension_failed(self, payload: bytes, error_type: str) -> None:
        self.calls.append(("extension", payload, error_type))

    def hung_up(self) -> None:
        self.calls.append(("hung_up",))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def api(told: Told) -> AsyncIterator[RuntimeApi]:
    # This test is in its own session, so it may connect.
    extensions = Extensions(FUNCTION, ["expected"], told.extensions_changed, told.extension_failed)
    api = await RuntimeApi.open(told, lambda: os.getsid(0), extensions)
    yield api
    api.close()


@pytest.fixture
async def client(api: RuntimeApi) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{api.address}", timeout=10) as client:
        yield client


async def test_next_waits_for_an_event_and_carries_it(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    waiting = asyncio.ensure_future(client.get(f"{PREFIX}/invocation/next"))
    while not told.calls:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    api.invoke(EVENT, "arn:aws:lambda:us-east-2:123456789012:function:custom", 1_542_409_706.888)
    answer = await waiting

    assert answer.status_code == 200
    assert answer.content == EVENT.payload
    # The names and forms of the Lambda developer guide, "Using the Lambda runtime API".
    assert answer.headers["lambda-runtime-aws-request-id"] == EVENT.request_id
    assert answer.headers["lambda-runtime-deadline-ms"] == "1542409706888"
    assert (
        answer.headers["lambda-runtime-invoked-function-arn"]
        == "arn:aws:lambda:us-east-2:123456789012:function:custom"
    )
    assert answer.headers["lambda-runtime-trace-id"] == "Root=1"
    assert answer.headers["lambda-runtime-client-context"] == '{"client": {}}'
    assert "lambda-runtime-cognito-identity" not in answer.headers


async def test_a_response_is_accepted_once(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    api.invoke(EVENT, "arn", 0)
    await client.get(f"{PREFIX}/invocation/next")
    path = f"{PREFIX}/invocation/{EVENT.request_id}/response"
    first = await client.post(path, content=b"42")
    second = await client.post(path, content=b"43")

    assert (first.status_code, first.content) == (202, b'{"status":"OK"}\n')
    assert second.status_code == 400
    assert second.json() == {
        "errorMessage": "Invalid request ID",
        "errorType": "InvalidRequestID",
    }
    assert told.calls[1:] == [("responded", EVENT.request_id, b"42")]


async def test_a_chunked_response_is_whole(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"a"'
        yield b": 1}"

    api.invoke(EVENT, "arn", 0)
    await client.post(f"{PREFIX}/invocation/{EVENT.request_id}/response", content=pieces())

    assert told.calls == [("responded", EVENT.request_id, b'{"a": 1}')]


async def test_errors_name_their_type(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    header = {"Lambda-Runtime-Function-Error-Type": "Runtime.Broken"}
    api.invoke(EVENT, "arn", 0)
    await client.post(
        f"{PREFIX}/invocation/{EVENT.request_id}/error",
        content=b'{"errorType": "Own"}',
        headers=header,
    )
    await client.post(f"{PREFIX}/init/error", content=b'{"errorType": "Own"}')

    assert told.calls == [
        ("failed", EVENT.request_id, b'{"errorType": "Own"}', "Runtime.Broken"),
        ("init_failed", b'{"errorType": "Own"}', "Own"),
    ]


async def test_an_oversized_response_is_refused(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    api.invoke(EVENT, "arn", 0)
    answer = await client.post(
        f"{PREFIX}/invocation/{EVENT.request_id}/response", content=bytes(6_291_557)
    )

    assert answer.status_code == 413
    assert answer.json() == {
        "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "RequestEntityTooLarge",
    }
    assert told.calls == [("oversized", EVENT.request_id, 6_291_557)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", f"{PREFIX}/invocation/next"),
        ("POST", f"{PREFIX}/invocation/x/other"),
        ("GET", f"{PREFIX}/invocation/x/response"),
        ("DELETE", f"{PREFIX}/init/error"),
    ],
)
async def test_what_there_is_not(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await client.request(method, path)).status_code == 404


async def test_what_is_not_http_ends_the_connection(api: RuntimeApi) -> None:
    host, _, port = api.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01\x00\x00\r\n\r\n")

    assert await reader.read() == b""
    writer.close()


async def test_another_session_is_not_served(told: Told) -> None:
    extensions = Extensions(FUNCTION, [], told.extensions_changed, told.extension_failed)
    api = await RuntimeApi.open(told, lambda: 1, extensions)
    try:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://{api.address}{PREFIX}/invocation/next")
    finally:
        api.close()
    assert told.calls == []


# -- responses in pieces -------------------------------------------------------------------------
# The bytes of aws-lambda-ric 3.3.0 for Node.js.

STREAM_HEAD = (
    f"POST {PREFIX}/invocation/{EVENT.request_id}/response HTTP/1.1\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Body\r\n"
    "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    "Host: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
)


async def stream(api: RuntimeApi, *pieces: str) -> bytes:
    """Send the head and these pieces one after the other; what was answered."""
    api.invoke(EVENT, "arn", 1.0)
    host, port = api.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in (STREAM_HEAD, *pieces):
        writer.write(piece.encode())
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def pieces_of(told: Told) -> bytes:
    return b"".join(call[2] for call in told.calls if call[0] == "streamed")


async def test_a_streamed_response_is_told_as_it_comes(api: RuntimeApi, told: Told) -> None:
    answer = await stream(api, "3\r\none\r\n", "4\r\n two\r\n", "0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 202 ")
    content_type = "application/vnd.awslambda.http-integration-response"
    assert told.calls[0] == ("began", EVENT.request_id, content_type)
    assert pieces_of(told) == b"one two"
    assert told.calls[-1] == ("ended", EVENT.request_id, b"", None)


async def test_an_error_in_mid_stream_comes_in_trailers(api: RuntimeApi, told: Told) -> None:
    body = b'{"errorType":"Error","errorMessage":"no","trace":[]}'
    answer = await stream(
        api,
        "3\r\none\r\n",
        "0\r\nLambda-Runtime-Function-Error-Type: Error\r\n"
        f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(body).decode()}\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert told.calls[-1] == ("ended", EVENT.request_id, body, "Error")


async def test_a_stream_that_is_not_sent_to_its_end_is_an_error(
    api: RuntimeApi, told: Told
) -> None:
    await stream(api, "3\r\none\r\n")
    kind, _, body, error_type = told.calls[-1]
    assert (kind, error_type) == ("ended", "Runtime.TruncatedResponse")
    assert json.loads(body)["errorType"] == error_type


async def test_an_invocation_is_streamed_once(api: RuntimeApi, told: Told) -> None:
    await stream(api, "0\r\n\r\n")
    host, port = api.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{STREAM_HEAD}3\r\none\r\n0\r\n\r\n".encode())
    assert b"InvalidRequestID" in await reader.read(4096)
    writer.close()
    assert pieces_of(told) == b""


async def test_an_unknown_response_mode_is_an_error(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    api.invoke(EVENT, "arn", 1.0)
    answer = await client.post(
        f"{PREFIX}/invocation/{EVENT.request_id}/response",
        headers={"Lambda-Runtime-Function-Response-Mode": "sideways"},
        content=b"1",
    )
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "InvalidFunctionResponseMode"
    assert told.calls[-1][3] == "Runtime.InvalidResponseModeHeader"


# -- extensions ----------------------------------------------------------------------------------
# Error types of AWS's runtime interface emulator, all of them 403.


async def register(
    client: httpx.AsyncClient, name: str = "expected", body: str = '{"events":["INVOKE"]}'
) -> httpx.Response:
    headers = {"Lambda-Extension-Name": name, "Lambda-Extension-Accept-Feature": "accountId"}
    return await client.post(f"{EXTENSIONS}/register", headers=headers, content=body)


async def test_an_extension_registers_and_hears_of_an_invocation(
    api: RuntimeApi, client: httpx.AsyncClient, told: Told
) -> None:
    answer = await register(client)
    assert answer.status_code == 200
    assert answer.json() == {
        "functionName": "f",
        "functionVersion": "$LATEST",
        "handler": "h",
        "accountId": "123456789012",
    }
    extensions = api._extensions
    assert not extensions.ready()
    me = {"Lambda-Extension-Identifier": answer.headers["lambda-extension-identifier"]}
    waiting = asyncio.ensure_future(client.get(f"{EXTENSIONS}/event/next", headers=me))
    while ("changed",) not in told.calls:
        await asyncio.sleep(0.01)
    assert extensions.ready()
    assert extensions.idle()
    extensions.invoke(EVENT, "arn", 1_542_409_706.888)
    assert not extensions.idle()
    event = await waiting
    assert event.headers["lambda-extension-event-identifier"]
    assert event.json() == {
        "eventType": "INVOKE",
        "deadlineMs": 1_542_409_706_888,
        "requestId": EVENT.request_id,
        "invokedFunctionArn": "arn",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
    }
    assert not extensions.shut_down("spindown", 1.0), "it did not ask to hear of that"


@pytest.mark.parametrize(
    ("name", "body", "error_type"),
    [
        ("", '{"events":[]}', "Extension.InvalidExtensionName"),
        ("x", "{", "InvalidRequestFormat"),
        ("x", '{"events":3}', "InvalidRequestFormat"),
        ("x", '{"events":["SLEEP"]}', "Extension.InvalidEventType"),
    ],
)
async def test_what_cannot_register(
    client: httpx.AsyncClient, name: str, body: str, error_type: str
) -> None:
    answer = await register(client, name, body)
    assert (answer.status_code, answer.json()["errorType"]) == (403, error_type)


async def test_registration_closes_and_identifiers_are_checked(
    api: RuntimeApi, client: httpx.AsyncClient
) -> None:
    api._extensions.close_registration()
    answer = await register(client)
    assert answer.json()["errorType"] == "Extension.RegistrationClosed"
    for identifier, error_type in (
        ("", "Extension.MissingExtensionIdentifier"),
        ("x", "Extension.InvalidExtensionIdentifier"),
        ("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "Extension.UnknownExtensionIdentifier"),
    ):
        headers = {"Lambda-Extension-Identifier": identifier} if identifier else {}
        answer = await client.get(f"{EXTENSIONS}/event/next", headers=headers)
        assert (answer.status_code, answer.json()["errorType"]) == (403, error_type)


async def test_an_extension_reports_an_error(client: httpx.AsyncClient, told: Told) -> None:
    identifier = (await register(client)).headers["lambda-extension-identifier"]
    answer = await client.post(
        f"{EXTENSIONS}/exit/error",
        headers={
            "Lambda-Extension-Identifier": identifier,
            "Lambda-Extension-Function-Error-Type": "Extension.Bad",
        },
        content=b"{}",
    )
    assert answer.status_code == 202
    assert told.calls[-1] == ("extension", b"{}", "Extension.Bad")
