"""The client's everyday commands against two implementations of STS: Daypass, and moto's server.

moto believes every signature and every code; it shows that nothing here depends on our own server.
"""

import json
import os
import sys
import uuid

import pytest
from moto.server import ThreadedMotoServer

from tests.cli.running import CLEAN, daypass

FIRST, SECOND = "cli-everywhere-first", "cli-everywhere-second"


def configure(home, environment, account):
    """Profiles `base`, `first` (its role), `second` (a role assumed from it), and for SDKs."""
    home.mkdir()
    key, secret = environment.pop("AWS_ACCESS_KEY_ID"), environment.pop("AWS_SECRET_ACCESS_KEY")
    (home / "credentials").write_text(
        f"[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    (home / "credentials").chmod(0o600)
    process = f"{sys.executable} -m daypass credential-process --profile second"
    (home / "config").write_text(
        f"[profile first]\nrole_arn = arn:aws:iam::{account}:role/{FIRST}\n"
        "source_profile = base\nsession_tags = Project = alpha\n"
        "transitive_session_tags = Project\nsource_identity = alice\n"
        f"[profile second]\nrole_arn = arn:aws:iam::{account}:role/{SECOND}\n"
        "source_profile = first\nrole_session_name = chained\n"
        f"[profile sdk]\ncredential_process = {process}\n"
    )
    return environment | {
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "DAYPASS_CACHE_DIR": str(home / "cache"),
    }, account


@pytest.fixture(scope="module")
def on_daypass(server, tmp_path_factory):
    """`second` lets in only sessions that inherited the tag and the source identity."""
    iam = server.client("iam")
    arn = iam.create_user(UserName=FIRST)["User"]["Arn"]
    key = iam.create_access_key(UserName=FIRST)["AccessKey"]
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    for role, principal, condition in (
        (FIRST, arn, {}),
        (
            *(SECOND, f"arn:aws:iam::{server.account_id}:role/{FIRST}"),
            {
                "StringEquals": {
                    "aws:PrincipalTag/Project": "alpha",
                    "aws:SourceIdentity": "alice",
                }
            },
        ),
    ):
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions}
        trust = {"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]}
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    home = tmp_path_factory.mktemp("daypass") / "aws"
    return configure(home, environment, server.account_id)


@pytest.fixture(scope="module")
def on_moto(tmp_path_factory):
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
    yield configure(tmp_path_factory.mktemp("moto") / "aws", environment, "123456789012")
    server.stop()


@pytest.fixture(params=["on_daypass", "on_moto"])
def world(request):
    return request.getfixturevalue(request.param)


def session(account, role, name):
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def printed(*arguments, env):
    ended = daypass(*arguments, env=env)
    assert ended.code == 0, ended
    return json.loads(ended.out)


def test_a_chain_of_roles_with_tags_and_source_identity(world):
    environment, account = world
    facts = printed("whoami", "--profile", "second", "--output", "json", env=environment)
    assert facts["Arn"] == session(account, SECOND, "chained")
    assert facts["Source"].endswith("assumed with the keys of the profile base")
    kept = printed("cache", "ls", "--output", "json", env=environment)["Sessions"]
    assert {one["Profile"] for one in kept} == {"first", "second"}


def test_a_role_named_at_the_command_line_is_assumed_from_a_profile(world):
    environment, account = world
    found = printed(
        *("assume", f"arn:aws:iam::{account}:role/{SECOND}", "--profile", "first"),
        *("--session-name", "mine", "--format", "json"),
        env=environment,
    )
    assert found["Arn"] == session(account, SECOND, "mine")


def test_sdks_get_the_chain_through_the_process(world):
    environment, account = world
    probe = (
        "import boto3\n"
        "print(boto3.Session(profile_name='sdk').client('sts').get_caller_identity()['Arn'])"
    )
    ended = daypass("exec", "--profile", "base", "--", sys.executable, "-c", probe, env=environment)
    assert ended.out.strip() == session(account, SECOND, "chained"), ended


def test_the_library_gives_boto3_the_same(world):
    environment, account = world
    probe = (
        "import daypass\n"
        "session = daypass.Session('second')\n"
        "print(session.boto3().client('sts').get_caller_identity()['Arn'])\n"
        "print(session.identity().arn)\n"
    )
    ended = daypass(
        *("exec", "--profile", "base", "--", sys.executable, "-c", probe), env=environment
    )
    assert ended.out.split() == [session(account, SECOND, "chained")] * 2, ended


def test_doctor_finds_nothing_wrong(world):
    environment, _ = world
    found = printed("doctor", "--profile", "second", "--output", "json", env=environment)
    assert found["Healthy"], found
    assert {one["Check"] for one in found["Findings"]} >= {"clock", "credentials", "endpoint"}


def test_mfa_once_on_moto(on_moto):
    environment, account = on_moto
    serial = f"arn:aws:iam::{account}:mfa/me"
    for name, code in (("one", ("--mfa-code", "123456")), ("two", ())):
        found = printed(
            *("assume", f"arn:aws:iam::{account}:role/{FIRST}", "--profile", "base"),
            *("--mfa-serial", serial, "--session-name", name, "--format", "json", *code),
            env=environment,
        )
        assert found["Arn"] == session(account, FIRST, name)


def test_web_identity_on_moto(on_moto, tmp_path):
    environment, account = on_moto
    (tmp_path / "token").write_text(f"h.e30.{uuid.uuid4().hex}")
    environment = environment | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": f"arn:aws:iam::{account}:role/{FIRST}",
        "AWS_ROLE_SESSION_NAME": "web",
    }
    found = printed("assume", "--format", "json", env=environment)
    assert found["Arn"] == session(account, FIRST, "web")
