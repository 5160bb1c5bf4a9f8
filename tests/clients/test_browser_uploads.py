"""Uploads as a browser makes them: boto3 signs the form, requests sends it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.config import Config

from tests.conftest import Server


@pytest.fixture(scope="module")
def bucket(server: Server) -> Iterator[str]:
    name = f"forms-{uuid.uuid4().hex[:12]}"
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    yield name
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def upload(
    server: Server,
    bucket: str,
    key: str,
    content: Any,
    name: str = "name.txt",
    fields: dict[str, str] | None = None,
    conditions: tuple[Any, ...] = (),
    **credentials: str,
) -> requests.Response:
    given = fields or {}
    # Without being told, boto3 signs forms with Signature Version 2.
    config = Config(signature_version="s3v4")
    form = server.client("s3", config=config, **credentials).generate_presigned_post(
        bucket, key, given, [*({n: v} for n, v in given.items()), *conditions]
    )
    return requests.post(
        form["url"],
        data=form["fields"],
        files={"file": (name, content)},
        timeout=30,
        allow_redirects=False,
    )


@pytest.mark.parametrize("size", [0, 5, 100_000, 3_000_000])
def test_a_form_uploads_its_file(server: Server, bucket: str, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    answer = upload(server, bucket, "a folder/ü", content)
    assert (answer.status_code, answer.content) == (204, b"")
    found = server.client("s3").get_object(Bucket=bucket, Key="a folder/ü")
    assert found["Body"].read() == content
    assert answer.headers["etag"] == found["ETag"]
    assert answer.headers["location"].endswith(f"/{bucket}/a%20folder/%C3%BC")


def test_fields_are_the_objects_headers(server: Server, bucket: str) -> None:
    fields = {
        "acl": "private",
        "Content-Type": "image/png",
        "Cache-Control": "no-cache",
        "x-amz-meta-who": "me",
    }
    assert upload(server, bucket, "described", b"x", fields=fields).status_code == 204
    found = server.client("s3").head_object(Bucket=bucket, Key="described")
    assert (found["ContentType"], found["CacheControl"]) == ("image/png", "no-cache")
    assert found["Metadata"] == {"who": "me"}


@pytest.mark.parametrize("name", ["photo ü.jpg", "C:\\Users\\me\\photo ü.jpg", "/home/photo ü.jpg"])
def test_the_file_may_name_the_object(server: Server, bucket: str, name: str) -> None:
    assert upload(server, bucket, "user/${filename}", b"x", name).status_code == 204
    server.client("s3").head_object(Bucket=bucket, Key="user/photo ü.jpg")


def test_the_form_says_how_it_is_answered(server: Server, bucket: str) -> None:
    for status in ("200", "201", "204", "500"):
        fields = {"success_action_status": status}
        answer = upload(server, bucket, "k<", b"x", fields=fields)
        assert answer.status_code == (204 if status == "500" else int(status))
        if status == "201":
            assert f"<Bucket>{bucket}</Bucket><Key>k&lt;</Key>" in answer.text
    fields = {"success_action_redirect": "https://example.com/done?a=b"}
    answer = upload(server, bucket, "k", b"x", fields=fields)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(
        f"https://example.com/done?a=b&bucket={bucket}&key=k"
    )
    for nowhere in ("javascript:alert(1)", "/here", "https://e\nx-evil: 1"):
        fields = {"success_action_redirect": nowhere}
        assert upload(server, bucket, "k", b"x", fields=fields).status_code == 204


def test_temporary_credentials_upload_too(server: Server, bucket: str) -> None:
    given = server.client("sts").get_session_token()["Credentials"]
    session = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    assert upload(server, bucket, "by-session", b"x", **session).status_code == 204
