"""botocore on the other side: what it writes we read, and what we write it reads, unchanged."""

from datetime import datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daypass.protocol import Body
from tests.protocol.shapes import structures
from tests.protocol.wire import decoded, model, parsed, plain, their_operation

OPERATIONS = {
    "sts": sorted(model("sts").operations),
    "iam": [
        *("CreateUser", "GetUser", "ListUsers", "UpdateUser", "DeleteUser", "TagUser", "UntagUser"),
        *("CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"),
        *("GetAccessKeyLastUsed", "CreateRole", "GetRole", "ListRoles", "UpdateRole", "DeleteRole"),
        *("UpdateAssumeRolePolicy", "TagRole", "ListRoleTags", "PutRolePermissionsBoundary"),
        *("CreatePolicy", "GetPolicy", "ListPolicies", "DeletePolicy", "CreatePolicyVersion"),
        *("GetPolicyVersion", "ListPolicyVersions", "SetDefaultPolicyVersion"),
        *("AttachRolePolicy", "AttachUserPolicy", "DetachRolePolicy", "ListAttachedRolePolicies"),
        *("PutRolePolicy", "GetRolePolicy", "ListRolePolicies", "PutUserPolicy", "GetUserPolicy"),
        *("SimulatePrincipalPolicy", "GetAccountSummary", "GetAccountAuthorizationDetails"),
    ],
    "lambda": [
        *("CreateFunction", "GetFunction", "GetFunctionConfiguration", "ListFunctions"),
        *("UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction", "Invoke"),
        *("AddPermission", "RemovePermission", "GetPolicy", "TagResource", "UntagResource"),
        *("ListTags", "CreateFunctionUrlConfig", "GetFunctionUrlConfig", "UpdateFunctionUrlConfig"),
        *("DeleteFunctionUrlConfig", "ListFunctionUrlConfigs", "PublishVersion", "CreateAlias"),
        *("ListVersionsByFunction", "PutFunctionConcurrency", "GetAccountSettings"),
        *("GetLayerVersionByArn", "ListProvisionedConcurrencyConfigs", "ListEventSourceMappings"),
    ],
    "s3": [
        *("CreateBucket", "HeadBucket", "DeleteBucket", "ListBuckets"),
        *("PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "CopyObject"),
        *("ListObjects", "ListObjectsV2", "ListObjectVersions", "GetObjectAttributes"),
        *("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "GetBucketPolicyStatus"),
        *("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"),
        *("AbortMultipartUpload", "ListMultipartUploads", "ListParts", "PutBucketTagging"),
        *("GetBucketTagging", "PutObjectTagging", "GetObjectTagging", "PutBucketVersioning"),
        *("GetBucketVersioning", "PutBucketCors", "GetBucketCors", "PutBucketAcl", "GetBucketAcl"),
        *("PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration"),
        *("PutPublicAccessBlock", "GetPublicAccessBlock", "PutObjectRetention"),
        *("GetObjectRetention", "PutBucketEncryption", "GetBucketEncryption"),
    ],
}

EVERY = [(service, name) for service, names in OPERATIONS.items() for name in names]
ORACLE = settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("service", "operation"), EVERY)
@ORACLE
@given(data=st.data())
def test_what_botocore_sends_is_read_unchanged(
    service: str, operation: str, data: st.DataObject
) -> None:
    shape = their_operation(service, operation).input_shape
    parameters = {} if shape is None else data.draw(structures(shape), label="parameters")
    found = decoded(service, operation, parameters)
    if model(service).streams(operation):
        assert isinstance(found.pop("Body"), Body)
    assert plain(found) == plain(_as_read(service, operation, parameters))


@pytest.mark.parametrize(("service", "operation"), EVERY)
@ORACLE
@given(data=st.data())
def test_what_is_answered_is_read_by_botocore_unchanged(
    service: str, operation: str, data: st.DataObject
) -> None:
    shape = their_operation(service, operation).output_shape
    output = None if shape is None else data.draw(structures(shape), label="output")
    found = parsed(service, operation, _with_text_expiry(output))
    metadata = found.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] < 300
    assert plain(found) == plain(_as_answered(service, operation, output or {}))


def _as_read(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the protocol can carry them."""
    expected = dict(parameters)
    shape = their_operation(service, operation).input_shape
    if shape is None:
        return expected
    payload = shape.serialization.get("payload")
    for name in list(expected):
        member = shape.members[name].serialization
        # The stream is compared by itself; nothing at all is sent of an empty body or header map.
        empty = expected[name] in ({}, b"") and (name == payload or "location" in member)
        if empty or member.get("streaming"):
            del expected[name]
    return _with_text_expiry(expected)


def _with_text_expiry(values: dict[str, Any] | None) -> dict[str, Any]:
    """Only clients take Expires for a time; S3 keeps and returns whatever text it is given."""
    if values is not None and isinstance(values.get("Expires"), datetime):
        return {**values, "Expires": format_datetime(values["Expires"], usegmt=True)}
    return values or {}


def _as_answered(service: str, operation: str, output: dict[str, Any]) -> dict[str, Any]:
    """The output as botocore gives it back: what is always there, and raw bodies as bytes."""
    shape = their_operation(service, operation).output_shape
    expected = dict(output)
    if shape is None:
        return expected
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        if member.serialization.get("location") == "statusCode":
            expected.setdefault(name, 200)
        elif member.serialization.get("location") == "headers":
            expected.setdefault(name, {})
        elif name == payload and member.type_name in ("blob", "string"):
            raw = expected.get(name, b"")
            expected[name] = raw.encode() if isinstance(raw, str) else raw
            if "ContentType" in shape.members:
                expected.setdefault("ContentType", "binary/octet-stream")
    return expected
