"""What follows a refusal: one corrected try, or an error whose text is the diagnosis."""

import asyncio
import io
import json
import time
from email.utils import formatdate
from xml.sax.saxutils import escape

import aiohttp
import httpx
import pytest
import requests
import yarl

import daypass
from daypass.client import Cached, FirstOf, SignatureRefusedError
from daypass.sigv4 import Credentials
from tests.client.wire import Reply, recording

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "session/token+of=some==length"
KEYS = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN)
XML = {"content-type": "application/xml"}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@pytest.fixture
def wire():
    with recording() as recorder:
        yield recorder


def auth(service="s3", credentials=KEYS, **options):
    return daypass.Auth(service, "eu-west-1", credentials, **options)


def by_httpx(signing, method, url, body=None):
    with httpx.Client(auth=signing) as client:
        return client.request(method, url, content=body).status_code


def by_async_httpx(signing, method, url, body=None):
    async def send():
        async with httpx.AsyncClient(auth=signing) as client:
            # Its bodies are bytes or asynchronous.
            content = body.read() if hasattr(body, "read") else body
            return (await client.request(method, url, content=content)).status_code

    return asyncio.run(send())


def by_requests(signing, method, url, body=None):
    return requests.request(method, url, data=body, auth=signing, timeout=5).status_code


def by_aiohttp(signing, method, url, body=None):
    async def send():
        async with (
            aiohttp.ClientSession(middlewares=[signing]) as session,
            session.request(method, url, data=body) as response,
        ):
            await response.read()
            return response.status

    return asyncio.run(send())


everywhere = pytest.mark.parametrize("send", [by_httpx, by_async_httpx, by_requests, by_aiohttp])


def s3_error(code, message="", status=403, **fields):
    members = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{members}</Error>"
    return Reply(status, body.encode(), XML)


def query_error(code, message, status=403):
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    )
    return Reply(status, body.encode(), {"content-type": "text/xml"})


def json_error(code, message, **headers):
    body = json.dumps({"message": message}).encode()
    kind = {"content-type": "application/json", "x-amzn-ErrorType": code}
    return Reply(403, body, kind | headers)


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def assert_signed(received, service="s3"):
    assert received.signature() == received.expected_signature(SECRET, service, "eu-west-1")


# -- the clock ---------------------------------------------------------------------------------


def skewed(clock_of_server):
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock_of_server))
    at = stamp(clock_of_server)
    expired = f"Signature expired: 20200101T000000Z is now earlier than x ({at} - 15 min.)"
    early = f"Signature not yet current: 20990101T000000Z is still later than x ({at} + 15 min.)"
    date = {"date": formatdate(clock_of_server, usegmt=True)}
    return {
        "s3": s3_error("RequestTimeTooSkewed", ServerTime=iso),
        "expired": query_error("SignatureDoesNotMatch", expired),
        "early": json_error("InvalidSignatureException:http://internal/", early),
        "date": Reply(
            400,
            json.dumps({"__type": "com.amazon.coral#InvalidSignatureException"}).encode(),
            {"content-type": "application/x-amz-json-1.0", **date},
        ),
    }


@everywhere
@pytest.mark.parametrize("kind", ["s3", "expired", "early", "date"])
def test_a_wrong_clock_is_corrected_by_the_servers(wire, send, kind):
    server_time = 1_800_000_000
    wire.replies.append(skewed(server_time)[kind])
    assert send(auth(), "PUT", wire.url + "/b/k", b"body") == 200
    first, second = wire.received
    assert first.header("x-amz-date") != second.header("x-amz-date")
    assert second.header("x-amz-date")[:13] == stamp(server_time)[:13]
    assert (first.body, second.body) == (b"body", b"body")
    assert_signed(second)


@everywhere
def test_what_has_no_body_is_corrected_by_the_date(wire, send):
    date = {"date": formatdate(1_800_000_000, usegmt=True)}
    wire.replies.append(Reply(403, headers=date))
    assert send(auth(), "HEAD", wire.url + "/b/k") == 200
    assert wire.last.header("x-amz-date")[:13] == stamp(1_800_000_000)[:13]
    wire.replies += [Reply(403, headers={"date": formatdate(usegmt=True)})] * 2
    assert send(auth(), "HEAD", wire.url + "/b/k") == 403


def test_a_corrected_clock_is_kept_for_its_host(wire):
    wire.replies.append(skewed(1_800_000_000)["s3"])
    shared = auth()
    assert by_httpx(shared, "GET", wire.url + "/b/k") == 200
    assert by_httpx(shared, "GET", wire.url + "/b/other") == 200
    assert len(wire.received) == 3
    assert wire.last.header("x-amz-date")[:13] == stamp(1_800_000_000)[:13]


@everywhere
def test_there_is_one_second_try(wire, send):
    wire.replies += [skewed(1_800_000_000)["s3"], skewed(1_900_000_000)["s3"]]
    with pytest.raises(SignatureRefusedError, match="RequestTimeTooSkewed"):
        send(auth(), "GET", wire.url + "/b/k")
    assert len(wire.received) == 2


@pytest.mark.parametrize("send", [by_httpx, by_requests, by_aiohttp])
def test_a_file_is_sent_again_from_where_it_stood(wire, send, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100_000)
    wire.replies.append(skewed(1_800_000_000)["s3"])
    with path.open("rb") as file:
        skipped = 0 if send is by_httpx else 5  # httpx tells the length of the whole file
        file.seek(skipped)
        assert send(auth(), "PUT", wire.url + "/b/k", file) == 200
    assert [len(received.body) for received in wire.received] == [1_000_000 - skipped] * 2
    assert_signed(wire.last)


def test_what_can_be_read_once_is_not_sent_twice(wire):
    def pieces():
        yield b"one"

    unsigned = auth(payload="unsigned")
    for send in (by_httpx, by_requests):
        wire.replies.append(skewed(1_800_000_000)["s3"])
        before = len(wire.received)
        with pytest.raises(SignatureRefusedError, match="off"):
            send(unsigned, "PUT", wire.url + "/b/k", pieces())
        assert len(wire.received) == before + 1


# -- sessions that are over --------------------------------------------------------------------


class Issuing:
    """Gives other credentials each time it is asked."""

    def __init__(self):
        self.count = 0

    def credentials(self):
        self.count += 1
        return Credentials(f"ASIA{self.count:016}", SECRET, f"token-{self.count}", 4e9)


@everywhere
@pytest.mark.parametrize(
    "reply",
    [
        s3_error("ExpiredToken", "The provided token has expired.", 400),
        query_error("ExpiredToken", "The security token included in the request is expired"),
        json_error(
            "ExpiredTokenException", "The security token included in the request is expired"
        ),
    ],
    ids=["s3", "query", "json"],
)
def test_expired_credentials_are_renewed(wire, send, reply):
    wire.replies.append(reply)
    cached = Cached(FirstOf(Issuing()))
    assert send(auth(credentials=cached), "POST", wire.url + "/b/k", b"body") == 200
    assert [r.header("x-amz-security-token") for r in wire.received] == ["token-1", "token-2"]
    assert wire.last.body == b"body"
    assert_signed(wire.last)
    assert cached.credentials().session_token == "token-2"


@everywhere
def test_credentials_that_cannot_be_renewed_are_refused(wire, send):
    wire.replies.append(s3_error("ExpiredToken", "The provided token has expired.", 400))
    with pytest.raises(SignatureRefusedError, match=r"token has expired.*Get new credentials"):
        send(auth(), "GET", wire.url + "/b/k")
    assert len(wire.received) == 1


# -- the diagnosis -----------------------------------------------------------------------------


def refused(send, wire, reply, signing=None, path="/b/k?a=b"):
    wire.replies.append(reply)
    with pytest.raises(SignatureRefusedError) as caught:
        send(signing or auth(), "GET", wire.url + path)
    error = caught.value
    assert SECRET not in str(error) + repr(error)
    assert TOKEN not in str(error) + repr(error)
    assert error.status == reply.status
    return error


@everywhere
def test_the_refusing_answer_is_at_hand(wire, send):
    reply = s3_error("SignatureDoesNotMatch", MISMATCH)
    error = refused(send, wire, reply)
    assert error.code == "SignatureDoesNotMatch"
    if not isinstance(error.response, aiohttp.ClientResponse):
        assert error.response.content == reply.body


@everywhere
def test_a_servers_own_explanation_is_in_the_error(wire, send):
    reply = s3_error("SignatureDoesNotMatch", MISMATCH)
    explained = {**XML, "x-daypass-explanation": "the secret%1B is of another key%20%E2%80%93 so"}
    error = refused(send, wire, Reply(403, reply.body, explained))
    assert "the secret  is of another key – so" in error.why


def canonical_of(received):
    names = received.signed_names()
    lines = [f"{name}:{received.header(name)}" for name in names]
    digest = received.header("x-amz-content-sha256")
    return "\n".join(["GET", "/b/k", "a=b", *lines, "", ";".join(names), digest])


def test_what_changed_on_the_way_is_shown(wire):
    assert by_httpx(auth(clock=lambda: 1_800_000_000.0), "GET", wire.url + "/b/k?a=b") == 200
    canonical = canonical_of(wire.last)
    host = wire.last.header("host")
    signing = auth(clock=lambda: 1_800_000_000.0)
    now = {"date": formatdate(1_800_000_000, usegmt=True)}
    changed = canonical.replace(f"host:{host}", "host:internal").replace(TOKEN, "other-token")
    for text in (canonical, changed):
        reply = s3_error("SignatureDoesNotMatch", MISMATCH, CanonicalRequest=text)
        error = refused(by_httpx, wire, Reply(403, reply.body, {**XML, **now}), signing)
        if text is canonical:
            assert f"not the one of {KEYS.access_key_id}" in error.why
        else:
            assert f"- host:{host}\n+ host:internal" in error.why
            assert "x-amz-security-token:…" in error.why
            assert "other-token" not in error.why
    said = f"{MISMATCH}\n\nThe Canonical String for this request should have been\n'{changed}'\n"
    error = refused(by_httpx, wire, json_error("InvalidSignatureException", said, **now), signing)
    assert f"- host:{host}\n+ host:internal" in error.why


def test_a_wrong_region_is_named(wire):
    reply = s3_error(
        "AuthorizationHeaderMalformed", "expecting 'us-east-1'", 400, Region="us-east-1"
    )
    assert "this endpoint is in 'us-east-1'" in refused(by_httpx, wire, reply).why


def test_without_a_word_of_the_servers_both_causes_are_named(wire):
    error = refused(by_httpx, wire, json_error("InvalidSignatureException", MISMATCH))
    assert "signed as it should be" in error.why
    assert "secret access key" in error.why
    assert "proxy" in error.why


def test_unsigned_headers_are_a_refused_signature(wire):
    reply = s3_error("AccessDenied", "headers not signed", HeadersNotSigned="x-amz-meta-a")
    assert "headers not signed" in refused(by_httpx, wire, reply).why


@pytest.mark.parametrize(
    "code", ["MissingAuthenticationTokenException", "UnrecognizedClientException"]
)
def test_other_reasons_have_their_remedy(wire, code):
    assert refused(by_httpx, wire, json_error(code, "no")).remedy


# -- what is the caller's ----------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize(
    "reply",
    [
        s3_error("AccessDenied", "Access Denied"),
        s3_error("NoSuchKey", "no", 404),
        s3_error("SignatureDoesNotMatch", MISMATCH, 500),
        json_error("AccessDeniedException", "Forbidden"),
        Reply(403, b'{"message": "the function says no"}', {"content-type": "application/json"}),
        Reply(403, b"[" * 100_000, {"content-type": "application/json"}),
        Reply(403, b"<Error><Code>", XML),
        Reply(403, b'<!DOCTYPE a [<!ENTITY e "x">]><Error><Code>&e;</Code></Error>', XML),
        Reply(401, b"no"),
    ],
)
def test_every_other_answer_is_the_callers(wire, send, reply):
    wire.replies.append(reply)
    assert send(auth(), "GET", wire.url + "/b/k") == reply.status
    assert len(wire.received) == 1


def test_a_large_error_is_not_read(wire):
    large = Reply(403, b"x" * 1_000_000, {"content-type": "application/json"})
    wire.replies.append(large)
    with httpx.Client(auth=auth()) as client, client.stream("GET", wire.url + "/b/k") as response:
        assert not response.is_stream_consumed
        assert len(response.read()) == 1_000_000


# -- redirects ---------------------------------------------------------------------------------


def test_a_redirect_within_the_host_is_signed_by_aiohttp(wire):
    wire.replies.append(Reply(307, headers={"location": "/b/other"}))
    assert by_aiohttp(auth(), "GET", wire.url + "/b/k") == 200
    assert wire.last.target == "/b/other"
    assert_signed(wire.last)


def test_no_other_host_gets_a_signature_by_a_redirect(wire):
    """Else the host that was asked could choose what is done elsewhere in the caller's name."""
    with recording() as elsewhere:
        for send in (by_aiohttp, by_requests):
            wire.replies.append(Reply(307, headers={"location": elsewhere.url + "/evil?Action=x"}))
            elsewhere.replies.append(Reply(307, headers={"location": "/again"}))
            assert send(auth(), "POST", wire.url + "/b/k", b"body") == 200
            first, second = elsewhere.received[-2:]
            assert (first.target, second.target) == ("/evil?Action=x", "/again")
            assert first.header("authorization") is None
            assert second.header("authorization") is None
        # And the next request is signed again.
        assert by_aiohttp(auth(), "GET", elsewhere.url + "/evil") == 200
        assert_signed(elsewhere.last)


async def test_no_spelling_of_a_redirect_gets_a_signature(wire):
    with recording() as elsewhere:
        host = elsewhere.url.removeprefix("http://")
        for requote in (True, False):
            for location in (
                f"{elsewhere.url}/a%2fb?c=%7e",
                f"//{host}/x",
                f"HTTP://{host}",
                f"{elsewhere.url}/ü#f",
            ):
                wire.replies.append(
                    Reply(307, headers={"location": location.encode().decode("latin-1")})
                )
                async with aiohttp.ClientSession(
                    middlewares=[auth()], requote_redirect_url=requote
                ) as session:
                    await session.get(wire.url + "/b/k")
                assert elsewhere.last.header("authorization") is None
        assert len(elsewhere.received) == 8


def test_a_refusal_after_a_redirect_says_so(wire):
    with recording() as elsewhere:
        wire.replies.append(Reply(307, headers={"location": elsewhere.url + "/b/k"}))
        elsewhere.replies.append(s3_error("MissingAuthenticationToken", "no"))
        with pytest.raises(SignatureRefusedError, match="redirected there; it was signed for"):
            requests.get(wire.url + "/b/k?secret=1", auth=auth(), timeout=5)


# -- bodies of aiohttp -------------------------------------------------------------------------


async def put(wire, data, **options):
    async with aiohttp.ClientSession(middlewares=[auth(**options)]) as session:
        await session.put(wire.url + "/b/k", data=data)
    assert_signed(wire.last)


async def test_aiohttp_bodies_are_hashed_as_they_are_written(wire, tmp_path):
    form = aiohttp.FormData()
    form.add_field("a", "ü")
    form.add_field("f", io.BytesIO(b"x" * 100_000), filename="n")
    (tmp_path / "text").write_text("ä" * 1000)
    with (tmp_path / "text").open() as text:
        for data in (b"body", "text ü", {"a": "1 2"}, form, io.BytesIO(b"bytes"), text, None):
            await put(wire, data)
    assert wire.received[-2].body == ("ä" * 1000).encode()


async def test_aiohttp_streams_are_refused_and_not_buffered(wire):
    async def pieces():
        yield b"one"
        raise AssertionError("It was read.")

    for options in ({"data": pieces()}, {"data": b"x" * 100, "compress": True}):
        async with aiohttp.ClientSession(middlewares=[auth()]) as session:
            with pytest.raises(daypass.client.UnsignableBodyError, match='payload="unsigned"'):
                await session.put(wire.url + "/b/k", **options)
    assert not wire.received


async def test_aiohttp_sends_streams_with_an_unsigned_payload(wire):
    async def pieces():
        yield b"one"
        yield b"two"

    await put(wire, pieces(), payload="unsigned")
    assert wire.last.header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
    assert wire.last.body == b"onetwo"


@pytest.mark.parametrize(
    "path", ["/a%20b", "/x?b=2&a=1&a=0&empty=", "/x?q=a%2Fb%3D%3D&sp=%20", "/%C3%A9"]
)
@pytest.mark.parametrize("service", ["s3", "lambda"])
async def test_aiohttp_signs_what_it_sends(wire, path, service):
    async with aiohttp.ClientSession(middlewares=[auth(service)]) as session:
        # Encoded: botocore, the judge, is wrong of what aiohttp would decode (a raw '/').
        url = yarl.URL(wire.url + path, encoded=True)
        await session.get(url, headers={"x-amz-meta-a": "b  c", "x-other": "1"})
    assert_signed(wire.last, service)
    assert "x-amz-meta-a" in wire.last.signed_names()
    assert "x-other" not in wire.last.signed_names()
