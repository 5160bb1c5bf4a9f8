"""Whole boto3 clients, with all that they do to requests and answers, over the codec."""

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.protocol import Body, Request, ServiceError, combine_headers
from tests.protocol.wire import REQUEST_ID, model

Perform = Callable[[str, dict[str, Any]], Mapping[str, Any] | None]


class _Raw(io.BytesIO):
    """What botocore takes for urllib3's response."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        return body.read()
    return body.encode() if isinstance(body, str) else body or b""


def client(service: str, perform: Perform) -> Any:
    """A client whose requests end in the codec and `perform`."""

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        text = [(n, v.decode() if isinstance(v, bytes) else v) for n, v in request.headers.items()]
        headers, repeated = combine_headers(text)
        body = _bytes(request.body)
        ours = model(service)
        received = Request(request.method, parts.path, parts.query, headers, repeated)
        try:
            operation = ours.route(received, parts.path, body)
            given = Body(length=len(body)) if ours.streams(operation) else body
            values = ours.decode(operation, received, parts.path, given)
            response = ours.encode(operation, perform(operation, values), REQUEST_ID)
        except ServiceError as error:
            response = ours.encode_error(error, received, REQUEST_ID)
        raw = _Raw(bytes(response.body))
        return AWSResponse(request.url, response.status, dict(response.headers), raw)

    made = boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url="http://localhost:1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-send", answer)
    return made


def test_sts() -> None:
    def perform(operation: str, values: dict[str, Any]) -> Mapping[str, Any]:
        assert (operation, values["DurationSeconds"]) == ("AssumeRole", 900)
        return {"Credentials": {"AccessKeyId": "ASIA", "Expiration": 0}, "PackedPolicySize": 6}

    found = client("sts", perform).assume_role(
        RoleArn="arn:aws:iam::123456789012:role/one", RoleSessionName="one", DurationSeconds=900
    )
    assert found["Credentials"]["Expiration"].timestamp() == 0
    assert found["PackedPolicySize"] == 6
    assert found["ResponseMetadata"]["RequestId"] == REQUEST_ID


def test_iam_s_modelled_errors() -> None:
    def perform(operation: str, values: dict[str, Any]) -> None:
        raise ServiceError("NoSuchEntity", f"No user {values['UserName']}.", 404)

    iam = client("iam", perform)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="No user one"):
        iam.get_user(UserName="one")


def test_lambda_s_modelled_errors() -> None:
    def perform(operation: str, values: dict[str, Any]) -> None:
        raise ServiceError("ResourceNotFoundException", "Function not found: one", 404)

    functions = client("lambda", perform)
    with pytest.raises(functions.exceptions.ResourceNotFoundException, match="Function not found"):
        functions.get_function(FunctionName="one")


def test_a_page_of_keys_that_xml_cannot_carry() -> None:
    keys = ["a\x01b", "c d/\u00e9", "e&<f>"]

    def perform(operation: str, values: dict[str, Any]) -> Mapping[str, Any]:
        assert values["EncodingType"] == "url"
        quoted = ["a%01b", "c+d/%C3%A9", "e%26%3Cf%3E"]
        return {"EncodingType": "url", "Contents": [{"Key": key, "Size": 1} for key in quoted]}

    found = client("s3", perform).list_objects_v2(Bucket="bucket")
    assert [entry["Key"] for entry in found["Contents"]] == keys


def test_s3_s_default_uploads_stream() -> None:
    def perform(operation: str, values: dict[str, Any]) -> Mapping[str, Any]:
        assert operation == "PutObject"
        assert isinstance(values["Body"], Body)
        assert values["Metadata"] == {"a": "b"}
        assert values["ChecksumAlgorithm"] == "CRC32"
        return {"ETag": '"e"'}

    found = client("s3", perform).put_object(Bucket="b", Key="k", Body=b"x", Metadata={"a": "b"})
    assert found["ETag"] == '"e"'


def test_s3_s_errors_and_heads() -> None:
    def perform(operation: str, values: dict[str, Any]) -> None:
        raise ServiceError("NoSuchKey", "The specified key does not exist.", 404)

    s3 = client("s3", perform)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="b", Key="k")
    with pytest.raises(ClientError, match="404") as caught:
        s3.head_object(Bucket="b", Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_the_location_of_a_bucket() -> None:
    s3 = client("s3", lambda *_: {"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket="b")["LocationConstraint"] == "eu-west-1"
    s3 = client("s3", lambda *_: {})
    assert s3.get_bucket_location(Bucket="b")["LocationConstraint"] is None


def test_the_body_of_an_object() -> None:
    s3 = client("s3", lambda *_: {"Body": b"bytes", "ContentLength": 5, "Metadata": {"a": "b"}})
    found = s3.get_object(Bucket="b", Key="a/../b")
    assert (found["Body"].read(), found["Metadata"]) == (b"bytes", {"a": "b"})
