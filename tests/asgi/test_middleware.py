"""A Starlette application behind the guard, called with requests that botocore signed."""

import asyncio
import hashlib
import json
import time

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

import daypass
from daypass.asgi import Caller, Holder, Sessions, SigV4Middleware
from daypass.sigv4 import Credentials, Reason, Refusal
from daypass.tokens import KeyRing, Session, new_ring

SERVICE, REGION = "orders", "eu-central-1"
ORIGIN = "http://testserver"
SECRETS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
KEYS = Credentials("AKIDEXAMPLE", SECRETS["AKIDEXAMPLE"])


def lookup(presented):
    return SECRETS.get(presented.access_key_id)


async def echo(request):
    caller = request["daypass.caller"]
    body = await request.body()
    return JSONResponse(
        {
            "caller": caller.access_key_id,
            "path": request.scope["raw_path"].decode(),
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )


async def greet(websocket):
    await websocket.accept()
    await websocket.send_text(websocket["daypass.caller"].access_key_id)
    await websocket.close()


ROUTES = [Route("/{rest:path}", echo, methods=["GET", "PUT"]), WebSocketRoute("/live", greet)]


def guarded(**options):
    given = {"lookup": lookup, "service": SERVICE, "region": REGION, **options}
    return Starlette(routes=ROUTES, middleware=[Middleware(SigV4Middleware, **given)])


def client(**options):
    return TestClient(guarded(**options), base_url=ORIGIN)


def signed(method="GET", path="/a", body=b"", keys=KEYS, service=SERVICE, **headers):
    """The headers that botocore signs."""
    request = AWSRequest(method, ORIGIN + path, headers=headers, data=body)
    boto = BotocoreCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4Auth(boto, service, REGION).add_auth(request)
    return dict(request.headers)


def presigned(path, keys=KEYS, expires=60):
    request = AWSRequest("GET", ORIGIN + path)
    boto = BotocoreCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4QueryAuth(boto, SERVICE, REGION, expires=expires).add_auth(request)
    return request.url.removeprefix(ORIGIN)


def assert_refused(answer, status, code):
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"message"}
    assert SECRETS["AKIDEXAMPLE"] not in answer.text


# -- what is let in ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/a%20b/%2Fc", "/a//b", "/x?b=2&a=1&c=&d=%2F"])
def test_signed_requests_reach_the_application_with_their_caller(path):
    answer = client().get(path, headers=signed(path=path))
    assert answer.status_code == 200, answer.text
    assert answer.json()["caller"] == "AKIDEXAMPLE"
    assert answer.json()["path"] == path.partition("?")[0]


def test_a_body_reaches_the_application_whole():
    body = b"x" * 1_000_000
    answer = client().put("/a", content=body, headers=signed("PUT", body=body))
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


def test_presigned_urls_are_let_in():
    assert client().get(presigned("/a?b=c")).status_code == 200


def test_daypass_auth_is_let_in():
    async def send():
        transport = httpx.ASGITransport(guarded())
        auth = daypass.Auth(SERVICE, REGION, KEYS)
        async with httpx.AsyncClient(transport=transport, auth=auth) as sending:
            return await sending.put("http://testserver/a%20b", json={"a": 1})

    assert asyncio.run(send()).status_code == 200


def test_a_mounted_application_sees_the_path_that_was_signed():
    mounted = SigV4Middleware(
        Starlette(routes=ROUTES), lookup=lookup, service=SERVICE, region=REGION
    )
    app = Starlette(routes=[Mount("/api/v1", mounted)])
    with TestClient(app, base_url=ORIGIN) as outside:
        answer = outside.get("/api/v1/a%20b", headers=signed(path="/api/v1/a%20b"))
        assert answer.status_code == 200, answer.text
        # The same signature is not one for the path below the mount.
        assert outside.get("/api/v1/a%20b", headers=signed(path="/a%20b")).status_code == 403


def test_lookups_may_be_asynchronous_and_know_who_it_is():
    async def find(presented):
        await asyncio.sleep(0)
        return Holder(SECRETS["AKIDEXAMPLE"], {"name": "alice"})

    seen = []

    async def app(scope, receive, send):
        seen.append(scope["daypass.caller"])
        await PlainTextResponse("ok")(scope, receive, send)

    guard = SigV4Middleware(app, lookup=find, service=SERVICE, region=REGION)
    TestClient(guard, base_url=ORIGIN).get("/a", headers=signed())
    (caller,) = seen
    assert isinstance(caller, Caller)
    assert caller.identity == {"name": "alice"}
    assert caller.signature.service == SERVICE
    assert SECRETS["AKIDEXAMPLE"] not in repr(caller)


def test_lifespan_passes():
    begun = []

    async def lifespan(scope, receive, send):
        begun.append(scope["type"])
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with TestClient(SigV4Middleware(lifespan, lookup=lookup, service=SERVICE, region=REGION)):
        assert begun == ["lifespan"]


# -- what is refused ---------------------------------------------------------------------------


def test_requests_without_a_signature():
    assert_refused(client().get("/a"), 403, "MissingAuthenticationTokenException")
    spoofed = client().get("/a", headers={"daypass.caller": "root", "x-forwarded-user": "root"})
    assert_refused(spoofed, 403, "MissingAuthenticationTokenException")


def test_a_malformed_authorization_is_not_anonymous():
    assert_refused(
        client().get("/a", headers={"authorization": "Bearer x"}),
        400,
        "IncompleteSignatureException",
    )


def test_two_authorization_headers():
    twice = [*signed().items(), ("Authorization", signed()["Authorization"])]
    assert client().get("/a", headers=twice).status_code == 400


def test_both_mechanisms():
    path = presigned("/a")
    assert client().get(path, headers=signed(path=path)).status_code == 400


@pytest.mark.parametrize(
    "keys", [Credentials("AKIDOTHER", "x" * 40), Credentials("AKIDEXAMPLE", "x" * 40)]
)
def test_unknown_keys_and_wrong_secrets(keys):
    answer = client().get("/a", headers=signed(keys=keys))
    known = keys.access_key_id in SECRETS
    code = "InvalidSignatureException" if known else "UnrecognizedClientException"
    assert_refused(answer, 403, code)


def test_another_method_path_query_or_body_than_was_signed():
    headers = signed("PUT", "/a?b=c", b"body")
    sending = client()
    assert sending.put("/a?b=c", content=b"body", headers=headers).status_code == 200
    for method, path, body in (
        ("GET", "/a?b=c", b"body"),
        ("PUT", "/A?b=c", b"body"),
        ("PUT", "/a?b=d", b"body"),
        ("PUT", "/a?b=c", b"bodY"),
        ("PUT", "/a?b=c", b""),
    ):
        answer = sending.request(method, path, content=body, headers=headers)
        assert_refused(answer, 403, "InvalidSignatureException")


def test_another_service_region_or_time():
    assert_refused(
        client().get("/a", headers=signed(service="sts")), 403, "InvalidSignatureException"
    )
    assert_refused(
        client(region="us-east-1").get("/a", headers=signed()), 403, "InvalidSignatureException"
    )
    late = client(clock=lambda: time.time() + 1000)
    assert "Signature expired" in late.get("/a", headers=signed()).json()["message"]


def test_an_unsigned_amz_header():
    headers = {**signed(), "x-amz-acl": "public"}
    assert_refused(client().get("/a", headers=headers), 403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "mode",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_bodies_the_signature_does_not_cover(mode, streaming):
    """The application reads the body, so it must be part of what was signed."""
    headers = signed("PUT", body=b"x", **{"X-Amz-Content-SHA256": mode})
    answer = client(streaming=streaming).put("/a", content=b"x", headers=headers)
    assert_refused(answer, 403, "InvalidSignatureException")


@pytest.mark.parametrize("streaming", [False, True])
def test_bodies_beyond_the_limit(streaming):
    body = b"x" * 1001
    sending = client(body_limit=1000, streaming=streaming)
    answer = sending.put("/a", content=body, headers=signed("PUT", body=body))
    assert_refused(answer, 413, "RequestTooLargeException")


def test_s3_has_other_rules():
    with pytest.raises(ValueError, match="s3"):
        SigV4Middleware(echo, lookup=lookup, service="s3", region=REGION)


def test_a_server_that_gives_no_raw_path_is_refused():
    async def app(scope, receive, send):
        del scope["raw_path"]
        await guarded()(scope, receive, send)

    with pytest.raises(RuntimeError, match="raw_path"):
        TestClient(app).get("/a")


def test_what_a_lookup_refuses():
    def find(_presented):
        raise Refusal(Reason.EXPIRED_TOKEN, "over")

    answer = client(lookup=find).get("/a", headers=signed())
    assert_refused(answer, 403, "ExpiredTokenException")


def test_the_log_names_the_reason_and_no_secret(caplog):
    caplog.set_level("INFO", "daypass.asgi")
    client().get("/a%0Ab", headers=signed(path="/b"))
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert "signature mismatch" in record.getMessage()


# -- streams -----------------------------------------------------------------------------------


def declaring(body, declared=None):
    digest = hashlib.sha256(body if declared is None else declared).hexdigest()
    return signed("PUT", body=body, **{"X-Amz-Content-SHA256": digest})


async def put_pieces(app, pieces, headers):
    """The answer to a body that comes in pieces; the test client of Starlette would join them."""

    async def coming():
        for piece in pieces:
            yield piece

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as sending:
        return await sending.put(ORIGIN + "/a", content=coming(), headers=headers)


async def test_a_declared_body_is_passed_on_as_it_comes():
    body = [b"x" * 60_000] * 50
    given = []

    async def app(scope, receive, send):
        more = True
        while more:
            message = await receive()
            given.append(len(message["body"]))
            more = message["more_body"]
        await PlainTextResponse("ok")(scope, receive, send)

    guard = SigV4Middleware(
        app, lookup=lookup, service=SERVICE, region=REGION, streaming=True, body_limit=10
    )
    answer = await put_pieces(guard, body, declaring(b"".join(body)))
    assert (answer.status_code, answer.text) == (200, "ok")
    assert sum(given) == 3_000_000
    assert max(given) == 60_000


@pytest.mark.parametrize("pieces", [[b"evil"], [b"go", b"od", b"x"], [b""], [b"goo"]])
async def test_the_end_of_another_body_is_never_seen(pieces):
    ended = []

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        ended.append(True)

    guard = SigV4Middleware(app, lookup=lookup, service=SERVICE, region=REGION, streaming=True)
    answer = await put_pieces(guard, pieces, declaring(b"good"))
    assert_refused(answer, 403, "InvalidSignatureException")
    assert not ended


async def test_a_body_beyond_the_limit_is_refused_before_it_has_ended():
    asked = []

    async def endless():
        while True:
            asked.append(1)
            yield b"x" * 1000

    guard = guarded(body_limit=10_000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard)) as sending:
        headers = signed("PUT", body=b"x")
        answer = await sending.put(ORIGIN + "/a", content=endless(), headers=headers)
    assert_refused(answer, 413, "RequestTooLargeException")
    assert len(asked) == 11


def test_an_answer_that_had_begun_is_cut_short():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.body", "body": b"stored"})

    guard = SigV4Middleware(app, lookup=lookup, service=SERVICE, region=REGION, streaming=True)
    with pytest.raises(RuntimeError, match="after the answer had begun"):
        TestClient(guard, base_url=ORIGIN).put("/a", content=b"evil", headers=declaring(b"good"))


# -- websockets --------------------------------------------------------------------------------


def test_websockets_are_guarded_too():
    outside = client()
    with outside.websocket_connect(presigned("/live")) as live:
        assert live.receive_text() == "AKIDEXAMPLE"
    with outside.websocket_connect("/live", headers=signed(path="/live")) as live:
        assert live.receive_text() == "AKIDEXAMPLE"
    for url in ("/live", presigned("/other").replace("/other", "/live")):
        with (
            pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
            outside.websocket_connect(url),
        ):
            pass


# -- sessions that the application issues --------------------------------------------------------


class Clock:
    now = time.time()

    def __call__(self):
        return self.now


def test_issued_credentials_are_let_in_until_they_end():
    clock = Clock()
    sessions = Sessions(KeyRing(bytes(32), new_ring(0)), clock=clock)
    keys = sessions.issue("alice", 900, {"team": "cheese"})
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["daypass.caller"].identity)
        await PlainTextResponse("ok")(scope, receive, send)

    guard = SigV4Middleware(app, lookup=sessions, service=SERVICE, region=REGION, clock=time.time)
    outside = TestClient(guard, base_url=ORIGIN)
    assert outside.get("/a", headers=signed(keys=keys)).status_code == 200
    (session,) = seen
    assert isinstance(session, Session)
    assert (session.session_name, session.tags) == ("alice", {"team": "cheese"})
    assert keys.expiration == session.expires
    clock.now += 901
    assert_refused(outside.get("/a", headers=signed(keys=keys)), 403, "ExpiredTokenException")


def test_a_secret_gives_the_same_sessions_in_every_process():
    keys = Sessions.of(b"s" * 32).issue("alice")
    assert client(lookup=Sessions.of(b"s" * 32)).get("/a", headers=signed(keys=keys)).is_success
    other = client(lookup=Sessions.of(b"t" * 32)).get("/a", headers=signed(keys=keys))
    assert_refused(other, 403, "UnrecognizedClientException")
    with pytest.raises(ValueError, match="32"):
        Sessions.of(b"short")


def test_a_token_is_worth_nothing_with_another_key():
    sessions = Sessions.of(b"s" * 32)
    alice, eve = sessions.issue("alice"), sessions.issue("eve")
    mixed = Credentials(eve.access_key_id, eve.secret_access_key, alice.session_token)
    without = Credentials(eve.access_key_id, eve.secret_access_key)
    for keys in (mixed, without):
        answer = client(lookup=sessions).get("/a", headers=signed(keys=keys))
        assert_refused(answer, 403, "UnrecognizedClientException")


def test_other_keys_are_looked_up_elsewhere():
    sessions = Sessions.of(b"s" * 32, otherwise=lookup)
    assert client(lookup=sessions).get("/a", headers=signed()).is_success
    assert client(lookup=sessions).get("/a", headers=signed(keys=sessions.issue("a"))).is_success


@pytest.mark.parametrize("duration", [0, -1, 129_601])
def test_sessions_have_an_end(duration):
    with pytest.raises(ValueError, match="lasts"):
        Sessions.of(b"s" * 32).issue("alice", duration)


def test_nothing_secret_is_in_a_refusal():
    sessions = Sessions.of(b"s" * 32)
    keys = sessions.issue("alice")
    answer = client(lookup=sessions).get("/b", headers=signed(keys=keys))
    shown = answer.text + json.dumps(dict(answer.headers))
    assert keys.secret_access_key not in shown
    assert keys.session_token not in shown
