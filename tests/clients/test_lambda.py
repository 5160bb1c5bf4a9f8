"""Lambda and Function URLs through boto3, the AWS CLI, and requests that botocore signs."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.functions import (
    TRUSTS_LAMBDA,
    allow,
    call_url,
    create_role,
    create_user,
    deploy,
    invoke,
    pack,
    policy,
)

ECHO = "def handler(event, context):\n    return event\n"
UNKNOWN = "arn:aws:lambda:us-east-1:{}:function:{}"


@pytest.fixture(scope="session")
def role(server: Server) -> str:
    return create_role(server, "lambda-tests", allow("sts:GetCallerIdentity"))


@pytest.fixture(scope="session")
def echo(server: Server, role: str) -> str:
    """The name of a function that returns its event."""
    deploy(server, "echo", ECHO, role=role)
    return "echo"


@pytest.fixture(scope="session")
def echo_url(server: Server, echo: str) -> str:
    url: str = server.client("lambda").create_function_url_config(
        FunctionName=echo, AuthType="AWS_IAM"
    )["FunctionUrl"]
    return url


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
    """The code, message and HTTP status of an error."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


# -- functions -------------------------------------------------------------------------------


def test_a_function_is_described_as_aws_does(server: Server, role: str) -> None:
    client = server.client("lambda")
    package = pack({"app.py": ECHO})
    created = client.create_function(
        FunctionName="described",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package},
        Description="What it is",
        Timeout=9,
        MemorySize=256,
        Environment={"Variables": {"KEY": "value"}},
        Tags={"team": "blue"},
    )
    arn = f"arn:aws:lambda:{server.region}:{server.account_id}:function:described"

    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["FunctionArn"] == arn
    assert created["Role"] == role
    assert created["CodeSize"] == len(package)
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert created["Environment"] == {"Variables": {"KEY": "value"}}
    assert (created["State"], created["LastUpdateStatus"]) == ("Active", "Successful")
    assert (created["Timeout"], created["MemorySize"], created["Version"]) == (9, 256, "$LATEST")
    client.get_waiter("function_active_v2").wait(FunctionName="described")
    client.get_waiter("function_updated_v2").wait(FunctionName="described")

    found = client.get_function(FunctionName="described")
    assert found["Tags"] == {"team": "blue"}
    del created["ResponseMetadata"]
    assert found["Configuration"] == created
    for name in ("described", arn, f"{server.account_id}:function:described", f"{arn}:$LATEST"):
        configuration = client.get_function_configuration(FunctionName=name)
        assert configuration["RevisionId"] == created["RevisionId"]


def test_functions_are_listed_page_by_page(server: Server, echo: str) -> None:
    client = server.client("lambda")
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]

    assert echo in names
    assert names == sorted(set(names))
    assert "State" not in client.list_functions()["Functions"][0]


def test_updates_reach_the_next_invocation(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "changing", "def handler(event, context): return 1", role=role)
    assert invoke(server, "changing")["Payload"] == 1

    before = client.get_function_configuration(FunctionName="changing")["RevisionId"]
    source = "import os\ndef handler(event, context): return os.environ.get('KEY')"
    updated = client.update_function_code(
        FunctionName="changing", ZipFile=pack({"app.py": source}), RevisionId=before
    )
    assert invoke(server, "changing")["Payload"] is None
    client.update_function_configuration(
        FunctionName="changing", Environment={"Variables": {"KEY": "new"}}, Timeout=7
    )
    assert invoke(server, "changing")["Payload"] == "new"
    assert client.get_function_configuration(FunctionName="changing")["Timeout"] == 7
    assert updated["RevisionId"] != before
    assert refused(
        client.update_function_code,
        FunctionName="changing",
        ZipFile=pack({"app.py": ECHO}),
        RevisionId=before,
    ) == (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


def test_a_deleted_function_is_gone(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "fleeting", ECHO, role=role, auth_type="AWS_IAM")
    client.delete_function(FunctionName="fleeting")

    assert refused(client.get_function, FunctionName="fleeting") == (
        "ResourceNotFoundException",
        f"Function not found: {UNKNOWN.format(server.account_id, 'fleeting')}",
        404,
    )
    deploy(server, "fleeting", "def handler(event, context): return 'again'", role=role)
    assert invoke(server, "fleeting")["Payload"] == "again"


def test_what_cannot_be_created(server: Server, role: str, echo: str) -> None:
    client = server.client("lambda")
    iam = server.client("iam")
    untrusting = iam.create_role(
        RoleName="trusts-nobody-here",
        AssumeRolePolicyDocument=TRUSTS_LAMBDA.replace("lambda.", "ec2."),
    )["Role"]["Arn"]
    complete: dict[str, Any] = {
        "FunctionName": "impossible",
        "Runtime": "python3.12",
        "Role": role,
        "Handler": "app.handler",
        "Code": {"ZipFile": pack({"app.py": ECHO})},
    }
    cannot_assume = (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
        400,
    )
    other_account = role.replace(server.account_id, "111111111111")
    bad_zip = "Could not unzip uploaded file. Please check your file, then try to upload again."

    def creation(**changes: Any) -> tuple[str, str, int]:
        return refused(client.create_function, **{**complete, **changes})

    assert creation(FunctionName=echo) == (
        "ResourceConflictException",
        f"Function already exist: {echo}",
        409,
    )
    assert creation(Role=untrusting) == cannot_assume
    assert creation(Role=f"{role}-gone") == cannot_assume
    assert creation(Role=other_account) == (
        "AccessDeniedException",
        "Cross-account pass role is not allowed.",
        403,
    )
    code, message, status = creation(Code={"ZipFile": b"no zip"})
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message.startswith(bad_zip)
    assert creation(Environment={"Variables": {"AWS_REGION": "x", "OWN": "y"}})[1] == (
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contains reserved keys that are currently not supported "
        "for modification. Reserved keys used in this request: AWS_REGION"
    )
    assert "4KB limit" in creation(Environment={"Variables": {"KEY": "x" * 4096}})[1]
    assert creation(Runtime="java21")[0] == "InvalidParameterValueException"
    assert creation(FunctionName="x" * 65)[2] in {400, 404}
    assert creation(Timeout=901)[0] == "ValidationException"
    del complete["Handler"]
    assert creation()[1] == (
        "Runtime and Handler are mandatory parameters for functions created with deployment "
        "packages."
    )


def test_what_does_not_exist_is_not_found(server: Server, echo: str) -> None:
    client = server.client("lambda")
    arn = UNKNOWN.format(server.account_id, "nothing")
    absent = ("ResourceNotFoundException", f"Function not found: {arn}", 404)

    assert refused(client.get_function, FunctionName="nothing") == absent
    assert refused(client.invoke, FunctionName="nothing") == absent
    assert refused(client.delete_function, FunctionName="nothing") == absent
    assert refused(client.get_policy, FunctionName="nothing") == absent
    assert refused(client.get_function, FunctionName=echo, Qualifier="7")[0] == absent[0]
    assert refused(client.get_function, FunctionName=f"{echo}:a", Qualifier="b") == (
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
        400,
    )
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert refused(client.get_function, FunctionName=elsewhere) == (
        "ResourceNotFoundException",
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        404,
    )


def test_tags(server: Server, echo: str) -> None:
    client = server.client("lambda")
    arn = client.get_function(FunctionName=echo)["Configuration"]["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])

    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    client.untag_resource(Resource=arn, TagKeys=["b"])
    assert refused(client.tag_resource, Resource=arn, Tags={"daypass:url-id": "short"})[0] == (
        "InvalidParameterValueException"
    )


# -- invocations -----------------------------------------------------------------------------


def test_an_invocation_has_a_log_and_a_version(server: Server, role: str) -> None:
    deploy(server, "talking", "def handler(event, context):\n    print('said')", role=role)
    answer = invoke(server, "talking", LogType="Tail")
    log = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]

    assert answer["Payload"] is None
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert log[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert log[1:3] == ["said", f"END RequestId: {request_id}"]


def test_a_function_logs_as_it_is_configured(server: Server, role: str) -> None:
    client = server.client("lambda")
    source = """
import logging
def handler(event, context):
    logging.getLogger().warning("said")
    logging.getLogger().info("not said")
"""
    deploy(server, "logging", source, role=role)
    usual = {"LogFormat": "Text", "LogGroup": "/aws/lambda/logging"}
    assert client.get_function_configuration(FunctionName="logging")["LoggingConfig"] == usual
    updated = client.update_function_configuration(
        FunctionName="logging",
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/own"},
    )
    assert updated["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "WARN",
        "SystemLogLevel": "INFO",
        "LogGroup": "/own",
    }
    answer = invoke(server, "logging", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    said = [line for line in map(json.loads, lines) if "message" in line]
    assert [(line["level"], line["message"]) for line in said] == [("WARNING", "said")]
    # Back at Text, there are no levels, and none can be given.
    back = client.update_function_configuration(
        FunctionName="logging", LoggingConfig={"LogFormat": "Text"}
    )
    assert back["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/own"}
    assert refused(
        client.update_function_configuration,
        FunctionName="logging",
        LoggingConfig={"ApplicationLogLevel": "INFO"},
    )[1].startswith('Log level is not supported when log format is set to "Text".')


def test_a_function_error_is_200_with_its_header(server: Server, role: str) -> None:
    deploy(server, "failing", "def handler(event, context): raise ValueError('no')", role=role)
    answer = invoke(server, "failing")

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "ValueError"


def test_events_run_in_the_background(server: Server, role: str, tmp_path: Path) -> None:
    source = """
import os
runs = 0
def handler(event, context):
    global runs
    if event == "count":
        return runs
    runs += 1
"""
    deploy(server, "background", source, role=role)
    answer = invoke(server, "background", "run", InvocationType="Event")
    assert (answer["StatusCode"], answer["Payload"]) == (202, None)
    # The same environment is used again once the event is done.
    counts = []
    for _ in range(100):
        counts.append(invoke(server, "background", "count")["Payload"])
        if counts[-1] == 1:
            break
        time.sleep(0.02)
    assert counts[-1] == 1


def test_a_dry_run_only_asks(server: Server, echo: str) -> None:
    assert invoke(server, echo, InvocationType="DryRun")["StatusCode"] == 204
    nobody = create_user(server, "dry-runner")
    client = server.client("lambda", **nobody)
    assert refused(client.invoke, FunctionName=echo, InvocationType="DryRun")[2] == 403


def test_the_client_context_reaches_the_function(server: Server, role: str) -> None:
    source = "def handler(event, context): return context.client_context.custom"
    deploy(server, "contextual", source, role=role)
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()

    assert invoke(server, "contextual", ClientContext=context)["Payload"] == {"a": "b"}
    client = server.client("lambda")
    assert refused(client.invoke, FunctionName="contextual", ClientContext="{}")[0] == (
        "InvalidRequestContentException"
    )


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"NaN", b"[" * 100_000, b"{} {}"])
def test_a_payload_that_is_not_json_is_refused(server: Server, echo: str, payload: bytes) -> None:
    code, message, status = refused(
        server.client("lambda").invoke, FunctionName=echo, Payload=payload
    )
    assert (code, status) == ("InvalidRequestContentException", 400)
    assert message.startswith("Could not parse request body into json: Could not parse payload")


def test_a_payload_above_6_mb_is_refused(server: Server, echo: str) -> None:
    client = server.client("lambda")
    assert refused(client.invoke, FunctionName=echo, Payload=b'"' + b"x" * 6_291_455 + b'"') == (
        "RequestEntityTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        413,
    )


def test_reserved_concurrency_of_zero_throttles(server: Server, role: str) -> None:
    client = server.client("lambda")
    url = deploy(server, "throttled", ECHO, role=role, auth_type="AWS_IAM")
    client.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="throttled")

    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert caught.value.response["Error"]["Message"] == "Rate Exceeded."
    assert call_url(server, url).status_code == 429
    concurrency = client.get_function_concurrency(FunctionName="throttled")
    assert concurrency["ReservedConcurrentExecutions"] == 0
    client.delete_function_concurrency(FunctionName="throttled")
    assert invoke(server, "throttled", 1)["Payload"] == 1


def test_a_function_has_its_roles_credentials_and_reaches_the_server(server: Server) -> None:
    source = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    deploy(server, "whoami", source)

    assert invoke(server, "whoami")["Payload"] == (
        f"arn:aws:sts::{server.account_id}:assumed-role/whoami-role/whoami"
    )


# -- resource policies -----------------------------------------------------------------------


def test_permissions_are_statements_of_a_policy(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "permitted", ECHO, role=role)
    arn = f"arn:aws:lambda:{server.region}:{server.account_id}:function:permitted"
    iam = server.client("iam")
    user = iam.create_user(UserName="permitted-user")["User"]["Arn"]

    def add(statement_id: str, **parameters: str | bool) -> Any:
        given = {
            "FunctionName": "permitted",
            "StatementId": statement_id,
            "Action": "lambda:InvokeFunction",
            **parameters,
        }
        return json.loads(client.add_permission(**given)["Statement"])

    assert refused(client.get_policy, FunctionName="permitted")[1] == (
        "The resource you requested does not exist."
    )
    absent = {"FunctionName": "permitted", "StatementId": "x"}
    assert refused(client.remove_permission, **absent)[1] == (
        "No policy is associated with the given resource."
    )
    assert add(
        "events",
        Principal="events.amazonaws.com",
        SourceArn="arn:aws:events:us-east-1:123456789012:rule/x",
        SourceAccount="123456789012",
    ) == {
        "Sid": "events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/x"},
        },
    }
    assert add("account", Principal="210987654321")["Principal"] == {
        "AWS": "arn:aws:iam::210987654321:root"
    }
    assert add("user", Principal=user)["Principal"] == {"AWS": user}
    assert add(
        "url",
        Principal="*",
        Action="lambda:InvokeFunctionUrl",
        FunctionUrlAuthType="NONE",
    )["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    assert add("via", Principal="*", InvokedViaFunctionUrl=True)["Condition"] == {
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"}
    }

    document = json.loads(client.get_policy(FunctionName="permitted")["Policy"])
    assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert sids == ["events", "account", "user", "url", "via"]
    # A deleted user is shown as the id that its successor will not have.
    iam.delete_user(UserName="permitted-user")
    document = json.loads(client.get_policy(FunctionName="permitted")["Policy"])
    assert document["Statement"][2]["Principal"]["AWS"].startswith("AIDA")

    parameters = {"FunctionName": "permitted", "StatementId": "user", "Principal": "*"}
    assert refused(client.add_permission, Action="lambda:InvokeFunction", **parameters) == (
        "ResourceConflictException",
        "The statement id (user) provided already exists. Please provide a new statement id, or "
        "remove the existing statement.",
        409,
    )
    client.remove_permission(FunctionName="permitted", StatementId="user")
    assert refused(client.remove_permission, FunctionName="permitted", StatementId="user") == (
        "ResourceNotFoundException",
        "Statement user is not found in resource policy.",
        404,
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"Principal": "nobody"},
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        (
            {"Principal": "arn:aws:iam::{account}:user/gone"},
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        (
            {"Principal": "*", "FunctionUrlAuthType": "NONE"},
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ),
        (
            {"Principal": "*", "Qualifier": "$LATEST"},
            "We currently do not support adding policies for $LATEST.",
        ),
    ],
)
def test_permissions_that_cannot_be(
    server: Server, echo: str, parameters: dict[str, str], message: str
) -> None:
    given = {name: value.format(account=server.account_id) for name, value in parameters.items()}
    assert refused(
        server.client("lambda").add_permission,
        FunctionName=echo,
        StatementId="wrong",
        Action="lambda:InvokeFunction",
        **given,
    ) == ("InvalidParameterValueException", message, 400)


def test_a_resource_policy_lets_a_user_invoke(server: Server, role: str) -> None:
    deploy(server, "shared", ECHO, role=role)
    user = create_user(server, "guest")
    arn = f"arn:aws:iam::{server.account_id}:user/guest"
    client = server.client("lambda", **user)

    assert refused(client.invoke, FunctionName="shared") == (
        "AccessDeniedException",
        f"User: {arn} is not authorized to perform: lambda:InvokeFunction on resource: "
        f"arn:aws:lambda:{server.region}:{server.account_id}:function:shared because no "
        "identity-based policy allows the lambda:InvokeFunction action",
        403,
    )
    server.client("lambda").add_permission(
        FunctionName="shared",
        StatementId="guest",
        Action="lambda:InvokeFunction",
        Principal=arn,
    )
    assert client.invoke(FunctionName="shared", Payload=b"1")["Payload"].read() == b"1"


# -- Function URLs ---------------------------------------------------------------------------


def test_url_configurations(server: Server, role: str) -> None:
    client = server.client("lambda")
    deploy(server, "with-url", ECHO, role=role, Tags={"daypass:url-id": "u" * 32})
    cors = {
        "AllowCredentials": True,
        "AllowHeaders": ["x-custom"],
        "AllowMethods": ["GET"],
        "AllowOrigins": ["https://app.example"],
        "ExposeHeaders": ["x-result"],
        "MaxAge": 60,
    }
    created = client.create_function_url_config(
        FunctionName="with-url", AuthType="AWS_IAM", Cors=cors
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert "u" * 32 in created["FunctionUrl"]
    assert created["FunctionUrl"].endswith("/")
    assert (created["AuthType"], created["Cors"]) == ("AWS_IAM", cors)
    arn = created["FunctionArn"]
    assert refused(client.create_function_url_config, FunctionName="with-url", AuthType="NONE") == (
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function",
        409,
    )
    updated = client.update_function_url_config(FunctionName=arn, AuthType="NONE", Cors={})
    assert (updated["AuthType"], "Cors" in updated) == ("NONE", False)
    found = client.get_function_url_config(FunctionName="with-url")
    assert found["FunctionUrl"] == created["FunctionUrl"]
    assert found["CreationTime"] == created["CreationTime"]
    listed = client.list_function_url_configs(FunctionName="with-url")["FunctionUrlConfigs"]
    assert [url["FunctionUrl"] for url in listed] == [created["FunctionUrl"]]
    streamed = client.update_function_url_config(
        FunctionName="with-url", InvokeMode="RESPONSE_STREAM"
    )
    assert streamed["InvokeMode"] == "RESPONSE_STREAM"
    assert client.get_function_url_config(FunctionName="with-url")["InvokeMode"] == (
        "RESPONSE_STREAM"
    )

    deploy(server, "same-id", ECHO, role=role, Tags={"daypass:url-id": "u" * 32})
    code, message, _ = refused(
        client.create_function_url_config, FunctionName="same-id", AuthType="NONE"
    )
    assert code == "ResourceConflictException"
    assert "belongs to another function" in message

    client.delete_function_url_config(FunctionName="with-url")
    assert refused(client.get_function_url_config, FunctionName="with-url") == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
        404,
    )
    assert client.list_function_url_configs(FunctionName="with-url")["FunctionUrlConfigs"] == []


def test_a_signed_call_carries_its_verified_caller(server: Server, echo_url: str) -> None:
    event = call_url(
        server,
        f"{echo_url}pa%2Fth/1?a=1&a=2",
        "POST",
        headers={"content-type": "application/json", "cookie": "x=1; y=2"},
        body=b'{"n": 1}',
    ).json()

    assert event["rawPath"] == "/pa%2Fth/1"
    assert event["rawQueryString"] == "a=1&a=2"
    assert event["queryStringParameters"] == {"a": "1,2"}
    assert event["cookies"] == ["x=1", "y=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"n": 1}', False)
    context = event["requestContext"]
    assert context["accountId"] == server.account_id
    assert context["http"]["method"] == "POST"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": server.access_key_id,
            "accountId": server.account_id,
            "callerId": server.account_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{server.account_id}:root",
            "userId": server.account_id,
        }
    }


def test_an_assumed_role_calls_a_url(server: Server, echo_url: str) -> None:
    iam = server.client("iam")
    create_user(server, "url-caller", allow("sts:AssumeRole"))
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{server.account_id}:user/url-caller"},
            "Action": "sts:AssumeRole",
        }
    )
    role = iam.create_role(RoleName="url-role", AssumeRolePolicyDocument=trust)["Role"]
    both = allow(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
    iam.put_role_policy(RoleName="url-role", PolicyName="p", PolicyDocument=policy(both))
    key = iam.create_access_key(UserName="url-caller")["AccessKey"]
    sts = server.client(
        "sts",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    answer = call_url(
        server,
        echo_url,
        credentials={
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        },
    )

    assert answer.status_code == 200
    iam_context = answer.json()["requestContext"]["authorizer"]["iam"]
    assert iam_context["userArn"] == (f"arn:aws:sts::{server.account_id}:assumed-role/url-role/me")
    assert iam_context["userId"] == iam_context["callerId"] == f"{role['RoleId']}:me"
    assert given["SessionToken"] not in answer.text


def test_the_same_url_by_its_host_names(server: Server, echo_url: str) -> None:
    url_id = urlsplit(echo_url).path.split("/")[2]
    port = urlsplit(server.endpoint).port
    for host in (
        f"{url_id}.lambda-url.{server.region}.on.aws",
        f"{url_id}.lambda-url.{server.region}.localhost:{port}",
    ):
        answer = call_url(server, f"{server.endpoint}/x%20y", headers={"host": host})
        assert answer.status_code == 200, answer.text
        assert answer.json()["rawPath"] == "/x%20y"
        assert answer.json()["headers"]["host"] == host


def test_a_structured_reply_is_the_response(server: Server, role: str) -> None:
    source = """
def handler(event, context):
    return {"statusCode": 201, "headers": {"X-Own": "1"}, "cookies": ["a=1", "b=2"],
            "body": "made"}
"""
    url = deploy(server, "structured", source, role=role, auth_type="AWS_IAM")
    answer = call_url(server, url)

    assert (answer.status_code, answer.text) == (201, "made")
    assert answer.headers["x-own"] == "1"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-trace-id"].startswith("Root=1-")


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('secret detail')",
        "return {'statusCode': 'no'}",
        "import time; time.sleep(60)",
        "import os; os._exit(1)",
    ],
)
def test_a_failure_is_502_and_says_nothing(server: Server, role: str, body: str) -> None:
    name = f"url-{hashlib.sha256(body.encode()).hexdigest()[:8]}"
    source = f"def handler(event, context):\n    {body}\n"
    url = deploy(server, name, source, role=role, auth_type="AWS_IAM", Timeout=1)
    answer = call_url(server, url)

    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


def test_a_url_nobody_has(server: Server, echo_url: str) -> None:
    unknown = echo_url.replace(urlsplit(echo_url).path.split("/")[2], "z" * 32)
    for answer in (httpx.get(unknown), call_url(server, unknown)):
        assert answer.status_code == 403
        assert answer.json() == {"Message": None}
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_cors(server: Server, role: str) -> None:
    client = server.client("lambda")
    url = deploy(server, "cors", ECHO, role=role, auth_type="AWS_IAM")
    client.update_function_url_config(
        FunctionName="cors", Cors={"AllowOrigins": ["https://app.example"], "AllowMethods": ["GET"]}
    )
    origin = {"origin": "https://app.example"}
    asked = httpx.options(url, headers={**origin, "access-control-request-method": "GET"})
    answer = call_url(server, url, headers=origin)

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "https://app.example"
    assert asked.headers["access-control-allow-methods"] == "GET"
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    # What a browser does not call a preflight needs a signature like any other request.
    assert httpx.options(url, headers=origin).status_code == 403


def test_a_public_url_needs_no_signature_and_both_permissions(server: Server, role: str) -> None:
    client = server.client("lambda")
    url = deploy(server, "public", ECHO, role=role, auth_type="NONE")
    assert httpx.get(url).status_code == 403
    client.add_permission(
        FunctionName="public",
        StatementId="FunctionURLAllowPublicAccess",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert httpx.get(url).status_code == 403
    client.add_permission(
        FunctionName="public",
        StatementId="FunctionURLAllowInvokeAction",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    answer = httpx.get(url, headers={"authorization": "Bearer of the app"})

    assert answer.status_code == 200
    event = answer.json()
    assert event["headers"]["authorization"] == "Bearer of the app"
    assert event["requestContext"]["accountId"] == "anonymous"
    assert "authorizer" not in event["requestContext"]
    # Invoking through the API is another thing.
    nobody = server.client("lambda", **create_user(server, "no-invoker"))
    assert refused(nobody.invoke, FunctionName="public")[0] == "AccessDeniedException"


def test_a_body_above_6_mb_is_413(server: Server, echo_url: str) -> None:
    answer = call_url(server, echo_url, "POST", body=bytes(6_291_457))
    assert answer.status_code == 413


# -- the AWS CLI -----------------------------------------------------------------------------


def test_the_aws_cli_creates_invokes_and_deletes(server: Server, role: str, tmp_path: Path) -> None:
    package, out = tmp_path / "code.zip", tmp_path / "out.json"
    package.write_bytes(pack({"app.py": ECHO}))

    def aws(*arguments: str) -> Any:
        done = server.aws("lambda", *arguments, "--function-name", "by-cli", "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    created = aws(
        *("create-function", "--runtime", "python3.12", "--role", role),
        *("--handler", "app.handler", "--zip-file", f"fileb://{package}"),
    )
    assert created["State"] == "Active"
    url = aws("create-function-url-config", "--auth-type", "AWS_IAM")["FunctionUrl"]
    assert aws("invoke", "--payload", '{"n": 1}', str(out))["StatusCode"] == 200
    assert json.loads(out.read_text()) == {"n": 1}
    assert call_url(server, url).status_code == 200
    aws("delete-function")
    gone = server.aws("lambda", "get-function", "--function-name", "by-cli")
    assert "ResourceNotFoundException" in gone.stderr
