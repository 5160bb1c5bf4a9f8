"""Attacks 29 to 38 as they reach S3: a body that is not as it was promised is never stored."""

import base64
import hashlib
import zlib
from collections.abc import Iterator

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tests.conftest import Server
from tests.security.s3_world import Bucket, a_bucket, allow
from tests.signing import Answer, Raw, send

DATA = b"hello world"
CRC32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
SHA256 = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
WRONG = "AAAAAA=="


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        yield made


def put(bucket: Bucket, body: bytes, headers: dict[str, str], payload: str) -> Answer:
    request = AWSRequest("PUT", bucket.url("k"), {**headers, "x-amz-content-sha256": payload}, body)
    credentials = bucket.credentials
    SigV4Auth(credentials, "s3", bucket.server.region).add_auth(request)
    fields = [("Host", bucket.server.endpoint.removeprefix("http://"))]
    fields += [(name, str(value)) for name, value in request.headers.items()]
    return send(Raw("PUT", bucket.url("k"), fields, body))


def put_with_trailer(bucket: Bucket, trailer: str, **headers: str) -> Answer:
    body = b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(DATA), DATA, trailer.encode())
    return put(
        bucket,
        body,
        {
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(DATA)),
            "x-amz-trailer": "x-amz-checksum-crc32",
            **headers,
        },
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    )


def test_a_right_trailer_is_verified_and_kept(bucket: Bucket) -> None:
    answer = put_with_trailer(bucket, f"x-amz-checksum-crc32:{CRC32}")
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, CRC32)
    assert bucket.content("k") == DATA
    head = bucket.root.head_object(Bucket=bucket.name, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == CRC32
    assert "ContentEncoding" not in head


@pytest.mark.parametrize(
    "trailer",
    [
        f"x-amz-checksum-crc32:{WRONG}",
        f"x-amz-checksum-sha256:{SHA256}",
        "x-amz-checksum-crc32:",
        "x-amz-checksum-crc32:no-base64",
        "",
    ],
)
def test_a_wrong_or_missing_trailer_stores_nothing(bucket: Bucket, trailer: str) -> None:
    assert put_with_trailer(bucket, trailer).status == 400
    assert bucket.listed() == []


def test_a_checksum_in_header_and_trailer_is_refused(bucket: Bucket) -> None:
    answer = put_with_trailer(
        bucket, f"x-amz-checksum-crc32:{CRC32}", **{"x-amz-checksum-crc32": CRC32}
    )
    assert answer.status == 400
    assert bucket.listed() == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc32": WRONG}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": ""}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha256": SHA256}, "InvalidRequest"),
        (
            {"x-amz-checksum-crc32": CRC32, "x-amz-sdk-checksum-algorithm": "SHA256"},
            "InvalidRequest",
        ),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
        ({"x-amz-checksum-xxhash64": WRONG}, "NotImplemented"),
        ({"content-md5": ""}, "InvalidDigest"),
        ({"content-md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
    ],
)
def test_a_header_that_does_not_fit_stores_nothing(
    bucket: Bucket, headers: dict[str, str], code: str
) -> None:
    answer = put(bucket, DATA, headers, hashlib.sha256(DATA).hexdigest())
    assert answer.status in {400, 501}
    assert f"<Code>{code}</Code>" in answer.body
    assert bucket.listed() == []


@pytest.mark.parametrize("size", [11, 100_000])
def test_a_body_other_than_the_one_signed_stores_nothing(bucket: Bucket, size: int) -> None:
    answer = put(bucket, bytes(size), {}, hashlib.sha256(DATA).hexdigest())
    assert answer.status == 400
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in answer.body
    assert bucket.listed() == []
    assert not list((bucket.server.data / "blobs" / "incoming").iterdir())


def test_chunks_of_an_anonymous_caller_are_not_stored_as_they_came(bucket: Bucket) -> None:
    bucket.set_policy(allow("s3:PutObject", f"{bucket.arn}/*", Principal="*"))

    def put_unsigned(trailer: str, **headers: str) -> int:
        body = b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(DATA), DATA, trailer.encode())
        fields = {
            "Host": bucket.server.endpoint.removeprefix("http://"),
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-trailer": "x-amz-checksum-crc32",
            **headers,
        }
        return send(Raw("PUT", bucket.url("k"), list(fields.items()), body)).status

    length = {"x-amz-decoded-content-length": str(len(DATA))}
    assert put_unsigned(f"x-amz-checksum-crc32:{CRC32}") in {400, 411}
    assert put_unsigned(f"x-amz-checksum-crc32:{WRONG}", **length) == 400
    assert bucket.listed() == []
    assert put_unsigned(f"x-amz-checksum-crc32:{CRC32}", **length) == 200
    assert bucket.content("k") == DATA


def test_a_list_of_keys_to_delete_needs_a_digest(bucket: Bucket) -> None:
    bucket.put("k")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    credentials = bucket.credentials
    for headers, code in (
        ({}, "InvalidRequest"),
        ({"content-md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": WRONG}, "BadDigest"),
    ):
        request = AWSRequest(
            "POST",
            bucket.url("?delete"),
            {**headers, "x-amz-content-sha256": hashlib.sha256(body).hexdigest()},
            body,
        )
        SigV4Auth(credentials, "s3", bucket.server.region).add_auth(request)
        fields = [("Host", bucket.server.endpoint.removeprefix("http://"))]
        fields += [(name, str(value)) for name, value in request.headers.items()]
        answer = send(Raw("POST", bucket.url("?delete"), fields, body))
        assert f"<Code>{code}</Code>" in answer.body
    assert bucket.listed() == ["k"]
