"""Attacks 2 and 30: a chunked payload mode where the operation takes no stream.

CVE-2026-40344: a handler that had no case for a mode let a body through that nothing had signed.
"""

import base64
import zlib
from collections.abc import Iterator

import pytest

from daypass.sigv4 import Credentials, HttpRequest, PayloadMode, sign_stream
from tests.conftest import Server
from tests.security.s3_world import Bucket, a_bucket, code_of
from tests.signing import Answer, Raw, send

MODES = [
    PayloadMode.SIGNED_CHUNKS,
    PayloadMode.SIGNED_CHUNKS_TRAILER,
    PayloadMode.UNSIGNED_CHUNKS_TRAILER,
]


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        made.put("object")
        yield made


def send_chunks(bucket: Bucket, method: str, path: str, body: bytes, mode: PayloadMode) -> Answer:
    """A request of root's that is signed as it should be, with its body in chunks."""
    server = bucket.server
    trailers = {} if mode is PayloadMode.SIGNED_CHUNKS else {"x-amz-checksum-crc32": None}
    stream = sign_stream(
        HttpRequest(method, bucket.url(path)),
        Credentials(server.access_key_id, server.secret_access_key),
        region=server.region,
        decoded_length=len(body),
        mode=mode,
        trailers=trailers,
    )
    checksums = {"x-amz-checksum-crc32": crc32(body)}
    wire = b"".join(stream.encode([body], lambda: checksums if trailers else {}))
    fields = [(n, v) for n, v in stream.headers if n.lower() != "content-length"]
    return send(Raw(method, bucket.url(path), fields, wire))


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "?policy", b'{"Version": "2012-10-17", "Statement": []}'),
        ("POST", "?delete", b"<Delete><Object><Key>object</Key></Object></Delete>"),
        ("DELETE", "object", b""),
        ("GET", "object", b"x"),
    ],
)
def test_chunks_where_no_stream_is_taken(
    bucket: Bucket, method: str, path: str, body: bytes, mode: PayloadMode
) -> None:
    answer = send_chunks(bucket, method, path, body, mode)
    assert answer.status == 400
    assert "<Code>InvalidRequest</Code>" in answer.body
    assert bucket.content("object") == b"object"
    assert code_of(bucket.root.get_bucket_policy, Bucket=bucket.name) == "NoSuchBucketPolicy"


@pytest.mark.parametrize("mode", MODES)
def test_uploads_may_come_in_chunks(bucket: Bucket, mode: PayloadMode) -> None:
    assert send_chunks(bucket, "PUT", "new", b"content", mode).status == 200
    assert bucket.content("new") == b"content"
