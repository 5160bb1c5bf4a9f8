"""Layers, and code from S3, through boto3 with AWS's errors; what functions find below /opt."""

import base64
import hashlib
import json
import shutil
from typing import Any

import pytest

from tests.clients.test_lambda import ECHO, refused
from tests.conftest import Server
from tests.functions import create_role, deploy, invoke, pack

USES_LAYERS = "import shared\ndef handler(event, context): return shared.SAID"


@pytest.fixture(scope="module")
def role(server: Server) -> str:
    return create_role(server, "lambda-layers")


def publish(server: Server, name: str, files: dict[str, str], *executables: str) -> str:
    """The ARN of a new version of a layer."""
    arn: str = server.client("lambda").publish_layer_version(
        LayerName=name, Content={"ZipFile": pack(files, *executables)}
    )["LayerVersionArn"]
    return arn


def layer_arn(server: Server, name: str) -> str:
    return f"arn:aws:lambda:{server.region}:{server.account_id}:layer:{name}"


# -- the layer API ---------------------------------------------------------------------------


def test_the_life_of_a_layer(server: Server) -> None:
    client = server.client("lambda")
    package = pack({"python/own.py": ""})
    arn = layer_arn(server, "life")
    made = client.publish_layer_version(
        LayerName="life",
        Description="what it is",
        LicenseInfo="MIT",
        Content={"ZipFile": package},
        CompatibleRuntimes=["python3.12", "python3.13"],
        CompatibleArchitectures=["x86_64"],
    )
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    assert made["Content"] == {
        "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        "CodeSize": len(package),
    }
    assert (made["LayerArn"], made["LayerVersionArn"], made["Version"]) == (arn, f"{arn}:1", 1)
    assert (made["Description"], made["LicenseInfo"]) == ("what it is", "MIT")
    for found in (
        client.get_layer_version(LayerName="life", VersionNumber=1),
        client.get_layer_version(LayerName=arn, VersionNumber=1),
        client.get_layer_version_by_arn(Arn=f"{arn}:1"),
    ):
        del found["ResponseMetadata"]
        assert found == made
    client.publish_layer_version(LayerName="life", Content={"ZipFile": package})
    listed = client.list_layer_versions(LayerName="life")["LayerVersions"]
    assert [version["Version"] for version in listed] == [2, 1]
    assert "Content" not in listed[0]
    pages = client.get_paginator("list_layer_versions").paginate(
        LayerName="life", PaginationConfig={"PageSize": 1}
    )
    assert [page["LayerVersions"][0]["Version"] for page in pages] == [2, 1]
    of_312 = client.list_layer_versions(LayerName="life", CompatibleRuntime="python3.12")
    assert [version["Version"] for version in of_312["LayerVersions"]] == [1]

    def newest(**filters: str) -> dict[str, int]:
        return {
            layer["LayerName"]: layer["LatestMatchingVersion"]["Version"]
            for page in client.get_paginator("list_layers").paginate(**filters)
            for layer in page["Layers"]
        }

    assert newest()["life"] == 2
    assert newest(CompatibleRuntime="python3.13", CompatibleArchitecture="x86_64")["life"] == 1
    assert "life" not in newest(CompatibleRuntime="nodejs20.x")
    for _ in range(2):  # it is idempotent
        client.delete_layer_version(LayerName="life", VersionNumber=2)
    absent = ("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    assert refused(client.get_layer_version, LayerName="life", VersionNumber=2) == absent
    assert refused(client.get_layer_version_by_arn, Arn=f"{arn}:2") == absent
    assert refused(client.get_layer_version, LayerName="life", VersionNumber=0) == (
        "InvalidParameterValueException",
        "Layer Version Cannot be less than 1",
        400,
    )
    theirs = arn.replace(server.account_id, "210987654321")
    assert client.list_layer_versions(LayerName=theirs)["LayerVersions"] == []
    # Its number never comes again.
    assert publish(server, "life", {"x": ""}) == f"{arn}:3"
    assert refused(client.publish_layer_version, LayerName="life", Content={"ZipFile": b"no zip"})[
        1
    ].startswith("Could not unzip uploaded file.")


def test_permissions_of_a_layer(server: Server) -> None:
    client = server.client("lambda")
    arn = publish(server, "permitted-layer", {"x": ""})
    named = {"LayerName": "permitted-layer", "VersionNumber": 1}
    given = {**named, "Action": "lambda:GetLayerVersion"}

    assert refused(client.get_layer_version_policy, **named) == (
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
        404,
    )
    added = client.add_layer_version_permission(StatementId="all", Principal="*", **given)
    assert json.loads(added["Statement"]) == {
        "Sid": "all",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:GetLayerVersion",
        "Resource": arn,
    }
    other = client.add_layer_version_permission(
        StatementId="other", Principal="210987654321", RevisionId=added["RevisionId"], **given
    )
    assert json.loads(other["Statement"])["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    org = client.add_layer_version_permission(
        StatementId="org", Principal="*", OrganizationId="o-abc1234567", **given
    )
    assert json.loads(org["Statement"])["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": "o-abc1234567"}
    }
    policy = client.get_layer_version_policy(**named)
    assert policy["RevisionId"] == org["RevisionId"]
    sids = [statement["Sid"] for statement in json.loads(policy["Policy"])["Statement"]]
    assert sids == ["all", "other", "org"]
    assert refused(
        client.add_layer_version_permission, StatementId="all", Principal="*", **given
    ) == (
        "ResourceConflictException",
        "The statement id (all) provided already exists. Please provide a new statement id, or "
        "remove the existing statement.",
        409,
    )
    assert refused(
        client.remove_layer_version_permission,
        StatementId="all",
        RevisionId=added["RevisionId"],
        **named,
    ) == (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy "
        "API to retrieve the latest Revision Id",
        412,
    )
    client.remove_layer_version_permission(StatementId="all", **named)
    assert refused(client.remove_layer_version_permission, StatementId="all", **named) == (
        "ResourceNotFoundException",
        "Statement all is not found in resource policy.",
        404,
    )
    assert refused(
        client.get_layer_version_policy, LayerName="permitted-layer", VersionNumber=7
    ) == (
        "ResourceNotFoundException",
        f"Layer version {layer_arn(server, 'permitted-layer')}:7 does not exist.",
        404,
    )


# -- functions with layers -------------------------------------------------------------------


def test_a_function_imports_what_its_layers_bring(server: Server, role: str) -> None:
    client = server.client("lambda")
    first = publish(server, "said", {"python/shared.py": "SAID = 'first'"})
    second = publish(server, "said", {"python/shared.py": "SAID = 'second'"})
    made = client.create_function(
        FunctionName="layered",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": pack({"app.py": USES_LAYERS})},
        Layers=[first],
        Publish=True,
    )
    assert [layer["Arn"] for layer in made["Layers"]] == [first]
    assert invoke(server, "layered")["Payload"] == "first"
    updated = client.update_function_configuration(FunctionName="layered", Layers=[second])
    assert [layer["Arn"] for layer in updated["Layers"]] == [second]
    assert invoke(server, "layered")["Payload"] == "second"
    # What was published keeps its layers, and they keep their files when they are deleted.
    client.delete_layer_version(LayerName="said", VersionNumber=1)
    client.update_function_configuration(FunctionName="layered", Layers=[])
    assert invoke(server, "layered", Qualifier="1")["Payload"] == "first"
    assert invoke(server, "layered")["FunctionError"] == "Unhandled"
    assert refused(
        client.update_function_configuration, FunctionName="layered", Layers=[first]
    ) == ("InvalidParameterValueException", f"Layer version {first} does not exist.", 400)


def test_later_layers_lie_over_earlier_ones(server: Server, role: str) -> None:
    source = """
import os, subprocess, sys
import only_here, shared
def handler(event, context):
    tool = subprocess.run(["said-tool"], capture_output=True, text=True).stdout.strip()
    return [shared.SAID, only_here.HERE, tool, shared.__file__.endswith("site-packages/shared.py")]
"""
    versioned = "python/lib/python3.12/site-packages"
    under = publish(
        server,
        "under",
        {
            f"{versioned}/shared.py": "SAID = 'under'",
            f"{versioned}/only_here.py": "HERE = 'under'",
            "bin/said-tool": "#!/bin/sh\necho under\n",
        },
        "bin/said-tool",
    )
    over = publish(
        server,
        "over",
        {f"{versioned}/shared.py": "SAID = 'over'", "bin/said-tool": "#!/bin/sh\necho over\n"},
        "bin/said-tool",
    )
    deploy(server, "stacked", source, role=role, Layers=[under, over])
    assert invoke(server, "stacked")["Payload"] == ["over", "under", "over", True]
    # The layers' own files are as they were: others use them.
    deploy(server, "unstacked", source, role=role, Layers=[under])
    assert invoke(server, "unstacked")["Payload"] == ["under", "under", "under", True]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on PATH")
def test_node_finds_modules_in_layers(server: Server, role: str) -> None:
    layer = publish(
        server,
        "node-modules",
        {
            "nodejs/node_modules/said/index.js": "module.exports = 'any version';",
            "nodejs/node20/node_modules/of20/index.js": "module.exports = 'version 20';",
        },
    )
    code = "exports.handler = async () => [require('said'), require('of20')];"
    server.client("lambda").create_function(
        FunctionName="node-layered",
        Runtime="nodejs20.x",
        Role=role,
        Handler="app.handler",
        Timeout=20,
        Code={"ZipFile": pack({"app.js": code})},
        Layers=[layer],
    )
    assert invoke(server, "node-layered")["Payload"] == ["any version", "version 20"]


def test_a_runtime_comes_from_a_layer(server: Server, role: str) -> None:
    bootstrap = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  curl -sS -o /dev/null -D "$headers" "$api/next"
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -o /dev/null -X POST "$api/$id/response" -d '"from the layer"'
done
"""
    layer = publish(server, "runtime", {"bootstrap": bootstrap}, "bootstrap")
    server.client("lambda").create_function(
        FunctionName="custom-runtime",
        Runtime="provided.al2023",
        Role=role,
        Handler="any",
        Timeout=20,
        Code={"ZipFile": pack({"data.txt": ""})},
        Layers=[layer],
    )
    assert invoke(server, "custom-runtime")["Payload"] == "from the layer"


def test_layers_that_cannot_be(server: Server, role: str) -> None:
    arn = publish(server, "clashing", {"python/thing/x": ""})
    newer = publish(server, "clashing", {"y": ""})
    file = publish(server, "clashing-file", {"python/thing": ""})
    many = [publish(server, f"many-{number}", {"x": ""}) for number in range(6)]
    client = server.client("lambda")

    def creation(*layers: str) -> tuple[str, str, int]:
        return refused(
            client.create_function,
            FunctionName="never",
            Runtime="python3.12",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": pack({"app.py": ECHO})},
            Layers=list(layers),
        )

    invalid = "InvalidParameterValueException"
    assert creation(*many)[:2] == (invalid, "Cannot reference more than 5 layers.")
    assert creation(arn, newer)[:2] == (
        invalid,
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {arn} and {newer} are versions of the same layer.",
    )
    absent = f"{layer_arn(server, 'absent')}:1"
    assert creation(absent)[:2] == (invalid, f"Layer version {absent} does not exist.")
    elsewhere = arn.replace(server.region, "eu-west-3")
    assert creation(elsewhere)[:2] == (
        invalid,
        "Layers are not in the same region as the function. Layers are expected to be in region "
        f"{server.region}.",
    )
    assert creation(layer_arn(server, "clashing"))[0] == "ValidationException"
    assert creation(arn, file)[1].startswith("The layers cannot be used together.")
    assert refused(client.get_function, FunctionName="never")[0] == "ResourceNotFoundException"


# -- code from S3 ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(server: Server) -> str:
    server.client("s3").create_bucket(Bucket="function-packages")
    return "function-packages"


def put(server: Server, bucket: str, key: str, files: dict[str, str]) -> None:
    server.client("s3").put_object(Bucket=bucket, Key=key, Body=pack(files))


def test_code_and_layers_come_from_s3(server: Server, role: str, bucket: str) -> None:
    client = server.client("lambda")
    put(server, bucket, "layers/said.zip", {"python/shared.py": "SAID = 'from a bucket'"})
    put(server, bucket, "code/app.zip", {"app.py": USES_LAYERS})
    layer = client.publish_layer_version(
        LayerName="from-s3", Content={"S3Bucket": bucket, "S3Key": "layers/said.zip"}
    )["LayerVersionArn"]
    created = client.create_function(
        FunctionName="from-s3",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"S3Bucket": bucket, "S3Key": "code/app.zip"},
        Layers=[layer],
    )
    assert created["CodeSize"] == len(pack({"app.py": USES_LAYERS}))
    assert invoke(server, "from-s3")["Payload"] == "from a bucket"
    # Larger than what a row holds: its bytes come from a blob. What S3 has later is of no matter.
    filler = "".join(hashlib.sha256(bytes([n, m])).hexdigest() for n in range(8) for m in range(99))
    large = pack({"app.py": ECHO, "data": filler})
    assert len(large) > 16 * 1024
    server.client("s3").put_object(Bucket=bucket, Key="large.zip", Body=large)
    updated = client.update_function_code(
        FunctionName="from-s3", S3Bucket=bucket, S3Key="large.zip", S3ObjectVersion="null"
    )
    server.client("s3").delete_object(Bucket=bucket, Key="large.zip")
    assert updated["CodeSize"] == len(large)
    assert invoke(server, "from-s3", [1])["Payload"] == [1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"S3Key": "absent.zip"},
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
            "specified key does not exist.",
        ),
        (
            {"S3Bucket": "no-such-bucket-here"},
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
            "specified bucket does not exist",
        ),
        (
            {"S3ObjectVersion": "3HL4kqtJlcpXroDTDmJ"},
            "Error occurred while GetObject. S3 Error Code: NoSuchVersion. S3 Error Message: The "
            "specified version does not exist.",
        ),
        (
            {"ZipFile": b"PK"},
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        ),
    ],
)
def test_code_that_s3_does_not_have(
    server: Server, role: str, bucket: str, given: dict[str, Any], message: str
) -> None:
    put(server, bucket, "there.zip", {"app.py": ECHO})
    assert refused(
        server.client("lambda").create_function,
        FunctionName="never-from-s3",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"S3Bucket": bucket, "S3Key": "there.zip", **given},
    ) == ("InvalidParameterValueException", message, 400)
