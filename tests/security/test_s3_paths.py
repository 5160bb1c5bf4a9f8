"""Attacks 23 and 97: dot segments, encodings and backslashes in keys and copy sources.

The string that is authorised is the string that is stored, and no key is a path.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.security.s3_world import Bucket, User, a_bucket, a_user, allow, code_of
from tests.signing import send, signed

ESCAPES = [
    "home/alice/../bob/secret",
    "home/alice/./../bob/secret",
    "home/alice/%2e%2e/bob/secret",
    "home/alice/%2E%2E%2Fbob/secret",
    "home/alice/%252e%252e/bob/secret",
    "home/alice//../bob/secret",
    "home/alice/..%5cbob%5csecret",
    "home/alice/..\\bob\\secret",
    "home/alice/%2e./bob/secret",
]


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        made.put("home/bob/secret")
        yield made


@pytest.fixture
def alice(server: Server, bucket: Bucket) -> Iterator[User]:
    home = f"{bucket.arn}/home/alice/*"
    rights = allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], home)
    with a_user(server, rights, allow("s3:ListBucket", bucket.arn)) as user:
        yield user


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_spelling_of_a_path_reaches_another_key(
    bucket: Bucket, alice: User, method: str, path: str
) -> None:
    body = b"overwritten" if method == "PUT" else b""
    region = bucket.server.region
    answer = send(signed(alice.credentials, "s3", region, method, bucket.url(path), body))
    assert answer.status in {200, 204, 403, 404}
    assert "home/bob/secret" not in answer.body.replace("home/alice", "")
    assert bucket.content("home/bob/secret") == b"home/bob/secret"
    assert all(key == "home/bob/secret" or key.startswith("home/alice/") for key in bucket.listed())


@pytest.mark.parametrize("source", ESCAPES)
def test_no_spelling_of_a_copy_source_reaches_another_key(
    bucket: Bucket, alice: User, source: str
) -> None:
    request = signed(
        alice.credentials,
        "s3",
        bucket.server.region,
        "PUT",
        bucket.url("home/alice/stolen"),
        headers={"x-amz-copy-source": f"/{bucket.name}/{source}"},
    )
    assert send(request).status in {403, 404}
    assert bucket.listed() == ["home/bob/secret"]


def test_a_copy_source_outside_its_bucket_is_refused(bucket: Bucket, alice: User) -> None:
    for source in (f"{bucket.name}/../{bucket.name}/home/bob/secret", "/", bucket.name, "//x"):
        code = code_of(
            alice.s3.copy_object, Bucket=bucket.name, Key="home/alice/x", CopySource=source
        )
        assert code in {"AccessDenied", "InvalidArgument", "InvalidBucketName"}


@pytest.mark.parametrize("path", ["a%00b", "%ff", "%c3%28", "%ed%a0%80"])
def test_what_is_no_utf_8_or_holds_a_nul_is_refused(bucket: Bucket, path: str) -> None:
    assert send(bucket.as_it_stands("PUT", path, b"x")).status == 400


def test_no_file_of_the_data_directory_is_named_by_a_client(bucket: Bucket) -> None:
    bucket.root.put_object(Bucket=bucket.name, Key="../../escape", Body=bytes(100_000))
    data: Path = bucket.server.data
    assert not list(data.parent.rglob("*escape*"))


def test_an_upload_id_is_no_path_and_holds_only_for_its_key(bucket: Bucket) -> None:
    upload = bucket.root.create_multipart_upload(Bucket=bucket.name, Key="a")["UploadId"]
    for key, upload_id in (("b", upload), ("a", "..%2F..%2Fmaster.key"), ("a", "")):
        path = f"{key}?partNumber=1&uploadId={upload_id}"
        assert send(bucket.as_it_stands("PUT", path, b"x")).status in {400, 404}
