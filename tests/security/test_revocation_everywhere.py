"""A revoked session is refused by the next request, whatever service or path it takes."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.signing import send, signed

NAME = "revoked-everywhere"


def document(**statement: Any) -> str:
    given = {"Effect": "Allow", "Action": "*", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [given]})


@pytest.fixture
def session(server: Server) -> Iterator[dict[str, str]]:
    """A session of a role that may do everything, chained from another; a bucket open to all."""
    iam, s3 = server.client("iam"), server.client("s3")
    arn = iam.create_user(UserName=NAME)["User"]["Arn"]
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    user = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    trusted: Any = arn
    for role in (f"{NAME}-first", f"{NAME}-second"):
        trust = document(Principal={"AWS": trusted}, Action="sts:AssumeRole")
        made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(
            RoleName=role, PolicyName="inline", PolicyDocument=document(Resource="*")
        )
        trusted = made["Role"]["Arn"]
    both = [f"arn:aws:iam::{server.account_id}:role/{NAME}-first", trusted]
    again = document(Principal={"AWS": both}, Action="sts:AssumeRole")
    iam.update_assume_role_policy(RoleName=f"{NAME}-second", PolicyDocument=again)
    place = {"LocationConstraint": server.region}
    s3.create_bucket(
        Bucket=NAME,
        **({"CreateBucketConfiguration": place} if server.region != "us-east-1" else {}),
    )
    s3.put_object(Bucket=NAME, Key="object", Body=b"content")
    s3.put_bucket_policy(
        Bucket=NAME,
        Policy=document(
            Principal="*",
            Action="s3:*",
            Resource=[f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/*"],
        ),
    )
    first = assumed(server, user, f"{NAME}-first")
    yield {**assumed(server, first, f"{NAME}-second"), "parent": first["aws_access_key_id"]}
    s3.delete_object(Bucket=NAME, Key="object")
    s3.delete_bucket(Bucket=NAME)
    for role in (f"{NAME}-first", f"{NAME}-second"):
        iam.delete_role_policy(RoleName=role, PolicyName="inline")
        iam.delete_role(RoleName=role)
    iam.delete_access_key(UserName=NAME, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=NAME)


def assumed(server: Server, credentials: dict[str, str], role: str) -> dict[str, str]:
    answer = server.client("sts", **credentials).assume_role(
        RoleArn=f"arn:aws:iam::{server.account_id}:role/{role}", RoleSessionName="session"
    )["Credentials"]
    return {
        "aws_access_key_id": answer["AccessKeyId"],
        "aws_secret_access_key": answer["SecretAccessKey"],
        "aws_session_token": answer["SessionToken"],
    }


# AWS's codes for a token it does not take: of STS and IAM, of Lambda, of S3.
INVALID_TOKEN = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken"}


def let_in(call: Callable[[], Any]) -> bool:
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] in INVALID_TOKEN  # noqa: PT017
        return False
    if isinstance(answer, httpx.Response) and answer.status_code != 200:
        assert "<Code>InvalidToken</Code>" in answer.text
        return False
    return True


def test_revoked_parent_ends_its_child_on_every_path(server, session):
    parent = session.pop("parent")
    sts, iam, s3, functions = (
        server.client(service, **session) for service in ("sts", "iam", "s3", "lambda")
    )
    v4 = server.client("s3", config=Config(signature_version="s3v4"), **session)
    url = v4.generate_presigned_url("get_object", Params={"Bucket": NAME, "Key": "object"})
    role = f"arn:aws:iam::{server.account_id}:role/{NAME}-second"
    calls: dict[str, Callable[[], Any]] = {
        "sts": sts.get_caller_identity,
        "chain": lambda: sts.assume_role(RoleArn=role, RoleSessionName="again"),
        "iam": iam.list_users,
        "lambda": functions.list_functions,
        "s3 by identity": s3.list_buckets,
        "s3 by bucket policy": lambda: s3.get_object(Bucket=NAME, Key="object"),
        "presigned": lambda: httpx.get(url),
    }
    assert {path: let_in(call) for path, call in calls.items()} == dict.fromkeys(calls, True)
    root = Credentials(server.access_key_id, server.secret_access_key)
    revoked = send(
        signed(
            root,
            "daypass",
            server.region,
            "POST",
            server.endpoint + "/_daypass/sessions/revoke",
            json.dumps({"AccessKeyId": parent}).encode(),
            {"Content-Type": "application/json"},
        )
    )
    assert revoked.status == 200, revoked.body
    assert {path: let_in(call) for path, call in calls.items()} == dict.fromkeys(calls, False)
