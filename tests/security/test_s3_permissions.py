"""Attack 90: every operation needs each of its permissions, and a Deny on one of them wins."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.security.s3_world import Bucket, a_bucket, a_user, allow, code_of, deny
from tests.signing import Raw, send


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        made.put("from", "k")
        yield made


def copy(s3: Any, bucket: Bucket) -> Any:
    return s3.copy_object(Bucket=bucket.name, Key="to", CopySource=f"{bucket.name}/from")


def test_a_copy_needs_both_sides(server: Server, bucket: Bucket) -> None:
    read = allow("s3:GetObject", f"{bucket.arn}/from")
    write = allow("s3:PutObject", f"{bucket.arn}/to")
    for rights in ([read], [write], [read, write, deny("s3:GetObject", f"{bucket.arn}/*")]):
        with a_user(server, *rights) as user:
            assert code_of(copy, user.s3, bucket) == "AccessDenied"
    with a_user(server, read, write) as user:
        copy(user.s3, bucket)
    assert bucket.content("to") == b"from"


def test_a_part_copied_needs_both_sides(server: Server, bucket: Bucket) -> None:
    with a_user(server, allow("s3:PutObject", f"{bucket.arn}/to")) as user:
        upload = user.s3.create_multipart_upload(Bucket=bucket.name, Key="to")["UploadId"]
        code = code_of(
            user.s3.upload_part_copy,
            Bucket=bucket.name,
            Key="to",
            UploadId=upload,
            PartNumber=1,
            CopySource=f"{bucket.name}/from",
        )
        assert code == "AccessDenied"


def test_a_version_needs_a_right_of_its_own(server: Server, bucket: Bucket) -> None:
    rights = allow(["s3:GetObject", "s3:DeleteObject"], f"{bucket.arn}/*")
    with a_user(server, rights) as user:
        for call in (user.s3.get_object, user.s3.delete_object):
            code = code_of(call, Bucket=bucket.name, Key="k", VersionId="null")
            assert code == "AccessDenied"
        answer = user.s3.delete_objects(
            Bucket=bucket.name, Delete={"Objects": [{"Key": "k", "VersionId": "null"}]}
        )
        assert [entry["Code"] for entry in answer["Errors"]] == ["AccessDenied"]
    assert "k" in bucket.listed()


def test_an_acl_needs_a_right_of_its_own(server: Server, bucket: Bucket) -> None:
    with a_user(server, allow("s3:PutObject", f"{bucket.arn}/*")) as user:
        code = code_of(user.s3.put_object, Bucket=bucket.name, Key="k", Body=b"", ACL="private")
        assert code == "AccessDenied"


def test_what_would_be_ignored_is_refused(bucket: Bucket) -> None:
    for header in (
        {"ServerSideEncryption": "AES256"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"Tagging": "a=b"},
        {"ObjectLockLegalHoldStatus": "ON"},
        {"StorageClass": "GLACIER"},
        {"GrantRead": "id=x"},
    ):
        code = code_of(bucket.root.put_object, Bucket=bucket.name, Key="k", Body=b"new", **header)
        assert code == "NotImplemented"
    code = code_of(
        bucket.root.put_object, Bucket=bucket.name, Key="k", Body=b"new", ACL="public-read"
    )
    assert code == "AccessControlListNotSupported"
    assert bucket.content("k") == b"k"


def test_whether_an_etag_matches_is_told_only_to_readers(server: Server, bucket: Bucket) -> None:
    etag = bucket.root.head_object(Bucket=bucket.name, Key="k")["ETag"]
    rights = allow(["s3:PutObject", "s3:DeleteObject"], f"{bucket.arn}/*")
    with a_user(server, rights) as user:
        for match in (etag, '"guess"'):
            put = code_of(user.s3.put_object, Bucket=bucket.name, Key="k", Body=b"", IfMatch=match)
            delete = code_of(user.s3.delete_object, Bucket=bucket.name, Key="k", IfMatch=match)
            assert (put, delete) == ("AccessDenied", "AccessDenied")


def status(call: Any, **keywords: Any) -> int:
    with pytest.raises(ClientError) as refusal:
        call(**keywords)
    return int(refusal.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_a_missing_key_is_told_only_to_who_may_list(server: Server, bucket: Bucket) -> None:
    read = allow("s3:GetObject", f"{bucket.arn}/*")
    with a_user(server, read) as user:
        for call in (user.s3.get_object, user.s3.head_object):
            assert status(call, Bucket=bucket.name, Key="missing") == 403
    with a_user(server, read, allow("s3:ListBucket", bucket.arn)) as user:
        for call in (user.s3.get_object, user.s3.head_object):
            assert status(call, Bucket=bucket.name, Key="missing") == 404
    with a_user(server, allow("s3:ListBucket", bucket.arn)) as user:
        for key in ("missing", "k"):
            assert status(user.s3.get_object, Bucket=bucket.name, Key=key) == 403


def test_delete_objects_is_decided_key_by_key(server: Server, bucket: Bucket) -> None:
    with a_user(server, allow("s3:DeleteObject", f"{bucket.arn}/k")) as user:
        answer = user.s3.delete_objects(
            Bucket=bucket.name, Delete={"Objects": [{"Key": "from"}, {"Key": "k"}]}
        )
    assert [entry["Key"] for entry in answer["Deleted"]] == ["k"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [
        ("from", "AccessDenied")
    ]
    assert bucket.listed() == ["from"]


def test_listing_rights_may_be_bound_to_a_prefix(server: Server, bucket: Bucket) -> None:
    condition = {"StringLike": {"s3:prefix": ["home/alice/*"]}}
    with a_user(server, allow("s3:ListBucket", bucket.arn, Condition=condition)) as user:
        user.s3.list_objects_v2(Bucket=bucket.name, Prefix="home/alice/x")
        for options in ({}, {"Prefix": "home/"}, {"Prefix": "home/alice"}):
            code = code_of(user.s3.list_objects_v2, Bucket=bucket.name, **options)
            assert code == "AccessDenied"


def test_a_bucket_policy_denies_what_the_user_s_policies_allow(
    server: Server, bucket: Bucket
) -> None:
    with a_user(server, allow("s3:*", "*")) as user:
        bucket.set_policy(deny("s3:GetObject", f"{bucket.arn}/*", Principal={"AWS": user.arn}))
        assert code_of(user.s3.get_object, Bucket=bucket.name, Key="k") == "AccessDenied"
        user.s3.list_objects_v2(Bucket=bucket.name)


def test_root_takes_back_a_policy_that_denies_everybody(bucket: Bucket) -> None:
    bucket.set_policy(deny("s3:*", bucket.arn, f"{bucket.arn}/*", Principal="*"))
    assert code_of(bucket.root.get_object, Bucket=bucket.name, Key="k") == "AccessDenied"
    bucket.root.delete_bucket_policy(Bucket=bucket.name)
    assert bucket.content("k") == b"k"


def test_anonymous_callers_get_what_a_bucket_policy_gives_everybody(bucket: Bucket) -> None:
    def get(path: str, method: str = "GET") -> int:
        host = bucket.server.endpoint.removeprefix("http://")
        return send(Raw(method, bucket.url(path), [("Host", host)])).status

    assert get("k") == 403
    assert get("") == 403
    bucket.set_policy(allow("s3:GetObject", f"{bucket.arn}/k", Principal="*"))
    assert get("k") == 200
    assert get("k?response-content-type=text/html") == 400
    assert get("from") == 403
    assert get("k", "PUT") == 403
    assert get("k", "DELETE") == 403


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::{bucket}2/*"}, "Policy has invalid resource"),
        ({"NotResource": "arn:aws:s3:::other/*", "Resource": None}, "Policy has invalid resource"),
        ({"Action": "sts:AssumeRole"}, "Policy has invalid action"),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:user/nobody"}}, "Invalid principal"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource"),
        ({"Resource": "arn:aws:s3:::{bucket}"}, "Action does not apply to any resource"),
        ({"Principal": None}, ""),
        ({"Effect": "Perhaps"}, ""),
        ({"Condition": {"NoSuchOperator": {"aws:SourceIp": "1.2.3.4"}}}, ""),
    ],
)
def test_a_policy_for_anything_else_is_refused(
    bucket: Bucket, statement: dict[str, Any], message: str
) -> None:
    given = allow("s3:GetObject", f"{bucket.arn}/*", Principal="*")
    for name, value in statement.items():
        given[name] = value.format(bucket=bucket.name) if isinstance(value, str) else value
    kept = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(ClientError) as refusal:
        bucket.set_policy(kept)
    error = refusal.value.response["Error"]
    assert error["Code"] == "MalformedPolicy"
    assert message in error["Message"]
    assert code_of(bucket.root.get_bucket_policy, Bucket=bucket.name) == "NoSuchBucketPolicy"


def test_that_a_name_is_free_is_no_secret_and_what_is_in_a_bucket_is(
    server: Server, bucket: Bucket
) -> None:
    with a_user(server) as user:
        free = "no-such-bucket-anywhere"
        assert code_of(user.s3.list_objects_v2, Bucket=free) == "NoSuchBucket"
        assert code_of(user.s3.get_object, Bucket=free, Key="k") == "NoSuchBucket"
        for key in ("k", "missing"):
            assert code_of(user.s3.get_object, Bucket=bucket.name, Key=key) == "AccessDenied"
        assert code_of(user.s3.list_buckets) == "AccessDenied"
        assert code_of(user.s3.create_bucket, Bucket=bucket.name) == "AccessDenied"
