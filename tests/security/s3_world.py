"""Users with exactly the rights a test gives them, and a bucket, on a running server."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from daypass import sigv4
from tests.conftest import Server
from tests.signing import Raw

# One for all: it reads each service's model once.
_SESSION = boto3.Session()


@dataclass(frozen=True)
class User:
    """A user, its S3 client, and its credentials for requests no client sends."""

    arn: str
    s3: Any
    credentials: Credentials


@dataclass(frozen=True)
class Bucket:
    server: Server
    name: str
    root: Any
    credentials: Credentials

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"

    def put(self, *keys: str) -> None:
        """Objects whose content is their key."""
        for key in keys:
            self.root.put_object(Bucket=self.name, Key=key, Body=key.encode())

    def content(self, key: str) -> bytes:
        return bytes(self.root.get_object(Bucket=self.name, Key=key)["Body"].read())

    def listed(self) -> list[str]:
        found = self.root.list_objects_v2(Bucket=self.name).get("Contents", ())
        return [entry["Key"] for entry in found]

    def set_policy(self, *statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self.root.put_bucket_policy(Bucket=self.name, Policy=json.dumps(document))

    def url(self, path: str) -> str:
        return f"{self.server.endpoint}/{self.name}/{path}"

    def as_it_stands(
        self, method: str, path: str, body: bytes = b"", presigned: bool = False
    ) -> Raw:
        """A request of root's whose path and query no client would send, signed as they stand."""
        credentials = sigv4.Credentials(self.server.access_key_id, self.server.secret_access_key)
        request = sigv4.HttpRequest(method, self.url(path), body=body)
        region = self.server.region
        if presigned:
            url = sigv4.presign(request, credentials, service="s3", region=region)
            host = self.server.endpoint.removeprefix("http://")
            return Raw(method, url, [("Host", host)], body)
        headers = sigv4.sign(request, credentials, service="s3", region=region)
        return Raw(method, self.url(path), headers, body)


def allow(actions: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources), **more}


def deny(actions: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {**allow(actions, *resources, **more), "Effect": "Deny"}


def _client(server: Server, service: str, **credentials: str) -> Any:
    return _SESSION.client(
        service,
        region_name=server.region,
        endpoint_url=server.endpoint,
        config=Config(retries={"total_max_attempts": 1}),
        **(credentials or server.credentials),
    )


@contextmanager
def a_user(server: Server, *statements: dict[str, Any]) -> Iterator[User]:
    iam = _client(server, "iam")
    name = f"user-{uuid.uuid4().hex[:10]}"
    user = iam.create_user(UserName=name)["User"]
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    s3 = _client(
        server,
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    yield User(user["Arn"], s3, credentials)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    if statements:
        iam.delete_user_policy(UserName=name, PolicyName="rights")
    iam.delete_user(UserName=name)


@contextmanager
def a_bucket(server: Server) -> Iterator[Bucket]:
    root = _client(server, "s3")
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    name = f"security-{uuid.uuid4().hex[:12]}"
    root.create_bucket(Bucket=name)
    bucket = Bucket(server, name, root, credentials)
    yield bucket
    root.delete_bucket_policy(Bucket=name)
    for upload in root.list_multipart_uploads(Bucket=name).get("Uploads", ()):
        root.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for key in bucket.listed():
        root.delete_object(Bucket=name, Key=key)
    root.delete_bucket(Bucket=name)


def code_of(call: Any, *arguments: Any, **keywords: Any) -> str:
    """The error code a call is refused with; fails if it is not."""
    with pytest.raises(ClientError) as refusal:
        call(*arguments, **keywords)
    return str(refusal.value.response["Error"]["Code"])
