"""The bounds of every parameter, as botocore's model of STS has them, and what lies beyond."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.local_node import ACCOUNT, LocalNode, allow, local_node, session_credentials, trust
from tests.mfa import enabled_device

MODEL = botocore.session.get_session().get_service_model("sts")
Call = Callable[..., Any]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def call(node: LocalNode) -> Call:
    """Calls an operation as a user who may do all of STS, with what it needs beside `given`."""
    client = node.client("sts", node.user("alice", allow("sts:*")))
    role = node.role("reader", trust({"AWS": ACCOUNT}, Action="sts:*"), MaxSessionDuration=43200)
    needed = {
        "AssumeRole": {"RoleArn": role, "RoleSessionName": "session"},
        "GetFederationToken": {"Name": "bob"},
        "GetAccessKeyInfo": {"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"},
        "DecodeAuthorizationMessage": {"EncodedMessage": "x"},
        "AssumeRoot": {
            "TargetPrincipal": ACCOUNT,
            "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
        },
        "GetSessionToken": {},
    }

    def perform(operation: str, **given: Any) -> Any:
        method = botocore.xform_name(operation)
        return getattr(client, method)(**{**needed[operation], **given})

    return perform


def code_of(call: Call, operation: str, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(operation, **given)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def bounds(operation: str, member: str) -> tuple[int, int]:
    metadata = MODEL.operation_model(operation).input_shape.members[member].metadata
    return metadata["min"], metadata["max"]


DURATIONS = [
    (operation, "DurationSeconds")
    for operation in ("AssumeRole", "AssumeRoot", "GetSessionToken", "GetFederationToken")
]
SIZES = [
    (operation, "MinimumSessionTokenSize")
    for operation in ("AssumeRole", "AssumeRoot", "GetSessionToken", "GetFederationToken")
]


@pytest.mark.parametrize(("operation", "member"), DURATIONS + SIZES)
def test_numbers(call, operation, member):
    least, most = bounds(operation, member)
    for number in (least, most):
        answer = call(operation, **{member: number})
        if member == "MinimumSessionTokenSize":
            assert answer["SessionTokenSize"] >= number
    for number in (least - 1, most + 1):
        code, message = code_of(call, operation, **{member: number})
        assert code == "ValidationError"
        assert f"'{member[0].lower()}{member[1:]}'" in message


@pytest.mark.parametrize("number", ["abc", "", "1e3", "٣", "900.0", " 900"])
def test_what_is_no_number_is_refused(node, call, number):
    from urllib.parse import urlencode

    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from tests.local_node import REGION

    body = urlencode(
        {"Action": "GetSessionToken", "Version": "2011-06-15", "DurationSeconds": number}
    )
    request = AWSRequest("POST", f"{node.node.endpoint_url}/", data=body)
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    root = Credentials(node.root["aws_access_key_id"], node.root["aws_secret_access_key"])
    botocore.auth.SigV4Auth(root, "sts", REGION).add_auth(request)
    fields = [*request.headers.items(), ("host", "127.0.0.1:9311")]
    answer = node.send("POST", "/", "", fields, body.encode())
    assert answer.status_code == 400
    assert b"<Code>MalformedInput</Code>" in answer.content or b"Validation" in answer.content


TEXTS = [
    ("AssumeRole", "RoleSessionName", "s", " /*?${}<\n"),
    ("AssumeRole", "ExternalId", "e", " *?<\n"),
    ("AssumeRole", "SourceIdentity", "i", " /*:<\n"),
    ("GetFederationToken", "Name", "n", " /*:<\n"),
]


@pytest.mark.parametrize(("operation", "member", "letter", "outside"), TEXTS)
def test_texts(call, operation, member, letter, outside):
    least, most = bounds(operation, member)
    for length in (least, most):
        assert call(operation, **{member: letter * length})
    for text in (letter * (least - 1), letter * (most + 1)):
        code, message = code_of(call, operation, **{member: text})
        assert code == "ValidationError"
        assert "failed to satisfy constraint: Member must have length" in message
    assert call(operation, **{member: f"{letter}_+=,.@-1"})
    for character in outside:
        code, message = code_of(call, operation, **{member: f"{letter}{character}{letter}"})
        assert code == "ValidationError"
        assert "must satisfy regular expression pattern" in message


def test_serial_number_and_code(node, call):
    device = enabled_device(node.client("iam"), "alice", node.now)
    assert call("GetSessionToken", **device.given(node.now))
    for given in (
        {"SerialNumber": "s" * 8, "TokenCode": "123456"},
        {"SerialNumber": "s" * 257, "TokenCode": "123456"},
        {"SerialNumber": device.serial, "TokenCode": "12345"},
        {"SerialNumber": device.serial, "TokenCode": "1234567"},
    ):
        assert code_of(call, "GetSessionToken", **given)[0] == "ValidationError"
        assert code_of(call, "AssumeRole", **given)[0] == "ValidationError"
    for serial in ("s" * 9, "s" * 256):
        given = {"SerialNumber": serial, "TokenCode": "123456"}
        assert code_of(call, "GetSessionToken", **given)[0] == "AccessDenied"


@pytest.mark.parametrize("operation", ["AssumeRole", "GetFederationToken"])
def test_tags(call, operation):
    def tags(count: int, key: str = "k", value: str = "v") -> list[dict[str, str]]:
        return [{"Key": f"{key}{number}", "Value": value} for number in range(count)]

    assert call(operation, Tags=tags(50))
    assert code_of(call, operation, Tags=tags(51))[0] == "ValidationError"
    assert call(operation, Tags=[{"Key": "k" * 128, "Value": "v" * 256}, {"Key": "e", "Value": ""}])
    for key, value in (("", "v"), ("k" * 129, "v"), ("k", "v" * 257), ("k*", "v"), ("k", "v<")):
        given = [{"Key": key, "Value": value}]
        assert code_of(call, operation, Tags=given)[0] == "ValidationError"
    for key in ("aws:x", "AWS:x"):
        given = [{"Key": key, "Value": "v"}]
        assert code_of(call, operation, Tags=given)[0] == "ValidationError"
    twice = [{"Key": "Team", "Value": "a"}, {"Key": "TEAM", "Value": "b"}]
    assert code_of(call, operation, Tags=twice)[0] == "InvalidParameterValue"


def test_transitive_tag_keys(call):
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    keys = [tag["Key"] for tag in tags]
    assert call("AssumeRole", Tags=tags, TransitiveTagKeys=keys)
    assert call("AssumeRole", Tags=tags, TransitiveTagKeys=["K1"])
    too_many = {"Tags": tags, "TransitiveTagKeys": [*keys, "k0"]}
    assert code_of(call, "AssumeRole", **too_many)[0] == "ValidationError"
    unknown = {"Tags": tags, "TransitiveTagKeys": ["other"]}
    assert code_of(call, "AssumeRole", **unknown)[0] == "InvalidParameterValue"


@pytest.mark.parametrize("operation", ["AssumeRole", "GetFederationToken"])
def test_session_policies(node, call, operation):
    policy = allow("s3:*")
    assert call(operation, Policy=policy)
    assert call(operation, Policy=policy + " " * (2048 - len(policy)))
    code, _ = code_of(call, operation, Policy=policy + " " * (2049 - len(policy)))
    assert code == "ValidationError"
    assert code_of(call, operation, Policy="")[0] == "ValidationError"
    principal = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    for document in (
        "{}",
        "null",
        "[]",
        "not JSON",
        '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
        json.dumps({"Version": "2012-10-17", "Statement": [principal]}),
        allow("s3:GetObject", "arn:aws:s3"),
    ):
        assert code_of(call, operation, Policy=document)[0] == "MalformedPolicyDocument"
    arns = [
        node.client("iam").create_policy(PolicyName=f"p{number}", PolicyDocument=policy)
        for number in range(10)
    ]
    described = [{"arn": each["Policy"]["Arn"]} for each in arns]
    assert call(operation, PolicyArns=described)
    twice = [*described, described[0]]
    assert code_of(call, operation, PolicyArns=twice)[0] == "ValidationError"
    absent = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/absent"}]
    assert code_of(call, operation, PolicyArns=absent)[0] == "MalformedPolicyDocument"
    assert code_of(call, operation, PolicyArns=[{"arn": "a" * 19}])[0] == "ValidationError"
    assert code_of(call, operation, PolicyArns=[{"arn": "a" * 2049}])[0] == "ValidationError"


def test_role_arns(call):
    assert code_of(call, "AssumeRole", RoleArn="a" * 19)[0] == "ValidationError"
    assert code_of(call, "AssumeRole", RoleArn="a" * 2049)[0] == "ValidationError"
    longest = f"arn:aws:iam::{ACCOUNT}:role/"
    longest += "r" * (2048 - len(longest))
    assert code_of(call, "AssumeRole", RoleArn=longest)[0] == "AccessDenied"
    nothing = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/\x00"}
    assert code_of(call, "AssumeRole", **nothing)[0] == "MalformedInput"


def test_contexts_of_other_providers_are_trusted_by_nobody(call):
    provided = {
        "ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
        "ContextAssertion": "x" * 64,
    }
    code, message = code_of(call, "AssumeRole", ProvidedContexts=[provided])
    assert code == "InvalidContextAssertion"
    assert "does not match a trusted context provider" in message
    for several in ([], [provided] * 6):
        if several:
            assert code_of(call, "AssumeRole", ProvidedContexts=several)[0] == "ValidationError"


def test_access_key_ids(node, call):
    for key in (node.root["aws_access_key_id"], "ASIAQNZGKIQY56JQ7WML", "AKIAQNZGKIQY56JQ7WML"):
        assert len(call("GetAccessKeyInfo", AccessKeyId=key)["Account"]) == 12
    for key in (
        "A" * 15,
        "A" * 129,
        "ASIA-NZGKIQY56JQ7WML",
        "A" * 16,
        "A" * 128,
        "asiaqnzgkiqy56jq7wml",
        "ASIAQNZGKIQY56JQ7WM1",
        "ASIAQNZGKIQY56JQ7WMLQ",
        "AROAQNZGKIQY56JQ7WML",
        "AKIAIOSFODNN7EXAMPLE",
    ):
        assert code_of(call, "GetAccessKeyInfo", AccessKeyId=key)[0] == "ValidationError"


def test_trade_in_tokens_are_taken_of_nobody(node):
    client = node.client("sts", node.user("carol", allow("sts:GetDelegatedAccessToken")))
    stranger = node.client("sts", node.user("dave"))
    for one, reason in ((client, "The trade-in token is not valid"), (stranger, "not authorized")):
        with pytest.raises(ClientError) as refused:
            one.get_delegated_access_token(TradeInToken="x" * 100)
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        assert reason in refused.value.response["Error"]["Message"]


# -- root and federated users ------------------------------------------------------------------


def test_federated_users_of_root_may_do_what_the_session_policy_allows(node):
    root = node.client("sts")
    answer = root.get_federation_token(Name="bob", Policy=allow("sts:AssumeRoot"))
    assert answer["Credentials"]["Expiration"].timestamp() == int(node.now) + 3600
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    longer = root.get_federation_token(Name="bob", DurationSeconds=129600)
    assert longer["Credentials"]["Expiration"].timestamp() == int(node.now) + 3600
    shorter = root.get_federation_token(Name="bob", DurationSeconds=900)
    assert shorter["Credentials"]["Expiration"].timestamp() == int(node.now) + 900
    session = session_credentials(answer)
    identity = node.client("sts", session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    assert identity["UserId"] == f"{ACCOUNT}:bob"
    for operation, given in (
        ("list_users", {}),
        ("get_account_summary", {}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(node.client("iam", session), operation)(**given)
        assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
