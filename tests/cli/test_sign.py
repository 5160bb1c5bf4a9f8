"""`daypass sign` and `daypass presign`, to botocore's and to a server's judgement."""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cli.running import CLEAN, daypass
from tests.client.wire import recording

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "session-token-of-the-test",
    "AWS_REGION": "eu-west-1",
}
URL = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws/a?b=c"


@pytest.fixture
def env():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | CLEAN | KEYS


def in_seconds(number):
    moment = datetime.fromtimestamp(datetime.now(UTC).timestamp() + number, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- sign ---------------------------------------------------------------------------------------


def test_its_headers_make_another_program_send_a_signed_request(env):
    with recording() as wire:
        url = f"{wire.url}/_urls/abcdefghijklmnopqrstuvwxyz012345/a?b=c%20d"
        ended = daypass("sign", url, "-d", '{"a": 1}', "-H", "content-type: a/b", env=env)
        headers = dict(line.split(": ", 1) for line in ended.out.splitlines())
        assert set(headers) == {"Host", "X-Amz-Date", "X-Amz-Security-Token", "Authorization"}
        httpx.post(
            url,
            headers={**headers, "content-type": "a/b"},
            content=b'{"a": 1}',
            trust_env=False,
        )
        received = wire.last
    assert received.signature() == received.expected_signature(SECRET, "lambda", "eu-west-1")
    assert "signed for lambda in eu-west-1" in ended.err
    assert SECRET not in ended.out + ended.err


def test_a_request_is_read_as_http_writes_it(env):
    head = (
        "POST /orders?x=1 HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz012345.lambda-url."
        "eu-west-1.on.aws\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"
    )
    for text in (head + "{\r\n}", head.replace("\r\n", "\n") + "{\r\n}"):
        ended = daypass("sign", "-", "--output", "json", env=env, stdin=text.encode())
        made = json.loads(ended.out)
        assert made["Method"] == "POST"
        assert made["Url"].endswith(".lambda-url.eu-west-1.on.aws/orders?x=1")
        assert made["Headers"]["Content-Type"] == "application/json"
        assert (made["Service"], made["Region"]) == ("lambda", "eu-west-1")
        with_body = daypass(
            *("sign", made["Url"], "--data-raw", "{\r\n}", "--output", "json"),
            *("-H", "content-type: application/json"),
            env=env,
        )
        signed = [
            re.search("Signature=(.*)", json.loads(one)["Headers"]["Authorization"])[1]
            for one in (ended.out, with_body.out)
            if json.loads(one)["Headers"]["X-Amz-Date"] == made["Headers"]["X-Amz-Date"]
        ]
        assert len(set(signed)) == 1, "the same request has the same signature"


@pytest.mark.parametrize(
    "text",
    ["", "hello", "GET /\n\n", "GET x HTTP/1.1\nhost: a\n\n", "GET / HTTP/1.1\nhost:a\n b\n\n"],
)
def test_what_is_no_request_is_refused(env, text):
    ended = daypass("sign", "-", "--service", "s3", env=env, stdin=text.encode())
    assert (ended.code, ended.out) == (1, "")
    assert "no request" in ended.err


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_runs_what_it_prints(server, tmp_path):
    server.client("s3").create_bucket(Bucket="cli-sign")
    (tmp_path / "body").write_bytes(b"\0binary")
    url = f"{server.endpoint}/cli-sign/a%20key"
    ended = daypass(
        *("sign", "-X", "PUT", url, "-d", f"@{tmp_path / 'body'}", "--service", "s3"),
        *("--format", "curl"),
        env=server.environment(),
    )
    subprocess.run(["sh", "-c", f"{ended.out.strip()} -fsS"], check=True)
    found = server.client("s3").get_object(Bucket="cli-sign", Key="a key")
    assert found["Body"].read() == b"\0binary"


# -- presign ------------------------------------------------------------------------------------


def test_a_presigned_url_is_botocores(env):
    ended = daypass(
        *("presign", "s3://bucket/a folder/key?.txt", "--expires", "10m", "--output", "json"),
        env=env,
    )
    made = json.loads(ended.out)
    base = "https://bucket.s3.eu-west-1.amazonaws.com/a%20folder/key%3F.txt"
    assert made["Url"].startswith(f"{base}?X-Amz-Algorithm=")
    query = {name: value for name, (value,) in parse_qs(urlsplit(made["Url"]).query).items()}
    assert query["X-Amz-Expires"] == "600"
    request = AWSRequest("GET", base)
    request.context["timestamp"] = query["X-Amz-Date"]
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], SECRET, KEYS["AWS_SESSION_TOKEN"])
    signer = S3SigV4QueryAuth(credentials, "s3", "eu-west-1", expires=600)
    signer._modify_request_before_signing(request)
    request.url = re.sub("X-Amz-Date=[^&]*", f"X-Amz-Date={query['X-Amz-Date']}", request.url)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    assert query["X-Amz-Signature"] == signer.signature(to_sign, request)


def test_a_server_serves_it_to_anyone(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="cli-presign")
    s3.put_object(Bucket="cli-presign", Key="a b", Body=b"hello")
    ended = daypass("presign", "s3://cli-presign/a b", env=server.environment())
    assert httpx.get(ended.out.strip(), trust_env=False).text == "hello"
    put = daypass(
        *("presign", "-X", "PUT", f"{server.endpoint}/cli-presign/up", "--service", "s3"),
        *("-H", "content-type: image/png"),
        env=server.environment(),
    )
    url = put.out.strip()
    assert httpx.put(url, content=b"x", trust_env=False).status_code == 403
    kind = {"content-type": "image/png"}
    assert httpx.put(url, content=b"x", headers=kind, trust_env=False).status_code == 200
    assert s3.head_object(Bucket="cli-presign", Key="up")["ContentType"] == "image/png"


def test_a_url_that_outlives_its_session_is_warned_of_or_refused(env):
    session = env | {"AWS_CREDENTIAL_EXPIRATION": in_seconds(600)}
    warned = daypass("presign", "s3://b/k", "--expires", "1h", env=session)
    assert warned.code == 0
    assert "X-Amz-Expires=3600" in warned.out
    assert re.search(r"Warning: The session ends in (9|10) min, and the URL with it", warned.err)
    refused = daypass("presign", "s3://b/k", "--expires", "1h", "--strict", env=session)
    assert (refused.code, refused.out) == (1, "")
    assert "would stop working before it expires" in refused.err
    fits = daypass("presign", "s3://b/k", "--expires", "5m", "--strict", env=session)
    assert (fits.code, "Warning" in fits.err) == (0, False)


def test_without_a_wish_it_works_as_long_as_the_session(env):
    session = env | {"AWS_CREDENTIAL_EXPIRATION": in_seconds(600)}
    ended = daypass("presign", "s3://b/k", env=session)
    assert 590 < int(re.search(r"X-Amz-Expires=(\d+)", ended.out)[1]) <= 600
    assert "Warning" not in ended.err


def test_a_session_without_a_known_end_is_said(env):
    ended = daypass("presign", "s3://b/k", "--expires", "1h", env=env)
    assert "whose end is not known" in ended.err
    assert SECRET not in ended.out + ended.err


@pytest.mark.parametrize(
    ("url", "region", "base"),
    [
        ("s3://b/k", "cn-north-1", "https://b.s3.cn-north-1.amazonaws.com.cn/k?"),
        ("s3://b.c/k", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b.c/k?"),
        ("s3://b/a//b/../c#d", "eu-west-1", "https://b.s3.eu-west-1.amazonaws.com/a//b/../c%23d?"),
        ("s3://b/é+", "eu-west-1", "https://b.s3.eu-west-1.amazonaws.com/%C3%A9%2B?"),
    ],
)
def test_where_an_object_is(env, url, region, base):
    ended = daypass("presign", url, "--region", region, env=env)
    assert ended.out.startswith(base)


@pytest.mark.parametrize("arguments", [("s3://bucket",), ("s3://b/k", "--expires", "169h")])
def test_wrong_usage(env, arguments):
    ended = daypass("presign", *arguments, env=env)
    assert (ended.code, ended.out) == (2, "")
