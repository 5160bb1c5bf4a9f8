"""What functions return, as responses: recorded on AWS by LocalStack's tests, and its documents."""

import json

import pytest

from daypass.services.functions.url_reply import BadReplyError, build_response

JSON = ("content-type", "application/json")


def reply(value: object) -> tuple[int, list[tuple[str, str]], bytes]:
    response = build_response(json.dumps(value).encode())
    assert isinstance(response.body, bytes)
    return response.status, response.headers, response.body


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (["hello", 3, True], b'["hello",3,true]'),
        ({"message": "hi"}, b'{"message":"hi"}'),
        ({"body": "not a response", "headers": {}}, b'{"body":"not a response","headers":{}}'),
        (3.1, b"3.1"),
        (True, b"true"),
        (None, b"null"),
        # Against the documentation, which shows it in quotes.
        ("hello", b"hello"),
        ("", b""),
        ({"ä": "€"}, '{"ä":"€"}'.encode()),
    ],
)
def test_what_is_no_structured_reply_is_200_and_json(value: object, body: bytes) -> None:
    assert reply(value) == (200, [JSON], body)


def test_a_structured_reply() -> None:
    assert reply(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "My-Custom-Header": "Custom Value"},
            "body": "<p>",
            "cookies": ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2"],
            "isBase64Encoded": False,
        }
    ) == (
        201,
        [
            ("content-type", "text/html"),
            ("my-custom-header", "Custom Value"),
            ("set-cookie", "Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT"),
            ("set-cookie", "Cookie_2=Value2"),
        ],
        b"<p>",
    )


@pytest.mark.parametrize("status", [418, "418", 418.0])
def test_a_status_is_a_number_or_its_text(status: object) -> None:
    assert reply({"statusCode": status, "body": "x"}) == (418, [JSON], b"x")


def test_base64_bodies_are_decoded() -> None:
    assert reply({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True})[2] == b"\x00\xff"


@pytest.mark.parametrize(("body", "sent"), [({"a": 1}, b'{"a":1}'), ([1], b"[1]"), (None, b"")])
def test_other_bodies(body: object, sent: bytes) -> None:
    assert reply({"statusCode": 200, "body": body})[2] == sent


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    assert reply({"statusCode": status, "body": "x"})[2] == b""


def test_header_values_may_be_numbers_and_booleans() -> None:
    headers = dict(reply({"statusCode": 200, "headers": {"a": 1, "b": True, "c": 1.5}})[1])
    assert (headers["a"], headers["b"], headers["c"]) == ("1", "true", "1.5")


def test_headers_of_the_connection_are_the_servers() -> None:
    headers = {
        "Content-Length": "5",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "X-Amzn-RequestId": "forged",
        "X-Daypass-Explanation": "forged",
        "X-Kept": "1",
    }
    assert reply({"statusCode": 200, "headers": headers})[1] == [("x-kept", "1"), JSON]


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 1000},
        {"statusCode": 200.5},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": "abc"},
        {"statusCode": "٢٠٠"},
        {"statusCode": 200, "headers": "x"},
        {"statusCode": 200, "headers": {"a b": "x"}},
        {"statusCode": 200, "headers": {"": "x"}},
        {"statusCode": 200, "headers": {"a": "x\r\nset-cookie: stolen=1"}},
        {"statusCode": 200, "headers": {"a": "x\0"}},
        {"statusCode": 200, "headers": {"a": {"b": 1}}},
        {"statusCode": 200, "headers": {"a\r\nb": "x"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": ["a=1\r\nx: y"]},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
    ],
)
def test_what_cannot_be_a_response(value: object) -> None:
    with pytest.raises(BadReplyError):
        reply(value)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json(payload: bytes) -> None:
    with pytest.raises(BadReplyError):
        build_response(payload)
