"""The AWS SDK for JavaScript v3, unmodified, with only AWS_ENDPOINT_URL, a region and keys."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from daypass.cli.demo.node import node_modules
from tests.client import answers
from tests.client.wire import recording
from tests.namespaces import sandboxed

EXAMPLES = Path(__file__).parents[2] / "examples"

S3 = """
import { S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand,
  ListObjectsV2Command, DeleteObjectCommand } from "@aws-sdk/client-s3";
const Bucket = process.argv[2];
const s3 = new S3Client({ forcePathStyle: true });
await s3.send(new CreateBucketCommand({ Bucket }));
const Key = "a folder/é +&=%.txt";
const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: "hello",
  ContentType: "text/plain", Metadata: { who: "me" } }));
const got = await s3.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=1-3" }));
const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "a folder/" }));
await s3.send(new DeleteObjectCommand({ Bucket, Key }));
const gone = await s3.send(new GetObjectCommand({ Bucket, Key })).catch((error) => error);
console.log(JSON.stringify({ etag: put.ETag, part: await got.Body.transformToString(),
  metadata: head.Metadata, type: head.ContentType,
  keys: listed.Contents.map((item) => item.Key), gone: gone.name }));
"""

STS = """
import { STSClient, GetCallerIdentityCommand, AssumeRoleCommand } from "@aws-sdk/client-sts";
const RoleArn = process.argv[2];
const mine = new STSClient({});
const answer = await mine.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "js" }));
const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials;
const session = new STSClient({ credentials: { accessKeyId: AccessKeyId,
  secretAccessKey: SecretAccessKey, sessionToken: SessionToken } });
const who = await session.send(new GetCallerIdentityCommand({}));
const refusal = await session.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "js" }))
  .catch((error) => error);
const forged = new STSClient({ credentials: { accessKeyId: AccessKeyId,
  secretAccessKey: "wrong", sessionToken: SessionToken } });
const mismatch = await forged.send(new GetCallerIdentityCommand({})).catch((error) => error);
console.log(JSON.stringify({ arn: who.Arn, left: (Expiration - Date.now()) / 1000,
  refusal: refusal.name, mismatch: mismatch.name }));
"""


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Runs a module beside the locked packages; what it printed as JSON."""
    modules = node_modules(EXAMPLES / "node")
    if isinstance(modules, str):
        pytest.skip(modules)
    directory = tmp_path_factory.mktemp("node")
    (directory / "node_modules").symlink_to(modules / "node_modules")
    for program in (EXAMPLES / "node").glob("*.mjs"):
        shutil.copy(program, directory)

    def run(program, *arguments, env, prefix=()):
        if not program.endswith(".mjs"):
            source, program = program, f"{uuid.uuid4().hex}.mjs"
            (directory / program).write_text(source)
        ended = subprocess.run(
            [*prefix, "node", str(directory / program), *arguments],
            env=env | {"NODE_NO_WARNINGS": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


@pytest.fixture
def name():
    return f"node-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def cast(server, name):
    """A user, and a role that it may assume and that may do anything."""
    iam = server.client("iam")
    user = iam.create_user(UserName=name)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    anything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*", "lambda:*"], "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=name, PolicyName="anything", PolicyDocument=json.dumps(anything))
    environment = server.environment(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    return environment, role["Arn"]


def test_s3_with_the_checksums_the_sdk_sends_by_default(server, node, name):
    assert node(S3, name, env=server.environment()) == {
        "etag": '"5d41402abc4b2a76b9719d911017c592"',
        "part": "ell",
        "metadata": {"who": "me"},
        "type": "text/plain",
        "keys": ["a folder/é +&=%.txt"],
        "gone": "NoSuchKey",
    }


def test_sts_and_its_errors(server, node, name, cast):
    environment, role = cast
    found = node(STS, role, env=environment)
    assert found["arn"] == f"arn:aws:sts::{server.account_id}:assumed-role/{name}/js"
    assert 3500 < found["left"] <= 3600
    assert found["refusal"] == "AccessDenied"
    assert found["mismatch"] == "SignatureDoesNotMatch"


VIRTUAL = """
import https from "node:https";
import { S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand }
  from "@aws-sdk/client-s3";
const Bucket = process.argv[2];
const s3 = new S3Client({});
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "hello" }));
const got = await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
const status = await new Promise((done, failed) => https
  .get("https://sts.us-east-1.amazonaws.com/", (answer) => done(answer.resume().statusCode))
  .on("error", failed));
console.log(JSON.stringify({ body: await got.Body.transformToString(), status,
  endpoint: process.env.AWS_ENDPOINT_URL ?? null }));
"""


def test_in_a_sandbox_it_finds_buckets_by_their_own_host_names(server, node, name):
    found = node(VIRTUAL, name, env=server.environment(), prefix=sandboxed(server))
    assert found == {"body": "hello", "status": 403, "endpoint": None}


def test_the_example_that_lists_a_bucket(server, node, name, cast):
    environment, role = cast
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="b", Body=b"")
    s3.put_object(Bucket=name, Key="a", Body=b"")
    found = node("list-bucket.mjs", role, name, env=environment)
    assert found["keys"] == ["a", "b"]
    assert found["as"].endswith(f"assumed-role/{name}/list-bucket-js")


PROCESS = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({});
const arns = [];
for (const wait of [0, Number(process.argv[2])]) {
  await new Promise((done) => setTimeout(done, wait));
  arns.push((await sts.send(new GetCallerIdentityCommand({}))).Arn);
}
console.log(JSON.stringify(arns));
"""


def test_it_takes_a_role_from_the_credential_process(server, node, name, cast, tmp_path):
    environment, role = cast
    process = f"{sys.executable} -m daypass credential-process --profile keys --role {role}"
    (tmp_path / "config").write_text(f"[profile js]\ncredential_process = {process}\n")
    keys = [environment.pop(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
    (tmp_path / "credentials").write_text(
        "[keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n".format(*keys)
    )
    environment |= {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_PROFILE": "js",
    }
    arn = f"arn:aws:sts::{server.account_id}:assumed-role/{name}/daypass"
    assert node(PROCESS, "0", env=environment) == [arn, arn]


def test_it_renews_by_the_process_at_the_end(node, tmp_path):
    with recording() as recorder:
        process = (
            f"{sys.executable} -m daypass credential-process --profile keys "
            f"--role arn:aws:iam::111122223333:role/r --no-cache"
        )
        (tmp_path / "config").write_text(f"[profile js]\ncredential_process = {process}\n")
        (tmp_path / "credentials").write_text(
            "[keys]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n"
        )
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        me = answers.caller("arn:aws:sts::111122223333:assumed-role/r/daypass")
        recorder.replies = [
            *(answers.assumed("ASIA1", soon), me),
            *(answers.assumed("ASIA2"), me),
        ]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        node(
            *(PROCESS, "4200"),
            env=kept
            | {
                "AWS_ENDPOINT_URL": recorder.url,
                "AWS_REGION": "us-east-1",
                "AWS_CONFIG_FILE": str(tmp_path / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
                "AWS_PROFILE": "js",
            },
        )
        keys = [
            one.header("authorization").partition("Credential=")[2].partition("/")[0]
            for one in recorder.received
        ]
    assert keys == ["AKIA1", "ASIA1", "AKIA1", "ASIA2"]
