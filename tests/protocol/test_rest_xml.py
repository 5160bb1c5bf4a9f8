"""S3's own ways over the wire."""

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from daypass.protocol import Request, ServiceError
from tests.protocol.wire import REQUEST_ID, model, parse, parsed

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def decode(operation: str, method: str, target: str, body: bytes = b"", **headers: str) -> Any:
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return model("s3").decode(operation, Request(method, path, query, named), path, body)


def refusal(operation: str, method: str, target: str, body: bytes = b"", **headers: str) -> Any:
    with pytest.raises(ServiceError) as caught:
        decode(operation, method, target, body, **headers)
    return caught.value


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/bucket/a//b", "a//b"),
        ("/bucket/../x", "../x"),
        ("/bucket/./x/", "./x/"),
        ("/bucket//", "/"),
        ("/bucket/a%2Fb%2f", "a/b/"),
        ("/bucket/a+b%20c%2B", "a+b c+"),
        ("/bucket/%25%32%35", "%25"),
        ("/bucket/%C3%A9", "\u00e9"),
    ],
)
def test_keys_are_decoded_once_and_kept_as_they_are(path: str, key: str) -> None:
    assert decode("GetObject", "GET", path) == {"Bucket": "bucket", "Key": key}


def test_a_trailing_slash_is_the_bucket() -> None:
    assert decode("ListObjectsV2", "GET", "/bucket/?list-type=2") == {"Bucket": "bucket"}


def test_query_and_headers_become_members_of_their_types() -> None:
    found = decode(
        "GetObject",
        "GET",
        "/b/k?partNumber=3&response-content-type=a%2Bb+c&response-expires=Wed%2C%2001%20May%202024%2012%3A00%3A00%20GMT&x-id=GetObject",
        if_modified_since="Wed, 01 May 2024 12:00:00 GMT",
        range="bytes=0-1",
        host="ignored",
    )
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert found == {
        "Bucket": "b",
        "Key": "k",
        "PartNumber": 3,
        "ResponseContentType": "a+b c",
        "ResponseExpires": moment,
        "IfModifiedSince": moment,
        "Range": "bytes=0-1",
    }


def test_a_condition_whose_date_cannot_be_read_is_none() -> None:
    assert "IfModifiedSince" not in decode("GetObject", "GET", "/b/k", if_modified_since="soon")


def test_other_values_that_cannot_be_read_are_refused() -> None:
    error = refusal("ListObjectsV2", "GET", "/b?list-type=2&max-keys=x")
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message == "Provided max-keys not an integer or within integer range"
    assert error.fields == {"ArgumentName": "max-keys", "ArgumentValue": "x"}
    assert refusal("ListObjectsV2", "GET", "/b?max-keys=2147483648").code == "InvalidArgument"


def test_metadata_is_what_begins_with_its_prefix() -> None:
    found = decode("CreateMultipartUpload", "POST", "/b/k?uploads", x_amz_meta_a="1", x_amz_m="2")
    assert found["Metadata"] == {"a": "1"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ETag,ObjectSize", ["ETag", "ObjectSize"]),
        (" ETag , ObjectSize ", ["ETag", "ObjectSize"]),
        ('"ETag","ObjectSize"', ["ETag", "ObjectSize"]),
    ],
)
def test_lists_in_headers(value: str, expected: list[str]) -> None:
    found = decode("GetObjectAttributes", "GET", "/b/k?attributes", x_amz_object_attributes=value)
    assert found["ObjectAttributes"] == expected


@pytest.mark.parametrize(
    ("operation", "headers", "code", "message"),
    [
        (
            "PutObject",
            {"x_amz_storage_class": "COLD"},
            "InvalidStorageClass",
            "The storage class you specified is not valid",
        ),
        (
            "CopyObject",
            {"x_amz_copy_source": "nokey"},
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        ),
        (
            "CopyObject",
            {"x_amz_copy_source": "a/b", "x_amz_metadata_directive": "MERGE"},
            "InvalidArgument",
            "Unknown metadata directive.",
        ),
    ],
)
def test_values_s3_has_sentences_for(
    operation: str, headers: dict[str, str], code: str, message: str
) -> None:
    error = refusal(operation, "PUT", "/b/k", **headers)
    assert (error.code, error.message, error.status) == (code, message, 400)


def test_documents_are_read_in_any_namespace_and_text_is_kept() -> None:
    for namespace in ("", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' xmlns="urn:x"'):
        body = (
            f"<?xml version='1.0' encoding='UTF-8'?>\n<Delete{namespace}>\n"
            "  <Object><Key> a&amp;b&#13;&#10;\u00e9<![CDATA[<c>]]> </Key></Object>\n"
            "  <Object><Key>b</Key><VersionId>1</VersionId></Object><Quiet> true </Quiet></Delete>"
        )
        assert decode("DeleteObjects", "POST", "/b?delete", body.encode()) == {
            "Bucket": "b",
            "Delete": {
                "Objects": [{"Key": " a&b\r\n\u00e9<c> "}, {"Key": "b", "VersionId": "1"}],
                "Quiet": True,
            },
        }


@pytest.mark.parametrize(
    "body",
    [
        "<Delete>",
        "<Other/>",
        "no xml",
        "<Delete><Object/></Delete>",
        "<Delete></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key><b/></Key></Object></Delete>",
        "<Delete>text<Object><Key>a</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object>text</Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>maybe</Quiet></Delete>",
        "<Delete><Object><Key>a</Key><Unheard>1</Unheard></Object></Delete>",
        "<Delete><Object><Key>a</Key><Size>1.5</Size></Object></Delete>",
    ],
)
def test_documents_that_do_not_fit_are_malformed(body: str) -> None:
    error = refusal("DeleteObjects", "POST", "/b?delete", body.encode())
    assert (error.code, error.status) == ("MalformedXML", 400)
    assert error.message.startswith(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


def test_values_of_documents_outside_their_enumeration_are_malformed() -> None:
    body = b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"
    assert refusal("PutBucketVersioning", "PUT", "/b?versioning", body).code == "MalformedXML"


def test_a_location_is_for_the_operation_to_judge() -> None:
    constraint = "<LocationConstraint>moon</LocationConstraint>"
    body = f"<CreateBucketConfiguration>{constraint}</CreateBucketConfiguration>"
    found = decode("CreateBucket", "PUT", "/b", body.encode())
    assert found["CreateBucketConfiguration"] == {"LocationConstraint": "moon"}


def test_a_missing_body_is_said_to_be_missing() -> None:
    error = refusal("PutBucketPolicy", "PUT", "/b?policy")
    assert (error.code, error.status) == ("MissingRequestBodyError", 400)
    assert error.message == "Request Body is empty"


def test_an_optional_body_may_be_missing() -> None:
    assert decode("CreateBucket", "PUT", "/b") == {"Bucket": "b"}


def document(operation: str, output: dict[str, Any]) -> ET.Element:
    response = model("s3").encode(operation, output, REQUEST_ID)
    assert ("content-type", "application/xml") in response.headers
    return ET.fromstring(bytes(response.body))


@pytest.mark.parametrize(
    ("operation", "root"),
    [
        ("ListBuckets", "ListAllMyBucketsResult"),
        ("ListObjectsV2", "ListBucketResult"),
        ("ListObjectVersions", "ListVersionsResult"),
        ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
        ("DeleteObjects", "DeleteResult"),
        ("GetBucketVersioning", "VersioningConfiguration"),
        ("GetBucketAcl", "AccessControlPolicy"),
    ],
)
def test_documents_have_aws_s_names(operation: str, root: str) -> None:
    assert document(operation, {}).tag == NAMESPACE + root


def test_a_listing() -> None:
    moment = 1714564800.5
    found = document(
        "ListObjectsV2",
        {
            "Name": "b",
            "IsTruncated": False,
            "Contents": [
                {"Key": "a&b", "LastModified": moment, "ETag": '"e"', "Size": 1},
                {"Key": "c", "LastModified": moment, "ETag": None, "Size": 2, "Owner": {"ID": "x"}},
            ],
            "CommonPrefixes": [{"Prefix": "p/"}],
        },
    )
    keys = [element.text for element in found.iter(f"{NAMESPACE}Key")]
    assert keys == ["a&b", "c"]
    times = {element.text for element in found.iter(f"{NAMESPACE}LastModified")}
    assert times == {"2024-05-01T12:00:00.500Z"}
    assert len(list(found.iter(f"{NAMESPACE}ETag"))) == 1
    assert found.findtext(f"{NAMESPACE}CommonPrefixes/{NAMESPACE}Prefix") == "p/"
    assert found.findtext(f"{NAMESPACE}IsTruncated") == "false"


@pytest.mark.parametrize("region", ["eu-west-1", None, ""])
def test_the_location_is_a_bare_element(region: str | None) -> None:
    found = document("GetBucketLocation", {"LocationConstraint": region})
    assert found.tag == f"{NAMESPACE}LocationConstraint"
    assert (found.text or "") == (region or "")
    assert len(found) == 0


def test_a_grantee_s_type_is_an_attribute() -> None:
    found = parsed(
        "s3", "GetBucketAcl", {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "x"}}]}
    )
    assert found["Grants"] == [{"Grantee": {"Type": "CanonicalUser", "ID": "x"}}]


def test_an_object_s_headers_and_body() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    body = pieces()
    response = model("s3").encode(
        "GetObject",
        {
            "Body": body,
            "ContentLength": 1,
            "ETag": '"e"',
            "LastModified": datetime(2024, 5, 1, 12, 0, 0, 999, UTC),
            "Metadata": {"a": "1"},
            "ObjectLockRetainUntilDate": 1714564800,
            "DeleteMarker": False,
            "VersionId": None,
        },
        REQUEST_ID,
    )
    assert response.status == 200
    assert response.body is body
    assert dict(response.headers) == {
        "content-length": "1",
        "etag": '"e"',
        "last-modified": "Wed, 01 May 2024 12:00:00 GMT",
        "x-amz-meta-a": "1",
        "x-amz-object-lock-retain-until-date": "2024-05-01T12:00:00Z",
        "x-amz-delete-marker": "false",
        "content-type": "binary/octet-stream",
    }


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_a_part_of_an_object_is_partial_content(operation: str) -> None:
    response = model("s3").encode(operation, {"ContentRange": "bytes 0-1/2"}, REQUEST_ID)
    assert response.status == 206


def test_statuses_are_the_model_s() -> None:
    assert model("s3").encode("DeleteObject", {"VersionId": "1"}, REQUEST_ID).status == 204
    response = model("s3").encode("PutBucketPolicy", None, REQUEST_ID)
    assert (response.status, response.headers, response.body) == (200, [], b"")


def test_errors_are_s3_s_document() -> None:
    error = ServiceError(
        "NoSuchKey", "The specified <key> does not exist.", 404, fields={"Key": "a&b\x01"}
    )
    response = model("s3").encode_error(error, Request("GET", "/b/k", "", {}), REQUEST_ID)
    found = parse("s3", "GetObject", response)
    assert found["Error"] == {
        "Code": "NoSuchKey",
        "Message": "The specified <key> does not exist.",
        "Key": "a&b\ufffd",
    }
    root = etree.fromstring(bytes(response.body))
    assert root.tag == "Error"
    assert root.findtext("RequestId") == REQUEST_ID
    assert root.findtext("HostId")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 404), ("GET", 304)])
def test_no_body_where_http_allows_none(method: str, status: int) -> None:
    error = ServiceError("NoSuchKey", "x", status, headers={"etag": '"e"'})
    response = model("s3").encode_error(error, Request(method, "/b/k", "", {}), REQUEST_ID)
    assert response.body == b""
    assert ("etag", '"e"') in response.headers
