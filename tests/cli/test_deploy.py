"""`daypass deploy` against a server: role, function and URL of a file."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
import uuid
import zipfile
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from daypass.cli.deployment.packing import Packer
from tests.cli.running import daypass
from tests.functions import invoke

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


# -- directories ---------------------------------------------------------------------------------


def directory(tmp_path, files):
    place = tmp_path / f"service-{uuid.uuid4().hex[:8]}"
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def wheel(tmp_path, name):
    """A wheel of one module that says its name."""
    path = tmp_path / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"NAME = {name!r}\n")
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n")
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


def test_a_directory_becomes_a_function_with_its_requirements(server, tmp_path):
    place = directory(
        tmp_path,
        {
            "lambda_function.py": "import needed, inner.module\n"
            "def lambda_handler(event, context):\n"
            "    return [needed.NAME, inner.module.VALUE]\n",
            "inner/__init__.py": "",
            "inner/module.py": "VALUE = 7\n",
            "requirements.txt": f"{wheel(tmp_path, 'needed')}\n",
            ".env": "SECRET=1\n",
            "__pycache__/x.pyc": "x",
        },
    )
    ended = deploy(server, place)
    assert ended.code == 0, ended
    assert "installing what requirements.txt asks for" in ended.err
    assert invoke(server, place.name)["Payload"] == ["needed", 7]
    with closing(Packer(lambda _: None)) as packer:
        package = packer.pack(place)
        assert packer.pack(place) == package, "the same files make the same package"
    names = zipfile.ZipFile(io.BytesIO(package)).namelist()
    assert {"lambda_function.py", "inner/module.py", "needed.py"} <= set(names)
    assert not [name for name in names if name.startswith(".") or name.endswith(".pyc")]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_directory_becomes_a_function_with_its_npm_packages(server, tmp_path):
    archive = tmp_path / "needed-1.0.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in (
            ("package/package.json", '{"name": "needed", "version": "1.0.0", "main": "i.js"}'),
            ("package/i.js", "module.exports = 'needed';"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    place = directory(
        tmp_path,
        {
            "index.js": "exports.handler = async () => require('needed');",
            "package.json": json.dumps({"dependencies": {"needed": f"file:{archive}"}}),
        },
    )
    ended = deploy(server, place, "--output", "json")
    assert ended.code == 0, ended
    assert invoke(server, place.name)["Payload"] == "needed"


def test_what_cannot_be_installed_is_said(server, tmp_path):
    place = directory(
        tmp_path, {"app.py": PYTHON, "requirements.txt": f"{tmp_path}/nothing-1.0.whl\n"}
    )
    ended = deploy(server, place, "--output", "json")
    assert ended.code == 1
    assert "could not install" in json.loads(ended.err)["Error"]["What"]


def test_a_link_out_of_the_directory_is_refused(server, tmp_path):
    place = directory(tmp_path, {"app.py": PYTHON})
    (tmp_path / "secret").write_text("secret")
    (place / "linked").symlink_to(tmp_path / "secret")
    ended = deploy(server, place)
    assert (ended.code, "leads out of the directory" in ended.err) == (1, True)


def test_a_directory_that_does_not_say_what_to_call(server, tmp_path):
    place = directory(tmp_path, {"one.py": "", "two.py": ""})
    ended = deploy(server, place)
    assert (ended.code, "--handler" in ended.err) == (2, True)


def test_watching_deploys_again_what_changes(server, tmp_path):
    place = directory(tmp_path, {"app.py": PYTHON.replace("EDITION", "1")})
    watching = subprocess.Popen(
        [sys.executable, "-m", "daypass", "deploy", str(place), "--watch", "--output", "json"],
        env=server.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert json.loads(watching.stdout.readline())["Action"] == "created"
        assert invoke(server, place.name)["Payload"]["edition"] == 1
        (place / "broken").symlink_to(tmp_path)
        (place / "app.py").write_text(PYTHON.replace("EDITION", "2"))
        assert "leads out" in watching.stderr.readline(), "a failure is said, and it goes on"
        (place / "broken").unlink()
        assert json.loads(watching.stdout.readline())["Action"] == "updated"
        assert invoke(server, place.name)["Payload"]["edition"] == 2
    finally:
        watching.kill()
        watching.communicate()


# -- templates -----------------------------------------------------------------------------------

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function:
    Runtime: python3.12
    Timeout: 5
    Environment: {Variables: {STAGE: !Ref Stage, SHARED: "1"}}
Resources:
  Front:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "NAME-${Stage}-front"
      CodeUri: code/
      Handler: app.handler
      MemorySize: 512
      Environment: {Variables: {BACK: !GetAtt Back.Arn}}
      Policies:
        - AWSLambdaBasicExecutionRole
        - Statement:
            - {Effect: Allow, Action: "lambda:InvokeFunction", Resource: !GetAtt Back.Arn}
      FunctionUrlConfig:
        AuthType: NONE
        Cors: {AllowOrigins: ["*"]}
  Back:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Join ["-", [NAME, back]]
      CodeUri: code/
      Handler: app.back
"""
CODE = """
import os

def handler(event, context):
    return {name: os.environ[name] for name in ("STAGE", "SHARED", "BACK")}

def back(event, context):
    return "back"
"""


def test_a_template_becomes_functions(server, tmp_path):
    name = f"t{uuid.uuid4().hex[:8]}"
    place = directory(
        tmp_path, {"template.yaml": TEMPLATE.replace("NAME", name), "code/app.py": CODE}
    )
    ended = deploy(server, place, "--parameter", "Stage=live", "--output", "json")
    assert ended.code == 0, ended
    front, back = [json.loads(line) for line in ended.out.splitlines()]
    assert front["Function"].endswith(f":{name}-live-front")
    assert httpx.get(front["Url"]).json() == {
        "STAGE": "live",
        "SHARED": "1",
        "BACK": back["Function"],
    }
    configured = server.client("lambda").get_function_configuration(FunctionName=front["Function"])
    assert (configured["MemorySize"], configured["Timeout"]) == (512, 5)
    iam = server.client("iam")
    role = f"{name}-live-front-role"
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AWSLambdaBasicExecutionRole"]
    inline = iam.get_role_policy(RoleName=role, PolicyName="template-1")["PolicyDocument"]
    assert inline["Statement"][0]["Resource"] == back["Function"]
    assert Path(place / "template.yaml").is_file()
