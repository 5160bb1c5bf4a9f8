"""`daypass serve-credentials` and `daypass exec --server`, with the SDK for Python and the CLI."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.cli.running import CLEAN, daypass

NAME = "cli-serve-credentials"
# What an SDK's own chain finds, after its last fetch, with nothing said of it.
FIND = """
import boto3, json
session = boto3.Session()
found = session.get_credentials()
print(json.dumps({"method": found.method, "arn": session.client("sts").get_caller_identity()["Arn"],
    "region": session.region_name}))
"""


@pytest.fixture(scope="module")
def on_daypass(server):
    """The environment of a user, the role it may assume, and the ARN of the session."""
    iam = server.client("iam")
    arn = iam.create_user(UserName=NAME)["User"]["Arn"]
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    return environment, role, f"arn:aws:sts::{server.account_id}:assumed-role/{NAME}/daypass"


@pytest.fixture(scope="module")
def on_moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {
        **kept,
        **CLEAN,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    role = f"arn:aws:iam::123456789012:role/{NAME}"
    yield environment, role, f"arn:aws:sts::123456789012:assumed-role/{NAME}/daypass"
    server.stop()


@pytest.fixture(params=["on_daypass", "on_moto"])
def world(request):
    return request.getfixturevalue(request.param)


class Running:
    """A `daypass serve-credentials`: what it printed first and, from its end on, its log."""

    def __init__(self, process):
        self.process = process
        self.said = json.loads(process.stdout.readline() or "null")
        self.variables = self.said and self.said["Environment"]
        self.log = ""

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.log = self.process.communicate(timeout=30)[1]


@contextmanager
def serving(environment, *arguments):
    command = [sys.executable, "-m", "daypass", "serve-credentials", "--output", "json"]
    with subprocess.Popen(
        [*command, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Running(process)
        try:
            assert running.said, process.stderr.read()
            yield running
        finally:
            if process.poll() is None:
                running.end()
    assert process.returncode == 0


def who(environment, variables):
    """Who the AWS CLI is with these variables and without keys."""
    plain = {key: value for key, value in environment.items() if "ACCESS_KEY" not in key}
    del plain["AWS_EC2_METADATA_DISABLED"]
    ended = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"],
        env=plain | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.strip() or ended.stderr


@pytest.mark.parametrize(
    ("kind", "method"), [("container", "container-role"), ("imds", "iam-role")]
)
def test_sdks_take_them_from_exec(world, kind, method, tmp_path):
    environment, role, arn = world
    # A default profile of other credentials would win over either endpoint.
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n"
    )
    (tmp_path / "config").write_text("[default]\nrole_arn = arn:x\nsource_profile = default\n")
    disturbing = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/other",
        "AWS_CREDENTIAL_EXPIRATION": "2100-01-01T00:00:00Z",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/does/not/exist",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/other",
    }
    ended = daypass(
        *("exec", "--server", kind, "--role", role, "--", sys.executable, "-c", FIND),
        env=environment | disturbing,
    )
    assert ended.code == 0, ended
    found = json.loads(ended.out)
    assert found == {"method": method, "arn": arn, "region": environment["AWS_REGION"]}


def test_exec_ends_with_the_code_of_its_command(on_daypass):
    environment, role, _ = on_daypass
    for command, code in (("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM)):
        arguments = ("--server", "container", "--role", role, "--", "sh", "-c", command)
        assert daypass("exec", *arguments, env=environment).code == code
    arguments = ("--server", "container", "--role", role, "--", "/does/not/exist")
    assert daypass("exec", *arguments, env=environment).code == 127


def test_exec_hands_signals_on(on_daypass):
    environment, role, _ = on_daypass
    script = 'trap "echo ended; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "daypass", "exec", "--server", "imds", "--role", role),
            *("--", "sh", "-c", script),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.readline() == "ended\n"
        assert process.wait(10) == 5


def test_the_aws_cli_takes_them_from_the_container_endpoint(on_daypass, tmp_path):
    environment, role, arn = on_daypass
    token_file = tmp_path / "token"
    with serving(environment, "--role", role, "--token-file", str(token_file)) as running:
        assert "\n" not in token_file.read_text()
        assert who(environment, running.variables) == arn
        port = running.said["Url"].rpartition(":")[2]
        second = daypass("serve-credentials", "--role", role, "--port", port, env=environment)
    assert "200  GET /credentials" in running.log
    assert not token_file.exists()
    assert second.code == 1
    assert f"port {port}" in second.err
    assert "Choose another --port" in second.err


def test_the_aws_cli_takes_them_from_instance_metadata(on_daypass):
    environment, role, arn = on_daypass
    with serving(environment, "--role", role, "--server", "imds") as running:
        assert set(running.variables) == {"AWS_EC2_METADATA_SERVICE_ENDPOINT"}
        version_2 = {"AWS_EC2_METADATA_V1_DISABLED": "true"}
        assert who(environment, running.variables | version_2) == arn
    assert f"GET /latest/meta-data/iam/security-credentials/{NAME}" in running.log


def test_nothing_secret_is_logged_and_an_interrupt_is_a_good_end(on_daypass):
    environment, role, _ = on_daypass
    with serving(environment, "--role", role) as running:
        token = running.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        url = f"{running.said['Url']}/credentials?{token}"
        made = httpx.get(url, headers={"authorization": token}, trust_env=False).json()
        running.end(signal.SIGINT)
    assert "200  GET /credentials\n" in running.log
    assert len(made) == 4
    assert not [secret for secret in (token, *made.values()) if secret in running.log]


def test_what_cannot_be_handed_on_is_said_before_anything_is_served(on_daypass):
    environment, role, _ = on_daypass
    keys = daypass("serve-credentials", env=environment)
    assert (keys.code, keys.out) == (1, "")
    assert "long-term keys" in keys.err
    refused = daypass("serve-credentials", "--role", f"{role}-absent", env=environment)
    assert (refused.code, refused.out) == (1, "")
    assert "AccessDenied" in refused.err
