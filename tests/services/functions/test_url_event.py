"""Requests as events, payload format 2.0, against AWS's documentation and recordings.

Sources: Lambda developer guide, "Invoking Lambda function URLs"; LocalStack's tests recorded
against AWS; ministack PR 766 for the rule which bodies are base64.
"""

import base64
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daypass.gateway.authenticate import ANONYMOUS
from daypass.gateway.node import Node
from daypass.gateway.operation import Call
from daypass.protocol.message import Request, combine_headers
from daypass.services.functions.url_event import build_event, encode_event
from daypass.services.functions.urls import URL_SERVICE

URL_ID = "0123456789abcdefghijklmnopqrstuv"
NODE = cast("Node", SimpleNamespace(region="us-west-2", account_id="123456789012"))
NOW = 1_583_348_638.39


def event_of(
    raw_path: str = "/",
    query: str = "",
    *headers: tuple[str, str],
    method: str = "GET",
    body: bytes = b"",
    scheme: str = "http",
) -> dict[str, Any]:
    combined, repeated = combine_headers([("Host", "example.test:9311"), *headers])
    request = Request(
        method, "/as/sent", query, combined, repeated, client="205.255.255.176", scheme=scheme
    )
    call = Call(
        node=NODE,
        operation=next(iter(URL_SERVICE.operations.values())),
        caller=ANONYMOUS,
        input={},
        request=request,
        request_id="e1506fd5-9e7b-434f-bd42-4f8fa224b599",
        now=NOW,
        decide=cast("Any", None),
    )
    event: dict[str, Any] = json.loads(
        encode_event(build_event(call, URL_ID, raw_path, body, "Root=1-5e1b4151-5ac6c58f5ac6c58f"))
    )
    return event


def test_the_whole_event_of_a_bare_request() -> None:
    assert event_of() == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": "example.test:9311",
            "x-amzn-trace-id": "Root=1-5e1b4151-5ac6c58f5ac6c58f",
            "x-forwarded-for": "205.255.255.176",
            "x-forwarded-port": "9311",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": URL_ID,
            "domainName": f"{URL_ID}.lambda-url.us-west-2.on.aws",
            "domainPrefix": URL_ID,
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "205.255.255.176",
                "userAgent": "",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("path", ["/pa2%Fth/1", "/a%2Fb%20c", "//x", "/../y", "/%ff", "/ü"])
def test_the_path_keeps_its_escapes(path: str) -> None:
    event = event_of(path)
    assert event["rawPath"] == path
    assert event["requestContext"]["http"]["path"] == path


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (
            "parameter1=value1&parameter1=value2&parameter2=value",
            {"parameter1": "value1,value2", "parameter2": "value"},
        ),
        ("a=1%2C2&b=%20x+y", {"a": "1,2", "b": " x y"}),
        ("empty=&bare", {"empty": "", "bare": ""}),
        ("%C3%BC=%E2%82%AC", {"ü": "€"}),
        ("", None),
    ],
)
def test_query_parameters(query: str, parameters: dict[str, str] | None) -> None:
    event = event_of("/", query)
    assert event["rawQueryString"] == query
    assert event.get("queryStringParameters") == parameters


def test_headers_are_lower_case_joined_and_cleaned() -> None:
    headers = event_of(
        "/",
        "",
        ("Header1", "value1"),
        ("HEADER2", "value1"),
        ("header2", "value2"),
        ("Connection", "keep-alive"),
        ("User-Agent", "agent"),
    )["headers"]

    assert headers["header1"] == "value1"
    assert headers["header2"] == "value1,value2"
    assert headers["user-agent"] == "agent"
    assert "connection" not in headers


def test_cookies_come_apart() -> None:
    event = event_of("/", "", ("Cookie", "cookie1=a; cookie2=b=c"), ("Cookie", "cookie3"))
    assert event["cookies"] == ["cookie1=a", "cookie2=b=c,cookie3"]
    assert "cookie" not in event["headers"]
    assert "cookies" not in event_of()


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("text/plain", True),
        ("text/html; charset=utf-8", True),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("application/octet-stream", False),
        ("application/vnd.api+json", False),
        ("image/svg+xml", False),
        ("", False),
    ],
)
def test_which_bodies_are_text(content_type: str, is_text: bool) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    body = "naïve: 1".encode()
    event = event_of("/", "", *headers, method="POST", body=body)

    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == ("naïve: 1" if is_text else base64.b64encode(body).decode())


def test_text_that_is_not_utf_8_is_base64() -> None:
    event = event_of("/", "", ("Content-Type", "text/plain"), method="POST", body=b"\xff\xfe")
    assert (event["body"], event["isBase64Encoded"]) == ("//4=", True)


def test_an_empty_body_is_left_out() -> None:
    event = event_of("/", "", ("Content-Type", "application/octet-stream"), method="POST")
    assert "body" not in event
    assert event["isBase64Encoded"] is False
