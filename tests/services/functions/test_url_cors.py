"""CORS of Function URLs: preflights, headers on replies, and no origin answered by mistake."""

import pytest

from daypass.protocol.message import Request, Response
from daypass.services.functions.cors import add_headers, answer_preflight
from daypass.store.functions import Cors

CORS = Cors(
    allow_credentials=True,
    allow_headers=["content-type", "x-custom"],
    allow_methods=["GET", "POST"],
    allow_origins=["https://app.example", "http://localhost:3000"],
    expose_headers=["x-result"],
    max_age=300,
)


def request(method: str = "GET", **headers: str) -> Request:
    return Request(method, "/", "", {key.replace("_", "-"): text for key, text in headers.items()})


def preflight(cors: Cors, origin: str) -> dict[str, str]:
    asked = request("OPTIONS", origin=origin, access_control_request_method="POST")
    answer = answer_preflight(cors, asked)
    assert answer is not None
    assert answer.status == 200
    return dict(answer.headers)


def test_a_preflight_from_an_allowed_origin() -> None:
    assert preflight(CORS, "https://app.example") == {
        "vary": "Origin",
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "content-type,x-custom",
        "access-control-max-age": "300",
    }


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://APP.example",
        "null",
        "",
    ],
)
def test_no_other_origin_is_answered(origin: str) -> None:
    assert preflight(CORS, origin) == {"vary": "Origin"}


def test_any_origin_is_answered_with_a_star_and_never_with_itself() -> None:
    cors = Cors(allow_origins=["*"], allow_credentials=True)
    assert preflight(cors, "https://evil.example")["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "asked",
    [
        request("OPTIONS"),
        request("OPTIONS", origin="https://app.example"),
        request("OPTIONS", access_control_request_method="GET"),
        request("GET", origin="https://app.example", access_control_request_method="GET"),
    ],
)
def test_what_is_no_preflight_reaches_the_function(asked: Request) -> None:
    assert answer_preflight(CORS, asked) is None


def test_configured_headers_stand_beside_the_functions_own() -> None:
    """Lambda developer guide, "Cross-origin resource sharing (CORS)": the configuration has
    precedence for preflights; on other requests both are sent, and may be there twice."""
    response = Response(200, [("access-control-allow-origin", "*"), ("x-result", "1")])
    add_headers(CORS, request(origin="http://localhost:3000"), response)

    assert response.headers == [
        ("access-control-allow-origin", "*"),
        ("x-result", "1"),
        ("vary", "Origin"),
        ("access-control-allow-origin", "http://localhost:3000"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-result"),
    ]


def test_without_an_origin_nothing_is_added() -> None:
    response = Response(200, [("x-result", "1")])
    add_headers(CORS, request(), response)
    assert response.headers == [("x-result", "1")]
