"""What `sign`, `presign` and `sign_stream` promise beside the right signature."""

import copy
import subprocess
import sys
import threading
import warnings

import pytest

from daypass.sigv4 import (
    Credentials,
    HttpRequest,
    PayloadMode,
    SessionEndsFirstWarning,
    SigningError,
    presign,
    sign,
    sign_stream,
)

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAX", "secret", "token/+=", expiration=1_440_938_760.0)
NOW = 1_440_938_160.0
OPTIONS = {"service": "lambda", "region": "eu-central-1", "now": NOW}


def signed_headers(headers: list[tuple[str, str]]) -> list[str]:
    return dict(headers)["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")


def test_input_is_not_changed():
    given = [("X-One", "1"), ("Host", "other.example.com")]
    request = HttpRequest("POST", "https://example.com/", given, b"body")
    before = copy.deepcopy(request)
    headers = sign(request, SESSION, **OPTIONS)
    assert request == before
    assert headers[: len(given)] == given
    assert "host" in signed_headers(headers)


def test_signing_again_replaces_the_earlier_signature():
    request = HttpRequest("GET", "https://example.com/")
    once = sign(request, SESSION, **OPTIONS)
    later = {**OPTIONS, "now": NOW + 100}
    again = sign(HttpRequest("GET", "https://example.com/", once), KEYS, **later)
    assert sorted(again) == sorted(sign(request, KEYS, **later))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:80", "example.com"),
        ("http://example.com:443?a=1", "example.com:443"),
        ("https://user:pass@example.com:8443#fragment", "example.com:8443"),
        ("https://[::1]:8443/", "[::1]:8443"),
    ],
)
def test_host_is_what_clients_send(url, host):
    assert dict(sign(HttpRequest("GET", url), KEYS, **OPTIONS))["Host"] == host


@pytest.mark.parametrize(
    "url", ["", "example.com", "/path", "ftp://example.com/", "https://", "https:///x"]
)
def test_url_that_cannot_be_sent(url):
    with pytest.raises(SigningError):
        sign(HttpRequest("GET", url), KEYS, **OPTIONS)


def test_broken_escape_and_line_breaks_are_refused():
    with pytest.raises(SigningError, match="%25"):
        sign(HttpRequest("GET", "https://example.com/?a=100%"), KEYS, **OPTIONS)
    with pytest.raises(SigningError, match="line break"):
        sign(HttpRequest("GET", "https://example.com/", [("X-A", "a\nb")]), KEYS, **OPTIONS)
    with pytest.raises(SigningError, match="line break"):
        sign(HttpRequest("GE\nT", "https://example.com/"), KEYS, **OPTIONS)


def test_what_hops_may_change_is_sent_and_not_signed():
    names = ["Accept-Encoding", "User-Agent", "Connection", "Transfer-Encoding", "X-Amzn-Trace-Id"]
    request = HttpRequest("GET", "https://example.com/", [(name, "x") for name in names])
    headers = sign(request, KEYS, **OPTIONS)
    assert signed_headers(headers) == ["host", "x-amz-date"]
    assert [name for name, _ in headers][: len(names)] == names


def test_token_is_signed_unless_it_is_to_be_left_out():
    request = HttpRequest("GET", "https://example.com/")
    assert "x-amz-security-token" in signed_headers(sign(request, SESSION, **OPTIONS))
    headers = sign(request, SESSION, unsigned_session_token=True, **OPTIONS)
    assert dict(headers)["X-Amz-Security-Token"] == "token/+="
    assert "x-amz-security-token" not in signed_headers(headers)


@pytest.mark.parametrize(
    ("service", "body", "sent"),
    [
        ("s3", b"", True),
        ("s3", "UNSIGNED-PAYLOAD", True),
        ("lambda", b"x", False),
        ("lambda", "0" * 64, False),
        ("lambda", "UNSIGNED-PAYLOAD", True),
    ],
)
def test_payload_is_declared_where_the_service_cannot_know_it(service, body, sent):
    headers = sign(
        HttpRequest("PUT", "https://example.com/", (), body),
        KEYS,
        **{**OPTIONS, "service": service},
    )
    assert ("X-Amz-Content-SHA256" in dict(headers)) == sent


def test_presigned_url_keeps_the_query_as_it_was():
    url = presign(HttpRequest("GET", "https://example.com/p?b=2&a=%7E#f"), KEYS, **OPTIONS)
    assert url.startswith("https://example.com/p?b=2&a=%7E&X-Amz-Algorithm=")
    assert url.partition("&X-Amz-Signature=")[2].isalnum()
    bare = presign(HttpRequest("GET", "https://example.com"), KEYS, **OPTIONS)
    assert bare.startswith("https://example.com?X-Amz-Algorithm=")


@pytest.mark.parametrize("expires", [0, -1, 604801])
def test_presigned_url_lasts_a_week_at_most(expires):
    with pytest.raises(SigningError):
        presign(HttpRequest("GET", "https://example.com/"), KEYS, expires=expires, **OPTIONS)


def test_presigned_url_that_outlives_its_session_warns():
    request = HttpRequest("GET", "https://example.com/")
    with pytest.warns(SessionEndsFirstWarning, match="3000 s before"):
        presign(request, SESSION, expires=3600, **OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        presign(request, SESSION, expires=600, **OPTIONS)


def test_threads_sign_as_one_does():
    requests = [
        HttpRequest("GET", f"https://example.com/{number}?q={number}") for number in range(200)
    ]
    expected = [sign(request, SESSION, **OPTIONS) for request in requests]
    results: list[list[object]] = []

    def work() -> None:
        results.append([sign(request, SESSION, **OPTIONS) for request in requests])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


def test_credentials_are_immutable_and_silent():
    with pytest.raises(AttributeError):
        SESSION.access_key_id = "other"
    assert "secret" not in repr(SESSION)
    assert "token" not in f"{SESSION} {SESSION!r}"
    assert Credentials("ASIAX", "secret", "token/+=", expiration=1_440_938_760.0) == SESSION
    with pytest.raises(TypeError):
        iter(SESSION)


def test_import_needs_no_sdk_and_no_cryptography():
    heavy = ["botocore", "boto3", "cryptography", "httpx", "dataclasses", "email", "asyncio"]
    code = f"import sys, daypass.sigv4; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# -- streams -------------------------------------------------------------------------------------

PUT = HttpRequest("PUT", "https://bucket.s3.amazonaws.com/key", [("Content-Encoding", "gzip")])
CRC = {"x-amz-checksum-crc32": 8}


@pytest.mark.parametrize(
    "mode", [PayloadMode.SIGNED_CHUNKS_TRAILER, PayloadMode.UNSIGNED_CHUNKS_TRAILER]
)
@pytest.mark.parametrize("size", [0, 1, 8192, 65536, 65537, 200_000])
async def test_stream_is_the_same_however_its_pieces_come(mode, size):
    data = b"z" * size

    def made():
        return sign_stream(
            PUT, KEYS, region="us-east-1", decoded_length=size, mode=mode, trailers=CRC, now=NOW
        )

    async def pieces():
        for at in range(0, size, 1000):
            yield data[at : at + 1000]

    def trailers():
        return {"X-Amz-Checksum-CRC32": "AAAAAA=="}

    whole = b"".join(made().encode([data], trailers))
    assert whole == b"".join([piece async for piece in made().encode_async(pieces(), trailers)])
    assert len(whole) == made().content_length
    assert dict(made().headers)["Content-Encoding"] == "aws-chunked,gzip"


def test_stream_of_another_length_or_with_other_trailers():
    def made(**options):
        return sign_stream(PUT, KEYS, region="us-east-1", decoded_length=10, now=NOW, **options)

    for data in (b"short", b"much too long for it"):
        with pytest.raises(SigningError):
            list(made().encode([data]))
    trailing = {"mode": PayloadMode.SIGNED_CHUNKS_TRAILER, "trailers": CRC}
    for given in ({}, {"other": "x"}):
        with pytest.raises(SigningError):
            list(made(**trailing).encode([b"0123456789"], lambda given=given: given))
    with pytest.raises(SigningError):
        made(trailers=CRC)
    with pytest.raises(SigningError):
        made(chunk_size=8191)
    with pytest.raises(SigningError):
        made(mode=PayloadMode.UNSIGNED)
    unknown = made(mode=PayloadMode.SIGNED_CHUNKS_TRAILER, trailers={"x-amz-checksum-crc32": None})
    assert unknown.content_length is None
