"""Method, path, query and headers name an operation, or AWS's error says why they do not."""

import pytest

from daypass.protocol import Request, ServiceError
from tests.protocol.wire import model, their_operation


def route(service: str, method: str, target: str, headers: dict[str, str] | None = None) -> str:
    path, _, query = target.partition("?")
    request = Request(method, path, query, headers or {})
    return model(service).route(request, path, b"")


def refusal(service: str, method: str, target: str, **headers: str) -> ServiceError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(ServiceError) as caught:
        route(service, method, target, named)
    return caught.value


@pytest.mark.parametrize(
    ("service", "operation"),
    [(service, name) for service in ("lambda", "s3") for name in sorted(model(service).operations)],
)
def test_every_operation_of_the_model_is_found(service: str, operation: str) -> None:
    theirs = their_operation(service, operation)
    template, _, query = theirs.http["requestUri"].partition("?")
    path = "/".join("x" if segment.startswith("{") else segment for segment in template.split("/"))
    parameters = query.split("&") if query else []
    headers = {}
    for name in theirs.input_shape.required_members if theirs.input_shape else ():
        member = theirs.input_shape.members[name]
        if member.serialization.get("location") == "querystring":
            parameters.append(f"{member.serialization['name']}=1")
        elif member.serialization.get("location") == "header":
            headers[member.serialization["name"].lower()] = "1"
    found = route(service, theirs.http["method"], f"{path}?{'&'.join(parameters)}", headers)
    # An operation of an older form shares everything with the one that took its place.
    replaced = {
        "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
        "GetBucketNotification": "GetBucketNotificationConfiguration",
        "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
        "PutBucketNotification": "PutBucketNotificationConfiguration",
        # Of directory buckets, which have endpoints of their own.
        "ListDirectoryBuckets": "ListBuckets",
    }
    assert found == replaced.get(operation, operation)


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", {}, "ListBuckets"),
        ("GET", "/bucket", {}, "ListObjects"),
        ("GET", "/bucket/", {}, "ListObjects"),
        ("GET", "/bucket/?list-type=2&prefix=", {}, "ListObjectsV2"),
        ("GET", "/bucket?location", {}, "GetBucketLocation"),
        ("GET", "/bucket?location=", {}, "GetBucketLocation"),
        ("GET", "/bucket?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/bucket?analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/bucket//", {}, "GetObject"),
        ("GET", "/bucket/a/../b//", {}, "GetObject"),
        ("GET", "/bucket/key?versionId=1&partNumber=2", {}, "GetObject"),
        ("GET", "/bucket/key?uploadId=1", {}, "ListParts"),
        ("GET", "/bucket/key?attributes", {}, "GetObjectAttributes"),
        ("PUT", "/bucket/key", {}, "PutObject"),
        ("PUT", "/bucket/key", {"x-amz-copy-source": "a/b"}, "CopyObject"),
        ("PUT", "/bucket/key?partNumber=1&uploadId=2", {}, "UploadPart"),
        ("PUT", "/bucket/key?uploadId=2", {}, "UploadPart"),
        (
            "PUT",
            "/bucket/key?partNumber=1&uploadId=2",
            {"x-amz-copy-source": "a/b"},
            "UploadPartCopy",
        ),
        ("POST", "/bucket/key?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/bucket/key?uploadId=1", {}, "CompleteMultipartUpload"),
        ("POST", "/bucket?delete", {}, "DeleteObjects"),
        ("DELETE", "/bucket/key?uploadId=1", {}, "AbortMultipartUpload"),
        ("DELETE", "/bucket/key?versionId=1", {}, "DeleteObject"),
        ("DELETE", "/bucket", {}, "DeleteBucket"),
        ("DELETE", "/bucket?policy", {}, "DeleteBucketPolicy"),
        ("HEAD", "/bucket", {}, "HeadBucket"),
        ("HEAD", "/bucket/key", {}, "HeadObject"),
        ("POST", "/bucket/key?select&select-type=2", {}, "SelectObjectContent"),
    ],
)
def test_s3(method: str, target: str, headers: dict[str, str], operation: str) -> None:
    assert route("s3", method, target, headers) == operation


@pytest.mark.parametrize(
    ("method", "target", "resource"),
    [
        ("DELETE", "/bucket?acl", "acl"),
        ("PUT", "/bucket/key?policy", "policy"),
        ("DELETE", "/bucket?versioning", "versioning"),
        ("PUT", "/bucket?uploads", "uploads"),
        ("GET", "/bucket?list-type=3", "list-type"),
        ("POST", "/", "SERVICE"),
        ("PATCH", "/bucket", "BUCKET"),
        ("TRACE", "/bucket/key", "OBJECT"),
    ],
)
def test_a_subresource_without_such_a_method_never_falls_back_to_the_resource(
    method: str, target: str, resource: str
) -> None:
    error = refusal("s3", method, target)
    assert (error.code, error.status) == ("MethodNotAllowed", 405)
    assert error.fields == {"Method": method, "ResourceType": resource}


def test_subresources_that_exclude_one_another() -> None:
    error = refusal("s3", "GET", "/bucket?versioning&acl")
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message == "Conflicting query string parameters: acl, versioning"
    assert error.fields == {"ArgumentName": "ResourceType", "ArgumentValue": "acl"}


def test_posts_to_a_bucket_are_forms() -> None:
    error = refusal("s3", "POST", "/bucket", content_type="multipart/form-data; boundary=x")
    assert (error.code, error.status) == ("NotImplemented", 501)
    assert "PostObject" in error.message
    assert refusal("s3", "POST", "/bucket").code == "PreconditionFailed"


def test_a_path_without_a_bucket_is_no_bucket() -> None:
    assert refusal("s3", "GET", "//key").code == "InvalidBucketName"


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/2015-03-31/functions", "ListFunctions"),
        ("GET", "/2015-03-31/functions/", "ListFunctions"),
        ("GET", "/2018-10-31/layers?find=LayerVersion&Arn=a", "GetLayerVersionByArn"),
        ("GET", "/2018-10-31/layers", "ListLayers"),
        ("DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3A%2F?tagKeys=a", "UntagResource"),
    ],
)
def test_lambda(method: str, target: str, operation: str) -> None:
    assert route("lambda", method, target) == operation


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PATCH", "/2015-03-31/functions"),
        ("GET", "/2015-03-31/functionz"),
        ("GET", "/2015-03-31/functions//policy"),
        ("GET", "/"),
    ],
)
def test_lambda_names_what_it_does_not_know(method: str, target: str) -> None:
    error = refusal("lambda", method, target)
    assert (error.code, error.status) == ("UnknownOperationException", 404)
    assert method in error.message
    assert target in error.message


def test_unsupported_operations_are_named() -> None:
    assert "PutBucketAcl" in model("s3").unsupported("PutBucketAcl").message
    assert model("s3").unsupported("PutBucketAcl").status == 501
    assert "CreateAlias" in model("lambda").unsupported("CreateAlias").message
