import pytest

from daypass.protocol.errors import ServiceError
from daypass.services.s3.ranges import span_of


# RFC 9110 section 14.1.2, its examples of a representation of 10,000 bytes among them.
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", "bytes 0-499/10000"),
        ("bytes=500-999", "bytes 500-999/10000"),
        ("bytes=-500", "bytes 9500-9999/10000"),
        ("bytes=9500-", "bytes 9500-9999/10000"),
        ("bytes=0-0", "bytes 0-0/10000"),
        ("bytes=-20000", "bytes 0-9999/10000"),
        ("bytes=9999-20000", "bytes 9999-9999/10000"),
        ("bytes=0-99999999999999999999999", "bytes 0-9999/10000"),
    ],
)
def test_a_range_is_the_bytes_it_names(header: str, expected: str) -> None:
    span = span_of(header, 10_000)
    assert span is not None
    assert span.content_range == expected


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,4-5", "x=0-1"]
)
def test_what_is_not_one_range_is_ignored(header: str | None) -> None:
    assert span_of(header, 10_000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10000-", 10_000), ("bytes=-0", 10_000), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_a_range_without_a_byte_is_refused_with_the_size(header: str, size: int) -> None:
    with pytest.raises(ServiceError) as refusal:
        span_of(header, size)
    assert (refusal.value.code, refusal.value.status) == ("InvalidRange", 416)
    assert refusal.value.fields["ActualObjectSize"] == str(size)
    assert refusal.value.headers["Content-Range"] == f"bytes */{size}"
