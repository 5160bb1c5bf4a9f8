"""The query protocol's own rules: what names an operation, how forms nest, how answers look."""

from datetime import UTC, datetime

import pytest

from daypass.protocol import Request, ServiceError
from tests.protocol.wire import REQUEST_ID, model, parse

FORM = {"content-type": "application/x-www-form-urlencoded"}


def post(query: str = "") -> Request:
    return Request("POST", "/", query, FORM)


def refusal(
    form: str, *, service: str = "sts", query: str = "", method: str = "POST"
) -> ServiceError:
    request = Request(method, "/", query, FORM)
    ours = model(service)
    with pytest.raises(ServiceError) as caught:
        ours.decode(ours.route(request, "/", form.encode()), request, "/", form.encode())
    return caught.value


def test_action_may_come_in_the_query_of_a_get() -> None:
    request = Request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", {})
    assert model("sts").route(request, "/", b"") == "GetCallerIdentity"


def test_parameters_of_query_and_form_are_one_set() -> None:
    query, form = "Action=GetAccessKeyInfo&Version=2011-06-15", b"AccessKeyId=AKIAIOSFODNN7EXAMPLE"
    request = post(query)
    assert model("sts").route(request, "/", form) == "GetAccessKeyInfo"
    found = model("sts").decode("GetAccessKeyInfo", request, "/", form)
    assert found == {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}


def test_missing_action() -> None:
    error = refusal("Version=2011-06-15")
    assert (error.code, error.status) == ("MissingAction", 400)


@pytest.mark.parametrize("version", ["2010-05-08", "2099-01-01"])
def test_unknown_action_or_version_is_named_as_aws_does(version: str) -> None:
    error = refusal(f"Action=GetCallerIdentity&Version={version}")
    assert error.code == "InvalidAction"
    assert error.message == f"Could not find operation GetCallerIdentity for version {version}"
    error = refusal("Action=GetCallerIdentitx&Version=2011-06-15")
    assert error.message == "Could not find operation GetCallerIdentitx for version 2011-06-15"
    assert refusal("Action=ListUsers").message.endswith("for version NO_VERSION")


def test_unknown_parameters_are_ignored() -> None:
    form = "Action=GetCallerIdentity&Version=2011-06-15&Foo.Bar=1&X-Amz-Date=2"
    assert model("sts").decode("GetCallerIdentity", post(), "/", form.encode()) == {}


@pytest.mark.parametrize(
    "parameters",
    [
        "Tags.member.2.Key=a&Tags.member.2.Value=b",
        "Tags.member.0.Key=a&Tags.member.0.Value=b",
        "Tags.member.01.Key=a&Tags.member.01.Value=b",
        "Tags.1.Key=a&Tags.1.Value=b",
        "Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.other=c",
        "Tags=a",
        "Tags.member.1=a",
        "Tags.member.1.Key=a&Tags.member.1.Key.b=c",
        "RoleArn.member.1=a",
        "DurationSeconds=3600.0",
        "DurationSeconds=%C2%B2",
        "DurationSeconds=99999999999",
        "DurationSeconds=",
    ],
)
def test_parameters_that_do_not_fit_the_model_are_malformed(parameters: str) -> None:
    error = refusal(
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=one"
        f"&RoleArn=arn:aws:iam::123456789012:role/one&{parameters}".replace(
            "&RoleArn=arn:aws:iam::123456789012:role/one&RoleArn.", "&RoleArn."
        )
    )
    assert (error.code, error.status) == ("MalformedInput", 400)


def test_an_answer_is_aws_s_document() -> None:
    response = model("sts").encode(
        "GetCallerIdentity", {"UserId": "AIDA", "Account": "1", "Arn": "a&b<c>"}, REQUEST_ID
    )
    assert response.status == 200
    assert response.headers == [("content-type", "text/xml")]
    assert response.body == (
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        b"<GetCallerIdentityResult><UserId>AIDA</UserId><Account>1</Account>"
        b"<Arn>a&amp;b&lt;c&gt;</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>"
        b"8ea59e6c-6323-11e2-bdb9-7dc0419800e2</RequestId></ResponseMetadata>"
        b"</GetCallerIdentityResponse>"
    )


def test_an_answer_without_output_has_the_request_id_alone() -> None:
    response = model("iam").encode("DeleteUser", None, REQUEST_ID)
    assert response.body == (
        b'<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
        b"<RequestId>8ea59e6c-6323-11e2-bdb9-7dc0419800e2</RequestId></ResponseMetadata>"
        b"</DeleteUserResponse>"
    )


def test_times_are_written_without_fractions() -> None:
    moment = datetime(2024, 5, 1, 12, 0, 0, 999_999, UTC)
    for given in (moment, moment.timestamp(), int(moment.timestamp())):
        response = model("sts").encode(
            "GetSessionToken", {"Credentials": {"Expiration": given}}, REQUEST_ID
        )
        assert b"<Expiration>2024-05-01T12:00:00Z</Expiration>" in bytes(response.body)


@pytest.mark.parametrize(("status", "kind"), [(404, "Sender"), (500, "Receiver")])
def test_errors_are_read_by_botocore(status: int, kind: str) -> None:
    error = ServiceError(
        "NoSuchEntity", 'The user "<a>" & co', status, headers={"retry-after": "1"}
    )
    response = model("iam").encode_error(error, post(), REQUEST_ID)
    found = parse("iam", "GetUser", response)
    assert found["Error"] == {
        "Type": kind,
        "Code": "NoSuchEntity",
        "Message": 'The user "<a>" & co',
    }
    assert found["ResponseMetadata"]["RequestId"] == REQUEST_ID
    assert ("retry-after", "1") in response.headers


def test_an_unsupported_operation_is_named() -> None:
    error = model("iam").unsupported("ListVirtualMFADevices")
    assert (error.code, error.status) == ("InvalidAction", 400)
    assert "ListVirtualMFADevices" in error.message


def test_an_output_member_that_the_model_lacks_is_an_error_of_the_server() -> None:
    with pytest.raises(KeyError, match="Nonsense"):
        model("sts").encode("GetCallerIdentity", {"Nonsense": "x"}, REQUEST_ID)
