"""Attack: one name, two values, of which one reader believes the first and another the last."""

import pytest

from daypass.protocol import Request, ServiceError, combine_headers, load_model

STS, LAMBDA, S3 = load_model("sts"), load_model("lambda"), load_model("s3")
ACTION = "Action=GetCallerIdentity"
VERSION = "Version=2011-06-15"


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("", f"{ACTION}&{ACTION}&{VERSION}"),
        ("", f"{ACTION}&Action=AssumeRole&{VERSION}"),
        (ACTION, f"{ACTION}&{VERSION}"),
        ("", f"{ACTION}&%41ction=AssumeRole&{VERSION}"),
        ("", f"{ACTION}&{VERSION}&{VERSION}"),
        ("", f"{ACTION}&{VERSION}&RoleArn=a&RoleArn=b"),
    ],
)
def test_a_form_parameter_twice(query: str, form: str) -> None:
    request = Request("POST", "/", query, {})
    with pytest.raises(ServiceError) as caught:
        STS.route(request, "/", form.encode())
    assert caught.value.status == 400
    assert "more than once" in caught.value.message


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("GetObject", "versionId=a&versionId=b"),
        ("GetObject", "versionId=a&version%49d=b"),
        ("GetObject", "partNumber=1&partNumber=1"),
        ("GetObject", "response-content-type=a&response-content-type=b"),
    ],
)
def test_a_query_parameter_twice(operation: str, query: str) -> None:
    with pytest.raises(ServiceError) as caught:
        S3.decode(operation, Request("GET", "/b/k", query, {}), "/b/k", b"")
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)


def test_a_header_twice() -> None:
    headers, repeated = combine_headers([("x-amz-acl", "private"), ("X-Amz-Acl", "public-read")])
    with pytest.raises(ServiceError) as caught:
        S3.decode("CreateBucket", Request("PUT", "/b", "", headers, repeated), "/b", b"")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"Timeout":3,"Timeout":900}',
        b'{"Timeout":3,"\\u0054imeout":900}',
        b'{"Environment":{"Variables":{"AA":"1","AA":"2"}}}',
        b'{"Ignored":{"a":1,"a":2}}',
    ],
)
def test_a_json_key_twice(body: bytes) -> None:
    path = "/2015-03-31/functions/one/configuration"
    with pytest.raises(ServiceError) as caught:
        LAMBDA.decode("UpdateFunctionConfiguration", Request("PUT", path, "", {}), path, body)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_an_xml_element_twice() -> None:
    body = (
        b"<VersioningConfiguration><Status>Enabled</Status><Status>Suspended</Status>"
        b"</VersioningConfiguration>"
    )
    with pytest.raises(ServiceError) as caught:
        S3.decode("PutBucketVersioning", Request("PUT", "/b", "versioning", {}), "/b", body)
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)
