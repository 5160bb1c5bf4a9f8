"""`daypass assume`, `exec` and `whoami` against a server."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from daypass.cli.execute import child_environment
from daypass.cli.formats import CLEARED
from daypass.sigv4 import Credentials
from tests.cli.running import daypass

USER = "cli-roles-user"
ROLE = "cli-roles-reader"


@pytest.fixture(scope="module")
def user(server):
    """A user who may assume ROLE, and nothing else."""
    iam = server.client("iam")
    arn = iam.create_user(UserName=USER)["User"]["Arn"]
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": arn},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "x-1"}},
            }
        ],
    }
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    return server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


@pytest.fixture(scope="module")
def role(server):
    return f"arn:aws:iam::{server.account_id}:role/{ROLE}"


def session_arn(server, name="daypass"):
    return f"arn:aws:sts::{server.account_id}:assumed-role/{ROLE}/{name}"


def test_assume_prints_exports_that_a_shell_can_use(server, user, role):
    ended = daypass("assume", role, "--external-id", "x-1", env=user)
    assert ended.code == 0, ended
    shell = subprocess.run(
        ["sh", "-c", f"{ended.out}\n{sys.executable} -m daypass whoami --output json"],
        env=user,
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(shell.stdout)
    assert facts["Arn"] == session_arn(server)
    assert (facts["Kind"], facts["Name"], facts["Session"]) == ("role session", ROLE, "daypass")
    assert facts["Source"] == "the environment"
    assert datetime.fromisoformat(facts["Expiration"]) > datetime.now(UTC)


def test_assume_as_credential_process_serves_boto3(server, user, role, tmp_path):
    command = f"{sys.executable} -m daypass assume {role} --external-id x-1 --session-name boto"
    config = tmp_path / "config"
    config.write_text(
        f"[profile reader]\nregion = {server.region}\n"
        f"credential_process = {command} --format credential-process\n"
    )
    # The process reads the user's keys from the environment, and boto3 the profile.
    probe = (
        "import boto3\n"
        "session = boto3.Session(profile_name='reader')\n"
        "print(session.client('sts').get_caller_identity()['Arn'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe],
        env=user | {"AWS_CONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == session_arn(server, "boto")


def test_credential_process_has_exactly_the_members_sdks_read(user, role):
    ended = daypass(
        *("assume", role, "--external-id", "x-1", "--format", "credential-process"), env=user
    )
    found = json.loads(ended.out)
    assert set(found) == {
        *("Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    }
    assert found["Version"] == 1
    assert datetime.fromisoformat(found["Expiration"]).tzinfo is not None
    assert not ended.err


def test_assume_takes_duration_name_and_policy(server, user, role, tmp_path):
    policy = tmp_path / "policy.json"
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    ended = daypass(
        *("assume", role, "--external-id", "x-1", "--session-name", "me@example.com"),
        *("--duration", "15m", "--policy", f"@{policy}", "--output", "json"),
        env=user,
    )
    assert ended.code == 0, ended
    found = json.loads(ended.out)
    assert found["Arn"] == session_arn(server, "me@example.com")
    left = datetime.fromisoformat(found["Expiration"]) - datetime.now(UTC)
    assert 800 < left.total_seconds() <= 900


def test_a_refused_role_is_explained(user, role):
    ended = daypass("assume", role, "--output", "json", env=user)
    assert (ended.code, ended.out) == (1, "")
    error = json.loads(ended.err)["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["What"] == f"Assuming {role} failed."
    assert "sts:AssumeRole" in error["Why"]
    assert "trust policy" in error["Do"]


def test_a_wrong_secret_is_explained_without_showing_it(user, role):
    secret = "wrongwrongwrongwrongwrongwrongwrong"
    ended = daypass("assume", role, env=user | {"AWS_SECRET_ACCESS_KEY": secret})
    assert ended.code == 1
    assert "SignatureDoesNotMatch" in ended.err
    assert secret not in ended.err


def test_no_server_there_is_explained(user, role):
    ended = daypass("assume", role, env=user | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert ended.code == 1
    assert "127.0.0.1:1" in ended.err


# -- exec -----------------------------------------------------------------------------------------


def test_exec_runs_the_command_as_the_role(server, user, role):
    probe = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    ended = daypass(
        *("exec", "--role", role, "--external-id", "x-1", "--", sys.executable, "-c", probe),
        env=user,
    )
    assert ended.out.strip() == session_arn(server)


def test_exec_ends_with_the_commands_code(user, role):
    arguments = ("exec", "--role", role, "--external-id", "x-1", "--")
    assert daypass(*arguments, "sh", "-c", "exit 7", env=user).code == 7
    missing = daypass(*arguments, "no-such-command", env=user)
    assert missing.code == 127
    assert "no-such-command" in missing.err
    assert daypass(*arguments, os.devnull, env=user).code == 126


def test_exec_passes_options_of_the_command_on(user, role):
    arguments = ("exec", "--role", role, "--external-id", "x-1", "--", "echo", "--output", "-h")
    assert daypass(*arguments, env=user).out == "--output -h\n"


def test_nothing_of_other_credentials_reaches_the_command():
    before = dict.fromkeys(CLEARED, "stale") | {"PATH": "/bin", "AWS_ENDPOINT_URL": "http://e"}
    after = child_environment(
        before, Credentials("ASIA1", "secret", "token", 4102444800), "eu-west-1", None
    )
    assert after == {
        "PATH": "/bin",
        "AWS_ENDPOINT_URL": "http://e",
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_CREDENTIAL_EXPIRATION": "2100-01-01T00:00:00Z",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


def test_long_term_credentials_leave_no_stale_token():
    before = {"AWS_SESSION_TOKEN": "stale", "AWS_SECURITY_TOKEN": "stale"}
    after = child_environment(before, Credentials("AKIA1", "secret"), None, "http://e")
    assert after == {
        "AWS_ACCESS_KEY_ID": "AKIA1",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": "http://e",
    }


# -- whoami ---------------------------------------------------------------------------------------


def test_whoami_names_root_and_users(server, user):
    root = json.loads(daypass("whoami", "--output", "json", env=server.environment()).out)
    assert root["Kind"] == "root"
    assert root["Account"] == server.account_id
    found = daypass("whoami", env=user)
    assert f"arn:aws:iam::{server.account_id}:user/{USER}" in found.out
    assert user["AWS_SECRET_ACCESS_KEY"] not in found.out


def test_whoami_reads_a_profile(server, user, tmp_path):
    (tmp_path / "credentials").write_text(
        f"[me]\naws_access_key_id = {user['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {user['AWS_SECRET_ACCESS_KEY']}\n"
    )
    environment = server.environment() | {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")
    }
    facts = json.loads(
        daypass("whoami", "--profile", "me", "--output", "json", env=environment).out
    )
    assert facts["Name"] == USER
    assert facts["Source"] == "the keys of the profile me"


def test_whoami_without_credentials_says_where_it_looked():
    ended = daypass("whoami")
    assert ended.code == 1
    assert "No credentials were found." in ended.err
    assert "AWS_ACCESS_KEY_ID" in ended.err


def test_a_session_that_was_revoked_in_the_cache_is_replaced_by_a_new_one(server, user, role):
    whoami = ("whoami", "--role", role, "--external-id", "x-1", "--session-name", "revoked")
    before = json.loads(daypass(*whoami, "--output", "json", env=user).out)
    key = before["AccessKeyId"]
    revoked = daypass("sessions", "revoke", "--access-key-id", key, env=server.environment())
    assert revoked.code == 0, revoked
    after = json.loads(daypass(*whoami, "--output", "json", env=user).out)
    assert after["Arn"] == before["Arn"]
    assert after["AccessKeyId"] != key
