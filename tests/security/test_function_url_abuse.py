"""Calls to Function URLs by who must not, or as who one is not."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Server
from tests.functions import allow, call_url, create_user, deploy

FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
SOURCE = """
calls = 0
def handler(event, context):
    global calls
    calls += 1
    return {**event, "calls": calls}
"""


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return deploy(server, "guarded", SOURCE, auth_type="AWS_IAM")


@pytest.fixture(scope="module")
def arn(server: Server) -> str:
    return f"arn:aws:lambda:{server.region}:{server.account_id}:function:guarded"


def assert_forbidden(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    assert answer.json() == FORBIDDEN
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def assert_mismatch(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    assert answer.json()["message"] == MISMATCH
    assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"


def test_an_unsigned_call_is_forbidden(url: str) -> None:
    assert_forbidden(httpx.get(url))
    assert_forbidden(httpx.post(url, json={}))


@pytest.mark.parametrize(
    "authorization", ["Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "Basic eA=="]
)
def test_a_malformed_authorization_is_not_anonymous(url: str, authorization: str) -> None:
    answer = httpx.get(url, headers={"authorization": authorization})
    assert 400 <= answer.status_code < 404
    assert "calls" not in answer.text


def test_a_wrong_secret_is_refused(server: Server, url: str) -> None:
    credentials = {
        "aws_access_key_id": server.access_key_id,
        "aws_secret_access_key": "x" * 40,
    }
    assert_mismatch(call_url(server, url, credentials=credentials))


@pytest.mark.parametrize("service", ["s3", "sts", "execute-api"])
def test_a_signature_for_another_service_is_refused(server: Server, url: str, service: str) -> None:
    answer = call_url(server, url, service=service)
    assert answer.status_code in {400, 403}
    assert "calls" not in answer.text


@pytest.mark.parametrize(
    "tamper",
    [
        {"method": "DELETE"},
        {"content": b'{"n": 2}'},
        {"url": "{url}other"},
        {"url": "{url}?admin=1"},
        {"headers": {"x-amz-date": "20260101T000000Z"}},
        {"headers": {"x-amz-security-token": "added"}},
        {"headers": {"x-amz-unsigned": "added"}},
        {"headers": {"host": "elsewhere.example"}},
    ],
)
def test_what_was_signed_is_what_is_done(server: Server, url: str, tamper: dict[str, Any]) -> None:
    changed = {
        name: value.format(url=url) if isinstance(value, str) else value
        for name, value in tamper.items()
    }
    answer = call_url(server, url, "POST", body=b'{"n": 1}', tamper=changed)
    assert answer.status_code in {400, 403}
    assert "calls" not in answer.text


def test_a_request_signed_for_one_url_is_none_for_another(server: Server, url: str) -> None:
    other = deploy(server, "guarded-too", SOURCE, auth_type="AWS_IAM")
    assert_mismatch(call_url(server, url, tamper={"url": other}))


@pytest.mark.parametrize(
    "actions",
    [
        [],
        ["lambda:InvokeFunctionUrl"],
        ["lambda:InvokeFunction"],
        ["lambda:GetFunction", "s3:*"],
    ],
)
def test_both_permissions_are_needed(
    server: Server, url: str, arn: str, actions: list[str]
) -> None:
    name = "half-permitted-" + "-".join(actions).replace(":", ".").replace("*", "")
    statements = [allow(actions, arn)] if actions else []
    assert_forbidden(call_url(server, url, credentials=create_user(server, name, *statements)))


def test_a_deny_holds_against_every_allow(server: Server, url: str, arn: str) -> None:
    deny = {"Effect": "Deny", "Action": "lambda:InvokeFunctionUrl", "Resource": arn}
    user = create_user(server, "url-denied", allow("lambda:*"), deny)
    client = server.client("lambda")
    client.add_permission(
        FunctionName="guarded",
        StatementId="everything",
        Action="lambda:InvokeFunctionUrl",
        Principal=f"arn:aws:iam::{server.account_id}:user/url-denied",
    )
    try:
        assert_forbidden(call_url(server, url, credentials=user))
    finally:
        client.remove_permission(FunctionName="guarded", StatementId="everything")


def test_the_condition_on_the_way_is_the_servers(server: Server, url: str, arn: str) -> None:
    """InvokeFunction allowed through the URL alone does not let one use the API, or conversely."""
    via = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    user = create_user(
        server,
        "url-only",
        allow("lambda:InvokeFunctionUrl", arn),
        {**allow("lambda:InvokeFunction", arn), "Condition": via},
    )
    assert call_url(server, url, credentials=user).status_code == 200
    client = server.client("lambda", **user)
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.invoke(FunctionName="guarded")


def test_the_auth_type_a_policy_asks_for_is_the_urls(server: Server, url: str, arn: str) -> None:
    open_only = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    user = create_user(
        server,
        "wrong-auth-type",
        {**allow("lambda:InvokeFunctionUrl", arn), "Condition": open_only},
        allow("lambda:InvokeFunction", arn),
    )
    assert_forbidden(call_url(server, url, credentials=user))


def test_the_caller_is_who_was_verified_whatever_is_claimed(server: Server, url: str) -> None:
    claims = {
        "x-amzn-requestid": "forged",
        "x-amzn-trace-id": "forged",
        "x-amzn-caller-arn": "forged",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-daypass-principal": "forged",
        "requestcontext": json.dumps({"authorizer": {"iam": {"userArn": "forged"}}}),
    }
    body = json.dumps({"requestContext": {"authorizer": {"iam": {"userArn": "forged"}}}}).encode()
    event = call_url(
        server,
        f"{url}?requestContext=forged",
        "POST",
        headers={**claims, "content-type": "application/json"},
        body=body,
    ).json()

    iam = event["requestContext"]["authorizer"]["iam"]
    assert iam["userArn"] == f"arn:aws:iam::{server.account_id}:root"
    assert iam["accessKey"] == server.access_key_id
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    for name in ("x-amzn-requestid", "x-amzn-caller-arn", "x-daypass-principal"):
        assert name not in event["headers"]
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")


def test_what_proves_the_caller_does_not_reach_the_function(server: Server, url: str) -> None:
    event = call_url(server, url).json()
    assert "authorization" not in event["headers"]
    assert "x-amz-security-token" not in event["headers"]


def test_an_anonymous_caller_has_no_identity_to_show(server: Server) -> None:
    client = server.client("lambda")
    url = deploy(server, "open-to-all", SOURCE, auth_type="NONE")
    for statement_id, action in (("a", "lambda:InvokeFunctionUrl"), ("b", "lambda:InvokeFunction")):
        client.add_permission(
            FunctionName="open-to-all", StatementId=statement_id, Action=action, Principal="*"
        )
    # Signed all the same, with nonsense: nothing of it is believed.
    event = httpx.get(
        url,
        headers={
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/lambda/"
            "aws4_request, SignedHeaders=host, Signature=00"
        },
    ).json()

    assert event["requestContext"]["accountId"] == "anonymous"
    assert "authorizer" not in event["requestContext"]
    client.delete_function_url_config(FunctionName="open-to-all")
    gone = httpx.get(url)
    assert (gone.status_code, gone.json()) == (403, {"Message": None})


@pytest.mark.parametrize("path", ["/_urls/", "/_urls", "/_urls//x", "/_urls/../x", "/_urls/%00/"])
def test_paths_that_name_no_url(server: Server, path: str) -> None:
    host, port = urlsplit(server.endpoint).hostname, urlsplit(server.endpoint).port
    answer = httpx.request("GET", f"http://{host}:{port}{path}")
    assert 400 <= answer.status_code < 500
