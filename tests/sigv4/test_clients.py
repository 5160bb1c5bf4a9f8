"""Requests of real AWS clients, taken from the wire, are verified as they were sent."""

import io
import shutil
import subprocess
import sys
import time

import boto3
import pytest
from botocore.config import Config
from botocore.parsers import ResponseParserError

from daypass.sigv4 import PayloadMode, Refusal
from tests.sigv4.wire import Listener, Received, listening

KEY_ID, SECRET, TOKEN = (
    "ASIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "t/+=" * 40,
)
REGION = "eu-central-1"


@pytest.fixture
def listener():
    with listening() as running:
        yield running


def client(listener: Listener, service: str, **options):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **options)
    return boto3.client(
        service,
        endpoint_url=listener.url,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        aws_session_token=TOKEN,
        config=config,
    )


def verified(request: Received, service: str):
    result = request.verify(SECRET, service=service, region=REGION, now=time.time())
    assert (result.access_key_id, result.session_token) == (KEY_ID, TOKEN)
    with pytest.raises(Refusal):
        request.verify(SECRET + "x", service=service, region=REGION, now=time.time())
    return result


KEYS = ["plain", "a b+c", "dt=2024/x", "ключ/é", "a//b/../c", "!$&'()*,:;@~", "100%25"]


@pytest.mark.parametrize("key", KEYS)
def test_boto3_put_object(listener, key):
    client(listener, "s3").put_object(Bucket="b", Key=key, Body=b"hello", Metadata={"a": "x  y"})
    (request,) = listener.received
    body, _ = request.decode(verified(request, "s3"))
    assert body == b"hello"


def test_boto3_put_of_a_stream_is_aws_chunked_with_a_trailing_checksum(listener):
    body = io.BytesIO(b"x" * 3_000_000)
    client(listener, "s3").put_object(Bucket="b", Key="k", Body=body)
    (request,) = listener.received
    proof = verified(request, "s3")
    decoded, _ = request.decode(proof)
    assert decoded == b"x" * 3_000_000


@pytest.mark.parametrize(
    "parameters",
    [{"Prefix": "a/b c+d"}, {"Delimiter": "/", "EncodingType": "url"}, {"StartAfter": "é&=~"}],
)
def test_boto3_list_objects(listener, parameters):
    client(listener, "s3").list_objects_v2(Bucket="b", **parameters)
    verified(listener.received[0], "s3")


@pytest.mark.parametrize("method", ["get_object", "put_object"])
def test_boto3_presigned_url(listener, method):
    url = client(listener, "s3", signature_version="s3v4").generate_presigned_url(
        method, Params={"Bucket": "b", "Key": "a b/é"}, ExpiresIn=60
    )
    verb = "GET" if method == "get_object" else "PUT"
    subprocess.run(["curl", "-sS", "-X", verb, url], check=True)
    proof = verified(listener.received[0], "s3")
    assert proof.in_query
    assert proof.payload.mode is PayloadMode.UNSIGNED


def test_boto3_query_service(listener):
    with pytest.raises(ResponseParserError):  # the listener answers nothing
        client(listener, "sts").assume_role(
            RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="s+x", ExternalId="a b/é"
        )
    verified(listener.received[0], "sts")


def test_boto3_rest_json_service(listener):
    client(listener, "lambda").invoke(FunctionName="f:alias", Payload=b'{"a": 1}')
    verified(listener.received[0], "lambda")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("target", ["/", "/a/b?x=1&y=2", "/?a=%20%2B&b="])
def test_curl(listener, target):
    subprocess.run(
        [
            "curl",
            "-sS",
            "--path-as-is",
            "--aws-sigv4",
            f"aws:amz:{REGION}:lambda",
            "--user",
            f"{KEY_ID}:{SECRET}",
            "-H",
            f"x-amz-security-token: {TOKEN}",
            "-d",
            '{"a": 1}',
            listener.url + target,
        ],
        check=True,
    )
    verified(listener.received[0], "lambda")


def test_aws_cli_uploads_and_lists(listener, tmp_path):
    source = tmp_path / "file"
    source.write_bytes(b"y" * 100_000)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
    }
    arguments = ["--endpoint-url", listener.url, "s3api", "put-object", "--bucket", "bucket"]
    subprocess.run(
        [sys.executable, "-m", "awscli", *arguments, "--key", "a b", "--body", str(source)],
        env=environment,
        check=True,
        capture_output=True,
    )
    (request,) = listener.received
    body, _ = request.decode(verified(request, "s3"))
    assert body == b"y" * 100_000
