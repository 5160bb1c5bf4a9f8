"""boto3 and the AWS CLI use STS as they use AWS's."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pyotp
import pytest
from botocore.exceptions import ClientError

from daypass.services import sts
from tests.conftest import Server
from tests.mfa import Device

NAME = "sts-client"
ROLE = "sts-client-role"


def policy(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def user(server: Server) -> Iterator[dict[str, str]]:
    """Credentials of a user whom a role trusts by name; both go in the end."""
    iam = server.client("iam")
    arn = iam.create_user(UserName=NAME)["User"]["Arn"]
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=ROLE, PolicyName="inline", PolicyDocument=policy("iam:ListUsers"))
    yield {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    iam.delete_role_policy(RoleName=ROLE, PolicyName="inline")
    iam.delete_role(RoleName=ROLE)
    iam.delete_access_key(UserName=NAME, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=NAME)


def role_arn(server: Server) -> str:
    return f"arn:aws:iam::{server.account_id}:role/{ROLE}"


def output(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_cli_assumes_a_role_and_uses_what_it_got(server, user):
    answer = output(
        server.aws(
            *("sts", "assume-role", "--role-arn", role_arn(server)),
            *("--role-session-name", "from-the-cli", "--duration-seconds", "900"),
            *("--tags", "Key=Project,Value=Blue", "--policy", policy("iam:ListUsers")),
            **user,
        )
    )
    arn = f"arn:aws:sts::{server.account_id}:assumed-role/{ROLE}/from-the-cli"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert answer["Credentials"]["Expiration"].endswith(("Z", "+00:00"))
    session = {
        "aws_access_key_id": answer["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": answer["Credentials"]["SecretAccessKey"],
        "aws_session_token": answer["Credentials"]["SessionToken"],
    }
    assert output(server.aws("sts", "get-caller-identity", **session))["Arn"] == arn
    assert output(server.aws("iam", "list-users", **session))["Users"]
    refused = server.aws("iam", "list-roles", **session)
    assert refused.returncode != 0
    assert "(AccessDenied) when calling the ListRoles operation" in refused.stderr


def test_cli_assumes_the_role_of_a_profile_by_itself(server, user, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        f"[profile reader]\nrole_arn = {role_arn(server)}\nrole_session_name = from-a-profile\n"
        "credential_source = Environment\n"
    )
    finished = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--profile", "reader"],
        env={**server.environment(**user), "AWS_CONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert output(finished)["Arn"].endswith(f"assumed-role/{ROLE}/from-a-profile")


def test_cli_says_why_a_role_is_not_assumed(server, user):
    refused = server.aws(
        *("sts", "assume-role", "--role-arn", role_arn(server) + "-absent"),
        *("--role-session-name", "session"),
        **user,
    )
    assert refused.returncode != 0
    assert (
        "(AccessDenied) when calling the AssumeRole operation: User: "
        f"arn:aws:iam::{server.account_id}:user/{NAME} is not authorized to perform: "
        f"sts:AssumeRole on resource: {role_arn(server)}-absent"
    ) in refused.stderr


def test_cli_gets_a_session_token_and_an_account(server, user):
    answer = output(server.aws("sts", "get-session-token", "--duration-seconds", "900", **user))
    key = answer["Credentials"]["AccessKeyId"]
    told = output(server.aws("sts", "get-access-key-info", "--access-key-id", key))
    assert told["Account"] == server.account_id


def test_boto3_refreshes_assumed_credentials_by_itself(server, user):
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import get_session

    source = boto3.Session(region_name=server.region, **user)
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **given: source.client(
            service, endpoint_url=server.endpoint
        ),
        source_credentials=source.get_credentials(),
        role_arn=role_arn(server),
        extra_args={"RoleSessionName": "refreshing"},
    )
    session = get_session()
    session._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    client = boto3.Session(botocore_session=session, region_name=server.region).client(
        "sts", endpoint_url=server.endpoint
    )
    assert client.get_caller_identity()["Arn"].endswith(f"{ROLE}/refreshing")


def test_boto3_raises_the_modeled_exceptions(server, user):
    client = server.client("sts", **user)
    with pytest.raises(client.exceptions.MalformedPolicyDocumentException):
        client.assume_role(RoleArn=role_arn(server), RoleSessionName="session", Policy="{}")
    with pytest.raises(client.exceptions.PackedPolicyTooLargeException):
        client.assume_role(
            RoleArn=role_arn(server),
            RoleSessionName="session",
            Tags=[{"Key": f"key{i}", "Value": _scattered(i)} for i in range(50)],
        )


def _scattered(seed: int) -> str:
    return "".join(chr(0x4E00 + (seed * 7919 + place * 104729) % 20000) for place in range(256))


def test_boto3_presigned_identity_works_from_any_http_client(server, user):
    import httpx

    url = server.client("sts", **user).generate_presigned_url(
        "get_caller_identity", ExpiresIn=60, HttpMethod="GET"
    )
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert f"user/{NAME}</Arn>" in answer.text
    assert httpx.get(url + "0").status_code == 403


def test_cli_makes_a_device_and_calls_iam_with_its_code(server, user, tmp_path):
    iam = server.client("iam")
    iam.put_user_policy(UserName=NAME, PolicyName="mfa", PolicyDocument=policy("iam:ListUsers"))
    seed = tmp_path / "seed"
    made = output(
        server.aws(
            *("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", NAME),
            *("--bootstrap-method", "Base32StringSeed", "--outfile", str(seed)),
        )
    )
    device = Device(made["VirtualMFADevice"]["SerialNumber"], pyotp.TOTP(seed.read_text()))
    now = time.time()
    codes = (
        *("--authentication-code-1", device.code(now - 60)),
        *("--authentication-code-2", device.code(now - 30)),
    )
    named = ("--user-name", NAME, "--serial-number", device.serial)
    enabled = server.aws("iam", "enable-mfa-device", *named, *codes)
    assert enabled.returncode == 0, enabled.stderr
    try:
        given = ("--serial-number", device.serial, "--token-code", device.code(time.time()))
        session = session_of(output(server.aws("sts", "get-session-token", *given, **user)))
        assert output(server.aws("iam", "list-users", **session))["Users"]
        again = server.aws("sts", "get-session-token", *given, **user)
        assert "invalid MFA one time pass code" in again.stderr
    finally:
        iam.deactivate_mfa_device(UserName=NAME, SerialNumber=device.serial)
        iam.delete_virtual_mfa_device(SerialNumber=device.serial)
        iam.delete_user_policy(UserName=NAME, PolicyName="mfa")


def test_boto3_narrows_a_session(server, user):
    session = session_of(server.client("sts", **user).get_session_token())
    wide = server.client("sts", **session)
    scope = policy("sts:GetCallerIdentity")
    with pytest.raises(ClientError) as refused:
        wide.get_scoped_credentials(Policy=scope)
    assert "sts:GetScopedCredentials" in refused.value.response["Error"]["Message"]
    iam = server.client("iam")
    given = policy("sts:GetScopedCredentials")
    iam.put_user_policy(UserName=NAME, PolicyName="scoped", PolicyDocument=given)
    try:
        answer = wide.get_scoped_credentials(Policy=scope, DurationSeconds=60)
    finally:
        iam.delete_user_policy(UserName=NAME, PolicyName="scoped")
    narrowed = server.client("sts", **session_of(answer))
    assert narrowed.get_caller_identity()["Arn"] == answer["SessionInfo"]["Arn"]


def test_every_operation_of_the_service_is_served():
    operations = botocore.session.get_session().get_service_model("sts").operation_names
    assert set(sts.SERVICE.operations) == set(operations)


def test_cli_reads_why_a_request_was_denied(server, user):
    client = server.client("iam", **user)
    with pytest.raises(ClientError) as refused:
        client.list_users()
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    message = headers["x-daypass-authorization-message"]
    answer = output(server.aws("sts", "decode-authorization-message", "--encoded-message", message))
    decoded = json.loads(answer["DecodedMessage"])
    assert decoded["context"]["action"] == "iam:ListUsers"
    assert decoded["context"]["principal"]["name"] == NAME


def test_boto3_unlocks_a_bucket_as_root_for_that_task_alone(server, user):
    iam, s3 = server.client("iam"), server.client("s3")
    bucket = f"{NAME}-locked"
    s3.create_bucket(Bucket=bucket)
    deny = policy("s3:*").replace("Allow", "Deny").replace('"*"', f'"arn:aws:s3:::{bucket}"')
    locked = json.loads(deny)
    locked["Statement"][0]["Principal"] = "*"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(locked))
    iam.put_user_policy(
        UserName=NAME, PolicyName="root", PolicyDocument=policy("sts:AssumeRoot", "s3:*")
    )
    try:
        with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
            server.client("s3", **user).delete_bucket_policy(Bucket=bucket)
        answer = server.client("sts", **user).assume_root(
            TargetPrincipal=server.account_id,
            TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
        )
        session = server.client("s3", **session_of(answer))
        with pytest.raises(ClientError, match="explicit deny"):
            session.put_object(Bucket=bucket, Key="key", Body=b"")
        session.delete_bucket_policy(Bucket=bucket)
        assert server.client("s3", **user).list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    finally:
        iam.delete_user_policy(UserName=NAME, PolicyName="root")
    s3.delete_bucket(Bucket=bucket)


def test_boto3_federates_a_user_of_root(server):
    answer = server.client("sts").get_federation_token(
        Name="federated", Policy=policy("s3:ListAllMyBuckets")
    )
    session = server.client("s3", **session_of(answer))
    assert "Buckets" in session.list_buckets()
    with pytest.raises(ClientError, match="no session policy allows the s3:CreateBucket action"):
        session.create_bucket(Bucket=f"{NAME}-federated")
    silent = server.client("sts").get_federation_token(Name="federated")
    with pytest.raises(ClientError, match="AccessDenied"):
        server.client("s3", **session_of(silent)).list_buckets()


def session_of(answer: dict[str, Any]) -> dict[str, str]:
    found = answer["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
