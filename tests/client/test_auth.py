"""What really goes over the wire, judged by botocore's signer."""

import io
import json
import os
import subprocess
import sys
import threading

import httpx
import pytest
import requests

import daypass
from daypass.client import Static, UnknownEndpointError, UnsignableBodyError
from daypass.sigv4 import Credentials, SigningError
from tests.client.wire import recording

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TEMPORARY = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, "session/token+of=some==length")
PATHS = ["/", "/a%20b/c", "/%C3%A9", "/x?b=2&a=1&a=0&empty=", "/x?q=a%2Fb%3D%3D&sp=%20", "/k%2Fx"]


@pytest.fixture(scope="module")
def wire():
    with recording() as recorder:
        yield recorder


def auth(service="lambda", **options):
    return daypass.Auth(service, "eu-west-1", TEMPORARY, **options)


def assert_signed(received, service="lambda"):
    assert received.signature() == received.expected_signature(SECRET, service, "eu-west-1")
    assert received.header("x-amz-security-token") == TEMPORARY.session_token
    signed = set(received.signed_names())
    on_wire = {name.lower() for name, _ in received.headers}
    assert "host" in signed
    assert {name for name in on_wire if name.startswith("x-amz-")} <= signed


@pytest.mark.parametrize("service", ["lambda", "s3"])
@pytest.mark.parametrize("path", PATHS)
def test_httpx_and_requests_sign_what_they_send(wire, path, service):
    httpx.get(wire.url + path, auth=auth(service))
    assert_signed(wire.last, service)
    requests.get(wire.url + path, auth=auth(service), timeout=5)
    assert_signed(wire.last, service)


@pytest.mark.parametrize("send", [httpx.post, requests.post])
def test_the_body_is_part_of_the_signature(wire, send):
    send(wire.url + "/", auth=auth(), json={"a": "é"})
    assert_signed(wire.last)
    assert json.loads(wire.last.body) == {"a": "é"}
    assert "content-type" in wire.last.signed_names()


@pytest.mark.parametrize("send", [httpx.post, requests.post])
def test_forms_are_signed(wire, send):
    send(wire.url + "/", auth=auth(), data={"a": "1 2", "b": "ü"})
    assert_signed(wire.last)


async def test_httpx_signs_for_its_async_client(wire):
    async with httpx.AsyncClient(auth=auth()) as client:
        await client.put(wire.url + "/x", content=b"body")
    assert_signed(wire.last)
    assert wire.last.body == b"body"


def test_files_are_hashed_in_pieces_and_sent_from_where_they_stood(wire, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 300_000)
    with path.open("rb") as file:
        httpx.put(wire.url + "/b/k", content=file, auth=auth("s3"))
        assert_signed(wire.last, "s3")
        assert wire.last.body == path.read_bytes()
        file.seek(10)
        requests.put(wire.url + "/b/k", data=file, auth=auth("s3"), timeout=5)
    assert_signed(wire.last, "s3")
    assert wire.last.body == path.read_bytes()[10:]


@pytest.mark.parametrize("post", [httpx.post, requests.post])
def test_multipart_forms_are_signed(wire, post):
    post(wire.url + "/", files={"f": ("n", io.BytesIO(b"x" * 100_000))}, auth=auth())
    assert_signed(wire.last)
    assert b"x" * 100_000 in wire.last.body


def pieces():
    yield b"one"
    yield b"two"


@pytest.mark.parametrize(
    "send",
    [
        lambda url, auth: httpx.put(url, content=pieces(), auth=auth),
        lambda url, auth: requests.put(url, data=pieces(), auth=auth, timeout=5),
    ],
)
def test_iterators_are_refused_and_not_buffered(wire, send):
    before = len(wire.received)
    with pytest.raises(UnsignableBodyError, match=r'read only once.*payload="unsigned"'):
        send(wire.url + "/b/k", auth("s3"))
    assert len(wire.received) == before


async def test_async_iterators_are_refused(wire):
    async def later():
        yield b"x"

    async with httpx.AsyncClient(auth=auth("s3")) as client:
        with pytest.raises(UnsignableBodyError):
            await client.put(wire.url + "/b/k", content=later())


def test_s3_takes_iterators_with_an_unsigned_payload(wire):
    httpx.put(wire.url + "/b/k", content=pieces(), auth=auth("s3", payload="unsigned"))
    assert wire.last.header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
    assert_signed(wire.last, "s3")
    assert wire.last.body == b"onetwo"


def test_only_s3_takes_an_unsigned_payload(wire):
    with pytest.raises(UnsignableBodyError, match="Only S3"):
        httpx.put(wire.url, content=pieces(), auth=auth("lambda", payload="unsigned"))


@pytest.mark.filterwarnings("ignore:Requests has determined the content-length")
def test_a_file_opened_as_text_is_refused(wire, tmp_path):
    path = tmp_path / "file"
    path.write_text("é")
    with path.open() as file, pytest.raises(UnsignableBodyError, match='"rb"'):
        requests.put(wire.url, data=file, auth=auth(), timeout=5)


def test_a_pipe_is_refused(wire):
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(UnsignableBodyError, match="pipe"):
        httpx.put(wire.url, content=pipe, auth=auth("s3"))


@pytest.mark.parametrize("send", [httpx.get, requests.get])
def test_headers_of_the_callers_that_aws_reads_are_signed(wire, send):
    send(wire.url + "/b/k", auth=auth("s3"), headers={"x-amz-meta-who": "me", "x-other": "1"})
    assert_signed(wire.last, "s3")
    assert {"x-amz-meta-who"} <= set(wire.last.signed_names())
    assert not {"x-other", "user-agent", "accept-encoding"} & set(wire.last.signed_names())


def test_an_earlier_signature_leaves_nothing_behind(wire):
    stale = {
        "authorization": "AWS4-HMAC-SHA256 old",
        "x-amz-date": "20200101T000000Z",
        "x-amz-security-token": "old",
        "x-amz-content-sha256": "old",
    }
    httpx.get(wire.url + "/", headers=stale, auth=auth())
    assert_signed(wire.last)
    requests.get(wire.url + "/", headers=stale, auth=auth(), timeout=5)
    assert_signed(wire.last)


def test_long_term_credentials_send_no_token(wire):
    httpx.get(wire.url, auth=daypass.Auth("sts", "eu-west-1", Credentials("AKIDEXAMPLE", SECRET)))
    assert wire.last.header("x-amz-security-token") is None
    assert wire.last.signature() == wire.last.expected_signature(SECRET, "sts", "eu-west-1")


def test_credentials_are_asked_for_before_each_signature(wire):
    class Turning:
        def __init__(self):
            self.count = 0

        def credentials(self):
            self.count += 1
            return Credentials(f"AKIA{self.count:016}", SECRET)

    with httpx.Client(auth=daypass.Auth("sts", "eu-west-1", Turning())) as client:
        client.get(wire.url)
        client.get(wire.url)
    used = [received.header("authorization") for received in wire.received[-2:]]
    assert f"Credential=AKIA{1:016}/" in used[0]
    assert f"Credential=AKIA{2:016}/" in used[1]


def test_an_unknown_host_is_refused_before_anything_is_sent(wire):
    before = len(wire.received)
    with pytest.raises(UnknownEndpointError, match="service="):
        httpx.get(wire.url + "/", auth=daypass.Auth(credentials=Static(TEMPORARY)))
    assert len(wire.received) == before


def test_a_header_that_cannot_be_signed_is_refused():
    request = httpx.Request("GET", "http://127.0.0.1/", headers={"x-amz-meta-a": "b\nc"})
    with pytest.raises(SigningError):
        next(auth().sync_auth_flow(request))


def test_one_object_serves_many_threads(wire):
    shared = auth()
    failures = []

    def send(number):
        try:
            with httpx.Client(auth=shared) as client:
                client.post(wire.url + f"/{number}", content=str(number).encode())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for received in wire.received[-8:]:
        assert_signed(received)


def test_importing_daypass_imports_neither_httpx_nor_requests_nor_botocore():
    code = (
        "import sys, daypass; assert not {'httpx', 'requests', 'botocore'} & set(sys.modules); "
        "daypass.Auth; assert not {'requests', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
