"""What may be written down of inputs and outputs: AWS's models say it, their gaps are listed."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape

from daypass.protocol import load_model
from daypass.protocol.recording import HIDDEN
from daypass.server.assemble import services

STS, IAM, LAMBDA, S3 = (load_model(name) for name in ("sts", "iam", "lambda", "s3"))

# Members whose names sound like secrets, that are shown, and why.
SHOWN = {
    "AccessKeyId": "names a key",
    "CodeSha256": "of code",
    "CodeSigningConfigArn": "an ARN",
    "Key": "of a tag or an object",
    "TagKeys": "of tags",
    "TransitiveTagKeys": "of tags",
    "KMSKeyArn": "an ARN",
    "KeyHashes": "digests of tags",
    "KeyId": "names a key",
    "KeyMarker": "a name",
    "RemovePrivateKey": "names a key",
    "SourceKey": "the name of a claim",
    "SubjectSourceKey": "the name of a claim",
    "SubjectTypeSourceKey": "the name of a claim",
    "TargetKey": "the name of a claim",
    "NextKeyMarker": "a name",
    "NextContinuationToken": "a place in a list",
    "CopySourceSSECustomerKeyMD5": "a digest",
    "SSECustomerKeyMD5": "a digest",
    "ContinuationToken": "a place in a list",
    "SourceKMSKeyArn": "an ARN",
    "SubjectFromWebIdentityToken": "names a person to the provider",
    "S3Key": "of an object",
    "DuplicateKey": "of a tag",
    "AssertionEncryptionMode": "a choice",
}
SOUNDS_SECRET = re.compile(
    "token|secret|passw|key|assertion|private|credential|seed|nonce|payload|authenticationcode"
    "|tokencode|encoded|decoded"
)


def sample(shape: Shape | None, name: str = "", sensitive: bool = False) -> Any:
    """A value of the shape, in which each text says what it is: "<member>", or "SECRET"."""
    if shape is None:
        return {}
    sensitive = sensitive or bool(shape.metadata.get("sensitive"))
    if shape.type_name == "structure":
        return {each: sample(member, each, sensitive) for each, member in shape.members.items()}
    if shape.type_name == "list":
        return [sample(shape.member, name, sensitive)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, name, sensitive)}
    if shape.type_name == "blob":
        return b"SECRET"
    if shape.type_name == "string":
        return "SECRET" if sensitive else f"<{name}>"
    return 1


@pytest.mark.parametrize("service", ["sts", "iam", "lambda", "s3"])
def test_every_member_that_sounds_secret_is_hidden_or_listed_here(service: str) -> None:
    """It fails when AWS adds a member that nobody has looked at."""
    truth = botocore.session.get_session().get_service_model(service)
    ours = load_model(service)
    offered = services().by_scope[service].operations.keys()
    shown: set[str] = set()
    # PostObject is a form, and in no model.
    for operation in truth.operation_names if service == "sts" else offered - {"PostObject"}:
        model = truth.operation_model(operation)
        recorded = json.dumps(
            [
                ours.record_input(operation, sample(model.input_shape)),
                ours.record_output(operation, sample(model.output_shape)),
            ]
        )
        assert "SECRET" not in recorded
        shown.update(re.findall("<([^>]+)>", recorded))
    assert {name for name in shown if SOUNDS_SECRET.search(name.lower())} <= SHOWN.keys()


def test_assume_role_shows_what_was_asked_and_hides_the_code() -> None:
    recorded = STS.record_input(
        "AssumeRole",
        {
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "RoleSessionName": "s",
            "SerialNumber": "arn:aws:iam::123456789012:mfa/m",
            "TokenCode": "123456",
            "Tags": [{"Key": "Team", "Value": "blue"}],
            "DurationSeconds": 900,
        },
    )
    assert recorded == {
        "roleArn": "arn:aws:iam::123456789012:role/r",
        "roleSessionName": "s",
        "serialNumber": "arn:aws:iam::123456789012:mfa/m",
        "tokenCode": HIDDEN,
        "tags": [{"key": "Team", "value": "blue"}],
        "durationSeconds": 900,
    }


def test_credentials_are_shown_without_what_makes_them_useful() -> None:
    output = {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "the-secret",
            "SessionToken": "the-token",
            "Expiration": 1_800_000_000,
        }
    }
    recorded = STS.record_output("AssumeRole", output)
    assert recorded["credentials"] == {
        "accessKeyId": "ASIAEXAMPLE",
        "secretAccessKey": HIDDEN,
        "sessionToken": HIDDEN,
        "expiration": "2027-01-15T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("model", "operation", "given"),
    [
        (STS, "AssumeRoleWithWebIdentity", {"WebIdentityToken": "SECRET"}),
        (STS, "AssumeRoleWithSAML", {"SAMLAssertion": "SECRET"}),
        (
            IAM,
            "EnableMFADevice",
            {"AuthenticationCode1": "SECRET", "AuthenticationCode2": "SECRET"},
        ),
        (LAMBDA, "CreateFunction", {"Environment": {"Variables": {"A": "SECRET"}}}),
        (LAMBDA, "CreateFunction", {"Code": {"ZipFile": b"SECRET"}}),
        (LAMBDA, "Invoke", {"ClientContext": "SECRET", "Payload": b"SECRET"}),
        (S3, "PutObject", {"SSECustomerKey": "SECRET", "Body": object()}),
    ],
)
def test_secrets_and_content_are_not_written_down(model: Any, operation: str, given: Any) -> None:
    assert "SECRET" not in json.dumps(model.record_input(operation, given))


def test_new_access_key_and_mfa_seed_are_hidden() -> None:
    key = {"AccessKey": {"UserName": "a", "AccessKeyId": "AKIA", "SecretAccessKey": "SECRET"}}
    assert "SECRET" not in json.dumps(IAM.record_output("CreateAccessKey", key))
    seed = {"VirtualMFADevice": {"SerialNumber": "n", "Base32StringSeed": b"SECRET"}}
    assert "SECRET" not in json.dumps(IAM.record_output("CreateVirtualMFADevice", seed))


def test_times_numbers_and_long_texts() -> None:
    moment = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert LAMBDA.record_output("Invoke", {"StatusCode": 200}) == {"statusCode": 200}
    recorded = S3.record_input("GetObject", {"Bucket": "b", "IfModifiedSince": moment})
    assert recorded == {"bucket": "b", "ifModifiedSince": "2026-11-24T10:00:00Z"}
    long = IAM.record_input("PutUserPolicy", {"PolicyDocument": "x" * 100_000})["policyDocument"]
    assert len(long) < 25_000
    assert long.endswith("(100000 characters)")


def test_what_the_model_does_not_have_is_left_out() -> None:
    assert STS.record_input("GetCallerIdentity", {"Anything": "x"}) == {}
