"""The AWS CLI, unmodified, with only AWS_ENDPOINT_URL, a region and keys."""

import io
import json
import os
import subprocess
import uuid
import zipfile

import httpx
import pytest


def ran(ended):
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout) if ended.stdout.startswith(("{", "[", '"')) else ended.stdout


def refused(ended, code):
    assert ended.returncode != 0
    assert f"({code})" in ended.stderr, ended.stderr
    return ended.stderr


@pytest.fixture
def name():
    return f"cli-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(server, name):
    ran(server.aws("s3", "mb", f"s3://{name}"))
    return name


def test_who_am_i(server):
    found = ran(server.aws("sts", "get-caller-identity"))
    assert found["Arn"] == f"arn:aws:iam::{server.account_id}:root"
    assert found["Account"] == server.account_id


def test_a_user_assumes_a_role_and_uses_it(server, bucket, name):
    user = ran(server.aws("iam", "create-user", "--user-name", name))["User"]
    key = ran(server.aws("iam", "create-access-key", "--user-name", name))["AccessKey"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
        ],
    }
    role = ran(
        server.aws(
            *("iam", "create-role", "--role-name", name),
            *("--assume-role-policy-document", json.dumps(trust)),
        )
    )["Role"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
        ],
    }
    ran(
        server.aws(
            *("iam", "put-role-policy", "--role-name", name, "--policy-name", "own"),
            *("--policy-document", json.dumps(policy)),
        )
    )
    mine = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    refused(server.aws("s3api", "list-objects-v2", "--bucket", bucket, **mine), "AccessDenied")
    made = ran(
        server.aws(
            *("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "me"),
            **mine,
        )
    )
    assert made["AssumedRoleUser"]["Arn"] == (
        f"arn:aws:sts::{server.account_id}:assumed-role/{name}/me"
    )
    session = {
        "aws_access_key_id": made["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": made["Credentials"]["SecretAccessKey"],
        "aws_session_token": made["Credentials"]["SessionToken"],
    }
    listing = server.aws("s3api", "list-objects-v2", "--bucket", bucket, **session)
    ran(listing)
    message = refused(
        server.aws("s3api", "get-object", "--bucket", bucket, "--key", "k", os.devnull, **session),
        "AccessDenied",
    )
    assert "s3:GetObject" in message


def test_a_profile_with_a_role_works(server, name, tmp_path):
    """The CLI assumes the role by itself, as configured."""
    user = ran(server.aws("iam", "create-user", "--user-name", name))["User"]
    key = ran(server.aws("iam", "create-access-key", "--user-name", name))["AccessKey"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ran(
        server.aws(
            "iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust
        )
    )
    config = tmp_path / "config"
    config.write_text(
        f"[profile me]\nrole_arn = arn:aws:iam::{server.account_id}:role/{name}\n"
        "credential_source = Environment\nrole_session_name = from-a-profile\n"
    )
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    ) | {"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path)}

    ended = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--profile", "me"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran(ended)["Arn"].endswith(f"assumed-role/{name}/from-a-profile")


def test_files_go_up_and_come_down_with_their_names(server, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a folder").mkdir(parents=True)
    content = {"plain.txt": b"hello", "a folder/é +&=%.bin": os.urandom(20_000), "empty": b""}
    for path, data in content.items():
        (source / path).write_bytes(data)
    ran(server.aws("s3", "sync", str(source), f"s3://{bucket}/top/"))
    ran(server.aws("s3", "cp", "--recursive", f"s3://{bucket}/top/", str(target)))
    found = {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }
    assert found == content
    ran(server.aws("s3", "rm", "--recursive", f"s3://{bucket}"))
    ran(server.aws("s3", "rb", f"s3://{bucket}"))


def test_a_large_file_goes_up_in_parts(server, bucket, tmp_path):
    source, target = tmp_path / "large", tmp_path / "back"
    source.write_bytes(os.urandom(9 * 1024 * 1024))
    ran(server.aws("s3", "cp", str(source), f"s3://{bucket}/large"))
    ran(server.aws("s3", "cp", f"s3://{bucket}/large", str(target)))
    assert target.read_bytes() == source.read_bytes()
    head = ran(server.aws("s3api", "head-object", "--bucket", bucket, "--key", "large"))
    assert head["ETag"].endswith('-2"')


def test_a_listing_is_paged(server, bucket, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}").write_text("x")
    ran(server.aws("s3", "cp", "--recursive", str(tmp_path), f"s3://{bucket}/"))
    found = ran(server.aws("s3api", "list-objects-v2", "--bucket", bucket, "--page-size", "1"))
    assert [item["Key"] for item in found["Contents"]] == ["0", "1", "2"]


def test_a_presigned_url_of_the_cli_is_served(server, bucket, tmp_path):

    (tmp_path / "k").write_text("presigned")
    ran(server.aws("s3", "cp", str(tmp_path / "k"), f"s3://{bucket}/a key"))
    # Left alone, version 1 of the CLI still presigns with Signature Version 2 in us-east-1.
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
    url = subprocess.run(
        ["aws", "s3", "presign", f"s3://{bucket}/a key"],
        env=server.environment() | {"AWS_CONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert httpx.get(url).text == "presigned"
    assert httpx.get(url + "0").status_code == 403


def test_a_function_is_created_invoked_and_has_a_url(server, name, tmp_path):
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = ran(
        server.aws(
            *("iam", "create-role", "--role-name", name),
            *("--assume-role-policy-document", json.dumps(trust)),
        )
    )["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return {'got': event}\n")
    (tmp_path / "code.zip").write_bytes(package.getvalue())
    made = ran(
        server.aws(
            *("lambda", "create-function", "--function-name", name, "--runtime", "python3.12"),
            *("--role", role, "--handler", "main.handler"),
            *("--zip-file", f"fileb://{tmp_path / 'code.zip'}"),
        )
    )
    assert made["FunctionName"] == name
    payload = tmp_path / "event.json"
    payload.write_text('{"a": 1}')
    answer = ran(
        server.aws(
            *("lambda", "invoke", "--function-name", name, "--log-type", "Tail"),
            *("--payload", f"file://{payload}", str(tmp_path / "out.json")),
        )
    )
    assert answer["StatusCode"] == 200
    assert "LogResult" in answer
    assert json.loads((tmp_path / "out.json").read_text()) == {"got": {"a": 1}}
    url = ran(
        server.aws(
            *("lambda", "create-function-url-config", "--function-name", name),
            *("--auth-type", "AWS_IAM"),
        )
    )
    assert url["AuthType"] == "AWS_IAM"
    ran(server.aws("lambda", "delete-function", "--function-name", name))
    refused(
        server.aws("lambda", "get-function", "--function-name", name), "ResourceNotFoundException"
    )


def test_errors_carry_awss_codes(server, name):
    refused(server.aws("iam", "get-user", "--user-name", name), "NoSuchEntity")
    refused(server.aws("s3api", "head-bucket", "--bucket", name), "404")
    refused(server.aws("s3api", "list-objects-v2", "--bucket", name), "NoSuchBucket")
    wrong = {
        "aws_access_key_id": server.access_key_id,
        "aws_secret_access_key": "wrong" * 8,
    }
    refused(server.aws("sts", "get-caller-identity", **wrong), "SignatureDoesNotMatch")
    unknown = {
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "wrong" * 8,
    }
    refused(server.aws("sts", "get-caller-identity", **unknown), "InvalidClientTokenId")
    refused(server.aws("s3", "ls", **unknown), "InvalidAccessKeyId")
