"""The whole format of Function URLs, both ways and over the wire, row by row with its source.

Sources:
DOC    Lambda developer guide, "Invoking Lambda function URLs": request and response payloads
CORS   the same, "Cross-origin resource sharing (CORS)"
AUTH   the same, "Control access to Lambda function URLs"
LS     LocalStack's tests/aws/services/lambda_/test_lambda.py, recorded on AWS in 2025 and 2026
EVENT  events captured on AWS and published: they have no `authentication`, which DOC shows as null
M766   ministack pull request 766: which bodies AWS gives as base64, measured
"""

import base64
import http.client
import json
import re
import ssl
import time
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.conftest import Server, start_server, stop_server
from tests.functions import deploy

SOURCE = """
import json

def handler(event, context):
    if event["rawPath"] == "/echo":
        event["lambdaRequestId"] = context.aws_request_id
        return event
    if event["rawPath"] == "/raise":
        raise ValueError("no")
    if event["rawPath"] == "/sleep":
        import time
        time.sleep(30)
    return json.loads(event["body"])
"""
FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name]
        assert len(found) < 2, found
        return found[0] if found else None


class Url(NamedTuple):
    """A function's URL, called under AWS's own host name. authorization: NONE or AWS_IAM."""

    server: Server
    function: str
    id: str

    @property
    def host(self) -> str:
        return f"{self.id}.lambda-url.{self.server.region}.on.aws"

    def send(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Any = (),
        body: bytes = b"",
        *,
        signed_by: dict[str, str] | None = None,
        tls: bool = False,
    ) -> Answer:
        fields = [("Host", self.host), *headers]
        if signed_by is not None:
            fields += self._signature(method, target, body, signed_by)
        endpoint = self.server.tls_endpoint if tls else self.server.endpoint
        address = urlsplit(endpoint or "")
        trusting = ssl._create_unverified_context() if tls else None
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(address.hostname or "", address.port, context=trusting)
            if tls
            else http.client.HTTPConnection(address.hostname or "", address.port)
        )
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        return answer

    def _signature(
        self, method: str, target: str, body: bytes, credentials: dict[str, str]
    ) -> list[tuple[str, str]]:
        request = AWSRequest(method, f"http://{self.host}{target}", data=body)
        keys = Credentials(
            credentials["aws_access_key_id"],
            credentials["aws_secret_access_key"],
            credentials.get("aws_session_token"),
        )
        SigV4Auth(keys, "lambda", self.server.region).add_auth(request)
        return [(name, value) for name, value in request.headers.items() if name != "host"]


def make_url(server: Server, auth_type: str, **config: Any) -> Url:
    name = f"table-{uuid.uuid4().hex[:8]}"
    deploy(server, name, SOURCE, Timeout=2)
    client = server.client("lambda")
    made = client.create_function_url_config(FunctionName=name, AuthType=auth_type, **config)
    if auth_type == "NONE":
        # What Lambda's console writes for a public URL.
        for statement, permission in (
            ("Url", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}),
            ("Invoke", {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}),
        ):
            client.add_permission(
                FunctionName=name, StatementId=statement, Principal="*", **permission
            )
    return Url(server, name, made["FunctionUrl"].rstrip("/").rpartition("/")[2])


@pytest.fixture(scope="module")
def public(server: Server) -> Url:
    return make_url(server, "NONE")


@pytest.fixture(scope="module")
def guarded(server: Server) -> Url:
    return make_url(server, "AWS_IAM")


# -- requests ------------------------------------------------------------------------------------


def test_the_event_of_an_unsigned_request_to_the_last_field(public: Url) -> None:
    """DOC, LS, EVENT."""
    before = time.time()
    headers = [
        ("User-Agent", "agent"),
        ("Header1", "value1"),
        ("Header2", "value1"),
        ("hEADER2", "value2"),
        ("Cookie", "cookie1; cookie2=b"),
        ("Content-Type", "text/plain"),
        ("Connection", "close"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Amzn-Trace-Id", "forged"),
    ]
    query = "parameter1=value1&parameter1=value2&parameter2=v%20w"
    answer = public.send("POST", f"/echo?{query}", headers, b"Hello from client!")
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    event = json.loads(answer.body)
    context = event["requestContext"]
    request_id = answer.header("x-amzn-requestid")
    moment = context.pop("timeEpoch")
    assert before * 1000 - 1000 < moment < time.time() * 1000 + 1000
    assert context.pop("time") == time.strftime(
        "%d/%b/%Y:%H:%M:%S +0000", time.gmtime(moment / 1000)
    )
    trace = event["headers"].pop("x-amzn-trace-id")
    assert re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace)
    assert answer.header("x-amzn-trace-id") == trace
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/echo",
        "rawQueryString": query,
        "cookies": ["cookie1", "cookie2=b"],
        "headers": {
            "host": public.host,
            "user-agent": "agent",
            "header1": "value1",
            "header2": "value1,value2",
            "content-type": "text/plain",
            "content-length": "18",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "80",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "v w"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": public.id,
            "domainName": public.host,
            "domainPrefix": public.id,
            "http": {
                "method": "POST",
                "path": "/echo",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent",
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": "Hello from client!",
        "isBase64Encoded": False,
        "lambdaRequestId": request_id,
    }


def test_the_event_of_a_role_s_session(server: Server, guarded: Url) -> None:
    """DOC, EVENT: who calls is in `authorizer.iam`, and nowhere else."""
    name = f"caller-{uuid.uuid4().hex[:8]}"
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "lambda:Invoke*", "Resource": "*"}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**allow, "Action": "sts:AssumeRole"}]}
        ),
    )
    user = server.client(
        "sts",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    got = user.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    session = {
        "aws_access_key_id": got["AccessKeyId"],
        "aws_secret_access_key": got["SecretAccessKey"],
        "aws_session_token": got["SessionToken"],
    }
    event = json.loads(guarded.send("GET", "/echo", signed_by=session).body)
    assert event["requestContext"]["accountId"] == server.account_id
    assert event["requestContext"]["authorizer"] == {
        "iam": {
            "accessKey": got["AccessKeyId"],
            "accountId": server.account_id,
            "callerId": f"{role['RoleId']}:session",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:sts::{server.account_id}:assumed-role/{name}/session",
            "userId": f"{role['RoleId']}:session",
        }
    }
    assert "authentication" not in event["requestContext"]
    assert got["SessionToken"] not in json.dumps(event)


class Row(NamedTuple):
    """Of a request: what of the event it must give."""

    source: str
    target: str = "/echo"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    method: str = "POST"
    expected: dict[str, Any] = {}  # noqa: RUF012 - read alone
    absent: tuple[str, ...] = ()


def typed(content_type: str, body: bytes, expected: str, *, text: bool, source: str) -> Row:
    return Row(
        source,
        headers=(("Content-Type", content_type),) if content_type else (),
        body=body,
        expected={"body": expected, "isBase64Encoded": not text},
    )


def as_base64(content_type: str, body: bytes, source: str = "M766") -> Row:
    encoded = base64.b64encode(body).decode()
    return typed(content_type, body, encoded, text=False, source=source)


REQUESTS = [
    Row("DOC", absent=("body", "cookies", "queryStringParameters")),
    Row("LS", method="GET", expected={"isBase64Encoded": False}, absent=("body",)),
    Row("DOC", "/echo?a=1&a=2&b=", expected={"queryStringParameters": {"a": "1,2", "b": ""}}),
    Row("DOC", "/echo?x=%2C%20+%26", expected={"queryStringParameters": {"x": ",  &"}}),
    Row("LS", "/echo?q=%C3%BC", expected={"rawQueryString": "q=%C3%BC"}),
    Row("DOC", headers=(("Cookie", "a=1; b=2;c"),), expected={"cookies": ["a=1", "b=2", "c"]}),
    typed("text/html; charset=utf-8", "ü".encode(), "ü", text=True, source="M766"),
    typed("application/json", b'{"a":1}', '{"a":1}', text=True, source="DOC"),
    typed("application/xml", b"<a/>", "<a/>", text=True, source="M766"),
    typed("application/javascript", b"1", "1", text=True, source="M766"),
    as_base64("", b"plain"),
    as_base64("application/x-www-form-urlencoded", b"a=1&b=2"),
    as_base64("multipart/form-data; boundary=x", b"--x--", source="LS"),
    as_base64("application/octet-stream", bytes(range(256))),
    as_base64("application/pdf", b"%PDF"),
    as_base64("image/svg+xml", b"<svg/>"),
    as_base64("text/plain", b"\xff\xfe"),
]


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row.source} {row.target}")
def test_requests(public: Url, row: Row) -> None:
    answer = public.send(row.method, row.target, row.headers, row.body)
    event = json.loads(answer.body)
    assert {name: event.get(name) for name in row.expected} == row.expected
    for name in row.absent:
        assert name not in event


@pytest.mark.parametrize("path", ["/pa2%Fth/1", "/a//b/../c", "/%E2%82%AC/%2e%2e", "/~user;v=1"])
def test_paths_come_as_they_were_sent(public: Url, path: str) -> None:
    """LS: `/pa2%Fth/1` is no proper escape and comes so."""
    body = json.dumps({"statusCode": 200, "body": "ok"}).encode()
    assert public.send("POST", path, [("Content-Type", "text/plain")], body).body == b"ok"


# -- responses -----------------------------------------------------------------------------------

JSON = "application/json"
RESPONSES: list[tuple[str, Any, int, dict[str, str | None], bytes]] = [
    # source, what the function returns, status, headers, body
    ("DOC", {"message": "Hello"}, 200, {"content-type": JSON}, b'{"message":"Hello"}'),
    ("LS", "Hello", 200, {"content-type": JSON, "content-length": "5"}, b"Hello"),
    ("LS", ["hello", 3, True], 200, {"content-type": JSON}, b'["hello",3,true]'),
    ("LS", 3.1, 200, {"content-type": JSON}, b"3.1"),
    ("LS", True, 200, {"content-type": JSON}, b"true"),
    ("LS", {"statusCode": 418, "body": "tea"}, 418, {"content-type": JSON}, b"tea"),
    ("LS", {"statusCode": "418", "body": "tea"}, 418, {"content-type": JSON}, b"tea"),
    ("LS", {"statusCode": 200}, 200, {"content-type": JSON, "content-length": "0"}, b""),
    (
        "DOC",
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "My-Custom-Header": "Custom Value"},
            "body": "<p>",
            "isBase64Encoded": False,
        },
        201,
        {"content-type": "text/html", "my-custom-header": "Custom Value"},
        b"<p>",
    ),
    ("DOC", {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, {}, b"\x00\xff"),
    ("DOC", {"statusCode": 204}, 204, {"content-length": None}, b""),
    ("DOC", {"statusCode": 302, "headers": {"location": "/x"}}, 302, {"location": "/x"}, b""),
    ("LS", {"statusCode": 99}, 502, {"content-type": "text/plain"}, b"Internal Server Error"),
    ("LS", {"statusCode": "x"}, 502, {}, b"Internal Server Error"),
    ("LS", {"statusCode": 200, "headers": 1}, 502, {}, b"Internal Server Error"),
]


@pytest.mark.parametrize(("source", "returned", "status", "headers", "body"), RESPONSES)
def test_responses(
    public: Url,
    source: str,
    returned: Any,
    status: int,
    headers: dict[str, str | None],
    body: bytes,
) -> None:
    answer = public.send(
        "POST", "/", [("Content-Type", "text/plain")], json.dumps(returned).encode()
    )
    assert (answer.status, answer.body) == (status, body), source
    assert {name: answer.header(name) for name in headers} == headers
    assert answer.header("x-amzn-requestid")


def test_each_cookie_is_a_header_of_its_own(public: Url) -> None:
    """DOC."""
    cookies = ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2; Max-Age=78000"]
    returned = json.dumps({"statusCode": 200, "cookies": cookies}).encode()
    answer = public.send("POST", "/", [("Content-Type", "text/plain")], returned)
    assert [value for name, value in answer.headers if name == "set-cookie"] == cookies


# -- refusals ------------------------------------------------------------------------------------


def refusal(answer: Answer) -> tuple[int, str | None, Any]:
    return answer.status, answer.header("x-amzn-errortype"), json.loads(answer.body)


def test_403(server: Server, public: Url, guarded: Url) -> None:
    """LS and AUTH, and published answers of Lambda to wrong signatures."""
    denied = (403, "AccessDeniedException", FORBIDDEN)
    assert refusal(guarded.send()) == denied, "unsigned"
    nobody = Url(server, "", "z" * 32)
    assert refusal(nobody.send()) == (403, "AccessDeniedException", {"Message": None})
    wrong = {**server.credentials, "aws_secret_access_key": "wrong"}
    status, kind, body = refusal(guarded.send(signed_by=wrong))
    assert (status, kind, list(body)) == (403, "InvalidSignatureException", ["message"])
    assert body["message"].startswith("The request signature we calculated does not match")
    unknown = {**wrong, "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    status, _, body = refusal(guarded.send(signed_by=unknown))
    assert (status, body["message"]) == (
        403,
        "The security token included in the request is invalid.",
    )
    iam = server.client("iam")
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    assert refusal(guarded.send(signed_by=user)) == denied, "not permitted"
    assert public.send("GET", "/echo").status == 200


def test_413(public: Url) -> None:
    """DOC: the payload's limit is 6 MB."""
    answer = public.send("POST", "/echo", body=bytes(6 * 1024 * 1024 + 1))
    assert answer.status == 413


def test_429(server: Server) -> None:
    """DOC: no reserved concurrency turns a URL off."""
    url = make_url(server, "NONE")
    server.client("lambda").put_function_concurrency(
        FunctionName=url.function, ReservedConcurrentExecutions=0
    )
    status, kind, body = refusal(url.send())
    assert (status, kind) == (429, "TooManyRequestsException")
    assert body["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize("path", ["/raise", "/sleep", "/not-json"])
def test_502(public: Url, path: str) -> None:
    """LS: an error, a time-out and a bad answer are one to the caller."""
    answer = public.send("GET", path)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


# -- CORS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(server: Server) -> Url:
    return make_url(
        server,
        "AWS_IAM",
        Cors={
            "AllowCredentials": True,
            "AllowHeaders": ["x-custom"],
            "AllowMethods": ["POST"],
            "AllowOrigins": ["https://app.example"],
            "ExposeHeaders": ["x-result"],
            "MaxAge": 60,
        },
    )


def test_a_preflight_needs_no_signature_and_does_not_reach_the_function(shared: Url) -> None:
    """CORS."""
    asked = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")]
    answer = shared.send("OPTIONS", "/raise", asked)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("access-control-allow-origin") == "https://app.example"
    assert answer.header("access-control-allow-methods") == "POST"
    assert answer.header("access-control-allow-headers") == "x-custom"
    assert answer.header("access-control-allow-credentials") == "true"
    assert answer.header("access-control-max-age") == "60"
    stranger = shared.send("OPTIONS", "/", [("Origin", "https://evil.example"), asked[1]])
    assert stranger.header("access-control-allow-origin") is None


def test_replies_carry_the_configured_headers_beside_the_functions(shared: Url) -> None:
    """CORS."""
    returned = {"statusCode": 200, "headers": {"access-control-allow-origin": "*"}, "body": "x"}
    answer = shared.send(
        "POST",
        "/",
        [("Origin", "https://app.example"), ("Content-Type", "text/plain")],
        json.dumps(returned).encode(),
        signed_by=shared.server.credentials,
    )
    assert answer.status == 200
    assert answer.header("access-control-expose-headers") == "x-result"
    allowed = [value for name, value in answer.headers if name == "access-control-allow-origin"]
    assert allowed == ["*", "https://app.example"]


def test_without_cors_options_reaches_the_function(public: Url) -> None:
    """CORS: the function may answer itself."""
    asked = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")]
    answer = public.send("OPTIONS", "/echo", asked)
    assert json.loads(answer.body)["requestContext"]["http"]["method"] == "OPTIONS"
    assert answer.header("access-control-allow-origin") is None


# -- TLS -----------------------------------------------------------------------------------------


def test_over_tls_the_event_says_so(tmp_path: Any) -> None:
    """EVENT: version and cipher suite are among the headers."""
    server = start_server(tmp_path / "data", "--tls")
    try:
        url = make_url(server, "NONE")
        headers = json.loads(url.send("GET", "/echo", tls=True).body)["headers"]
    finally:
        stop_server(server)
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == "443"
    assert re.fullmatch(r"TLSv1\.[23]", headers["x-amzn-tls-version"])
    assert re.fullmatch(r"(TLS|ECDHE)[A-Z0-9_-]+", headers["x-amzn-tls-cipher-suite"])
