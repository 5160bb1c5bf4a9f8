"""Attack 99: line breaks and NUL in what becomes a response header."""

from collections.abc import Iterator

import pytest

from tests.conftest import Server
from tests.security.s3_world import Bucket, a_bucket
from tests.signing import send, signed


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        made.put("k")
        yield made


@pytest.mark.parametrize("injected", ["%0D%0AX-Evil:%201", "%0AX-Evil:%201", "%00", "%7F"])
@pytest.mark.parametrize(
    "parameter",
    [
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    ],
)
def test_a_response_header_cannot_be_split(bucket: Bucket, parameter: str, injected: str) -> None:
    path = f"k?{parameter}=a{injected}"
    for presigned in (False, True):
        answer = send(bucket.as_it_stands("GET", path, presigned=presigned))
        assert answer.status == 400, answer
        assert "x-evil" not in answer.headers


@pytest.mark.parametrize("header", ["x-amz-meta-a", "content-type", "cache-control"])
def test_a_stored_header_cannot_hold_a_control_character(bucket: Bucket, header: str) -> None:
    credentials = bucket.credentials
    request = signed(
        credentials,
        "s3",
        bucket.server.region,
        "PUT",
        bucket.url("new"),
        b"x",
        {header: "a\x01b"},
    )
    assert send(request).status == 400
    assert bucket.listed() == ["k"]
