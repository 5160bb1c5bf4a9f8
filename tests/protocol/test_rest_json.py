"""Lambda's own ways over the wire."""

import json
from typing import Any

import pytest

from daypass.protocol import Request, ServiceError
from tests.protocol.wire import REQUEST_ID, decoded, model, parse, parsed


def refusal(operation: str, body: bytes, path: str = "/2015-03-31/functions") -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        model("lambda").decode(operation, Request("POST", path, "", {}), path, body)
    return caught.value


def test_labels_may_hold_what_separates_labels() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:one"
    found = decoded("lambda", "UntagResource", {"Resource": arn, "TagKeys": ["a b", "c"]})
    assert found == {"Resource": arn, "TagKeys": ["a b", "c"]}


def test_null_members_are_absent() -> None:
    body = b'{"Description":null,"Timeout":3,"Unknown":{"a":[1]}}'
    request = Request("PUT", "/2015-03-31/functions/one/configuration", "", {})
    found = model("lambda").decode("UpdateFunctionConfiguration", request, request.path, body)
    assert found == {"FunctionName": "one", "Timeout": 3}


def test_the_body_cannot_speak_for_the_path() -> None:
    request = Request("PUT", "/2015-03-31/functions/one/configuration", "", {})
    body = b'{"FunctionName":"other"}'
    found = model("lambda").decode("UpdateFunctionConfiguration", request, request.path, body)
    assert found == {"FunctionName": "one"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "well-formed"),
        (b"[]", "not an object"),
        (b'"a"', "not an object"),
        (b"\xff", "UTF-8"),
        (b'{"Timeout":"3"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"Timeout":3.0}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"Timeout":true}', "TRUE_VALUE can not be converted to an Integer"),
        (b'{"Timeout":99999999999}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"Description":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"Publish":"true"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"Layers":{}}', "START_OBJECT can not be converted to a List"),
        (b'{"Layers":[null]}', "NULL_VALUE can not be converted to a String"),
        (b'{"Environment":{"Variables":[]}}', "START_ARRAY can not be converted to a Map"),
        (b'{"Environment":[]}', "START_ARRAY can not be converted to a Structure"),
        (b'{"Code":{"ZipFile":"%%%"}}', "not base64"),
        (b'{"Timeout":NaN}', "NaN"),
        (b'{"Timeout":3,"Timeout":4}', "twice"),
    ],
)
def test_bodies_that_do_not_fit_the_model(body: bytes, detail: str) -> None:
    error = refusal("CreateFunction", body)
    assert (error.code, error.status) == ("SerializationException", 400)
    assert detail in error.message


def test_the_payload_of_an_invocation_is_passed_as_it_is() -> None:
    for payload in (b"{}", b"not json", b"\x00\xff"):
        found = decoded("lambda", "Invoke", {"FunctionName": "one", "Payload": payload})
        assert found == {"FunctionName": "one", "Payload": payload}


def test_an_invocation_s_answer() -> None:
    response = model("lambda").encode(
        "Invoke",
        {"StatusCode": 202, "Payload": b"", "FunctionError": "Unhandled", "ExecutedVersion": None},
        REQUEST_ID,
    )
    assert response.status == 202
    assert ("x-amz-function-error", "Unhandled") in response.headers
    found = parsed("lambda", "Invoke", {"StatusCode": 200, "Payload": b"[1]", "LogResult": "eA=="})
    assert (found["StatusCode"], found["Payload"], found["LogResult"]) == (200, b"[1]", "eA==")


def test_statuses_are_the_model_s() -> None:
    created = model("lambda").encode("CreateFunction", {"FunctionName": "one"}, REQUEST_ID)
    assert (created.status, created.body) == (201, b'{"FunctionName":"one"}')
    deleted = model("lambda").encode("DeleteFunctionUrlConfig", None, REQUEST_ID)
    assert (deleted.status, deleted.headers, deleted.body) == (204, [], b"")


@pytest.mark.parametrize(
    ("code", "member"),
    [
        # As the model of each error has it; the JavaScript SDK reads no other.
        ("ResourceNotFoundException", "Message"),
        ("InvalidParameterValueException", "message"),
        ("TooManyRequestsException", "message"),
        ("AccessDeniedException", "Message"),
        ("InvalidSignatureException", "message"),
    ],
)
def test_errors_are_read_by_botocore(code: str, member: str) -> None:
    error = ServiceError(code, "because \u00e9", 404, fields={"Reason": "x"})
    response = model("lambda").encode_error(error, Request("GET", "/", "", {}), REQUEST_ID)
    assert json.loads(bytes(response.body)) == {
        "Type": "User",
        member: "because \u00e9",
        "Reason": "x",
    }
    found: dict[str, Any] = parse("lambda", "GetFunction", response)
    assert (found["Error"]["Code"], found["Error"]["Message"]) == (code, "because \u00e9")


def test_a_fault_of_the_server_is_of_the_service() -> None:
    error = ServiceError("ServiceException", "x", 500)
    response = model("lambda").encode_error(error, Request("GET", "/", "", {}), REQUEST_ID)
    assert json.loads(bytes(response.body))["Type"] == "Service"
