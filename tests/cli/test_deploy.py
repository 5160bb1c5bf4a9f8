"""`daypass deploy` against a server: role, function and URL of a file."""

import json
import uuid

import httpx
import pytest

from tests.cli.running import daypass

PYTHON = """
import os

def handler(event, context):
    return {"said": os.environ.get("WORD", "nothing"), "edition": EDITION}
"""
MODULE = "export const handler = async () => ({ said: 'from node' });\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / f"deploy_{uuid.uuid4().hex[:8]}.py"
    path.write_text(PYTHON.replace("EDITION", "1"))
    return path


def deploy(server, *arguments):
    return daypass("deploy", *map(str, arguments), env=server.environment())


def test_a_file_becomes_a_function_with_a_url_for_signed_callers(server, file):
    ended = deploy(server, file, "--url", "iam", "--env", "WORD=a=b", "--output", "json")
    assert (ended.code, ended.err) == (0, ""), ended
    made = json.loads(ended.out)
    name = file.stem.replace("_", "-")
    assert made["Function"] == (
        f"arn:aws:lambda:{server.region}:{server.account_id}:function:{name}"
    )
    assert made["Role"] == f"arn:aws:iam::{server.account_id}:role/{name}-role"
    assert httpx.get(made["Url"]).status_code == 403
    called = daypass("call", made["Url"], "--fail", env=server.environment())
    assert json.loads(called.out) == {"said": "a=b", "edition": 1}


def test_deploying_again_updates_and_keeps_the_url(server, file):
    first = json.loads(deploy(server, file, "--url", "iam", "--output", "json").out)
    file.write_text(PYTHON.replace("EDITION", "2"))
    second = json.loads(deploy(server, file, "--url", "iam", "--output", "json").out)
    assert (first["Action"], second["Action"]) == ("created", "updated")
    assert first["Url"] == second["Url"]
    called = daypass("call", second["Url"], "--fail", env=server.environment())
    assert json.loads(called.out) == {"said": "nothing", "edition": 2}


def test_url_none_lets_everybody_call(server, file):
    made = json.loads(deploy(server, file, "--url", "none", "--output", "json").out)
    assert httpx.get(made["Url"]).json() == {"said": "nothing", "edition": 1}
    assert deploy(server, file, "--url", "none").code == 0


def test_its_own_role_has_the_policy_that_was_given(server, file, tmp_path):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    made = json.loads(
        deploy(server, file, "--policy", f"@{tmp_path / 'policy.json'}", "--output", "json").out
    )
    role = made["Role"].rpartition("/")[2]
    found = server.client("iam").get_role_policy(RoleName=role, PolicyName="deployed")
    assert found["PolicyDocument"] == policy
    assert "Url" not in made


def test_text_output_says_what_was_done(server, file):
    ended = deploy(server, file, "--url", "iam")
    assert "created" in ended.err
    assert "Url" in ended.out


def test_a_javascript_module_becomes_a_function(server, tmp_path):
    path = tmp_path / f"deploy-{uuid.uuid4().hex[:8]}.mjs"
    path.write_text(MODULE)
    made = json.loads(deploy(server, path, "--output", "json").out)
    configuration = server.client("lambda").get_function_configuration(
        FunctionName=made["Function"]
    )
    assert configuration["Runtime"].startswith("nodejs")
    assert configuration["Handler"] == f"{path.stem}.handler"


@pytest.mark.parametrize("arguments", [("--env", "no-equals"), ("--url", "everybody")])
def test_wrong_usage_deploys_nothing(server, file, arguments):
    assert deploy(server, file, *arguments).code == 2


def test_a_file_of_unknown_kind_needs_a_runtime(server, tmp_path):
    path = tmp_path / "program.rb"
    path.write_text("puts 1\n")
    ended = deploy(server, path)
    assert ended.code == 2
    assert "--runtime" in ended.err


def test_who_may_not_create_roles_is_refused(server, file):
    iam = server.client("iam")
    name = f"deploy-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    ended = daypass("deploy", str(file), "--output", "json", env=environment)
    assert ended.code == 1
    error = json.loads(ended.err)["Error"]
    assert error["Code"] == "AccessDenied"
    assert "iam:CreateRole" in error["Why"]
