"""Profiles of IAM Identity Center and `aws login`, by the SDK and its own token caches."""

import hashlib
import json
import sys
import time

import pytest

from tests.cli.running import daypass
from tests.client.wire import Reply, recording

START_URL = "https://example.awsapps.com/start"
SSO = f"""\
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session corp]
sso_region = eu-west-1
sso_start_url = {START_URL}
[profile old]
sso_start_url = {START_URL}
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Admin
[profile role]
role_arn = arn:aws:iam::111122223333:role/reader
source_profile = sso
"""


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@pytest.fixture
def world(tmp_path):
    """A recorder in the place of the portal, and somebody's home."""
    (tmp_path / "config").write_text(SSO)
    with recording() as recorder:
        yield (
            recorder,
            tmp_path,
            {
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "PYTHONPATH": ":".join(sys.path),
                "AWS_CONFIG_FILE": str(tmp_path / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
                "AWS_ENDPOINT_URL": recorder.url,
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "DAYPASS_CACHE_DIR": str(tmp_path / "cache"),
            },
        )


def signed_in(home, key, left):
    """The token cache as `aws sso login` leaves it."""
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    token = {"startUrl": START_URL, "accessToken": "the-token", "expiresAt": iso(left)}
    (cache / f"{hashlib.sha1(key.encode()).hexdigest()}.json").write_text(json.dumps(token))


def portal():
    body = {
        "roleCredentials": {
            "accessKeyId": "ASIASSO",
            "secretAccessKey": "s",
            "sessionToken": "t",
            "expiration": int((time.time() + 3600) * 1000),
        }
    }
    return Reply(200, json.dumps(body).encode(), {"content-type": "application/json"})


@pytest.mark.parametrize(("profile", "key"), [("sso", "corp"), ("old", START_URL)])
def test_the_sdks_token_gives_a_role_which_is_kept(world, profile, key):
    recorder, home, environment = world
    signed_in(home, key, 3600)
    recorder.replies = [portal()]
    for _ in range(2):
        ended = daypass("credential-process", "--profile", profile, env=environment)
        assert json.loads(ended.out)["AccessKeyId"] == "ASIASSO", ended
    [asked] = recorder.received
    assert asked.header("x-amz-sso_bearer_token") == "the-token"
    assert asked.target == "/federation/credentials?role_name=Admin&account_id=111122223333"


@pytest.mark.parametrize("left", [None, -60])
def test_who_is_not_signed_in_is_told_to(world, left):
    _, home, environment = world
    if left is not None:
        signed_in(home, START_URL, left)
    ended = daypass("credential-process", "--profile", "old", env=environment)
    assert ended.code == 1
    assert "Run `aws sso login`." in ended.err


def test_login_lets_the_aws_cli_open_the_browser(world):
    recorder, home, environment = world
    binaries = home / "bin"
    binaries.mkdir()
    token = json.dumps({"startUrl": START_URL, "accessToken": "new", "expiresAt": iso(3600)})
    name = f"{hashlib.sha1(START_URL.encode()).hexdigest()}.json"
    aws = binaries / "aws"
    aws.write_text(
        f'#!/bin/sh\necho "$@" > {home}/ran\nmkdir -p {home}/.aws/sso/cache\n'
        f"echo '{token}' > {home}/.aws/sso/cache/{name}\n"
    )
    aws.chmod(0o755)
    recorder.replies = [
        portal(),
        Reply(
            200,
            b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            b"<GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/Admin/me</Arn>"
            b"<UserId>AROA:me</UserId><Account>111122223333</Account>"
            b"</GetCallerIdentityResult></GetCallerIdentityResponse>",
        ),
    ]
    environment = environment | {"PATH": f"{binaries}:{environment['PATH']}"}
    ended = daypass("login", "old", env=environment)
    assert ended.code == 0, ended
    assert (home / "ran").read_text() == "sso login --profile old\n"
    assert "assumed-role/Admin/me" in ended.out


def test_aws_login_is_read_from_its_cache(world):
    _, home, environment = world
    session = "arn:aws:iam::111122223333:user/alice"
    (home / "config").write_text(f"[profile web]\nlogin_session = {session}\n")
    cache = home / "login"
    cache.mkdir()
    token = {
        "accessToken": {
            "accessKeyId": "ASIALOGIN",
            "secretAccessKey": "s",
            "sessionToken": "t",
            "accountId": "111122223333",
            "expiresAt": iso(3600),
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "r",
        "clientId": "c",
        "dpopKey": "k",
    }
    name = f"{hashlib.sha256(session.encode()).hexdigest()}.json"
    (cache / name).write_text(json.dumps(token))
    environment = environment | {"AWS_LOGIN_CACHE_DIRECTORY": str(cache)}
    ended = daypass("credential-process", "--profile", "web", env=environment)
    assert json.loads(ended.out or "{}").get("AccessKeyId") == "ASIALOGIN", ended
