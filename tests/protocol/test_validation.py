"""Validation against the model, in the sentences that AWS's services are on record with."""

import json
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest

from daypass.protocol import Request, ServiceError
from daypass.protocol.shapes import Shape
from daypass.protocol.validation import Strictness, _constraints, _fits
from tests.protocol.wire import decoded, model

ROLE = "arn:aws:iam::123456789012:role/example"


def query_refusal(service: str, version: str, **parameters: str) -> ServiceError:
    form = urlencode({"Version": version, **parameters}).encode()
    request = Request("POST", "/", "", {})
    with pytest.raises(ServiceError) as caught:
        model(service).decode(parameters["Action"], request, "/", form)
    return caught.value


def sts_refusal(**parameters: str) -> ServiceError:
    return query_refusal("sts", "2011-06-15", **parameters)


def iam_refusal(**parameters: str) -> ServiceError:
    return query_refusal("iam", "2010-05-08", **parameters)


def lambda_refusal(operation: str, parameters: dict[str, Any]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        decoded("lambda", operation, parameters)
    return caught.value


def test_too_long_a_session_name() -> None:
    name = "s" * 65
    error = sts_refusal(Action="AssumeRole", RoleArn=ROLE, RoleSessionName=name)
    assert (error.code, error.status) == ("ValidationError", 400)
    # The sentence quoted in getmoto/moto issue 9218.
    assert error.message == (
        f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64"
    )


def test_several_errors_are_counted_and_joined() -> None:
    error = sts_refusal(Action="AssumeRole", RoleSessionName="a", DurationSeconds="43201")
    assert error.message == (
        "3 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: "
        "Member must not be null; Value 'a' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2; Value '43201' at 'durationSeconds' "
        "failed to satisfy constraint: Member must have value less than or equal to 43200"
    )


@pytest.mark.parametrize("name", ["a/b", "a*b", "${aws:username}", "a b", "a\nb", "<b>", "ab\n"])
def test_session_names_keep_to_their_pattern(name: str) -> None:
    error = sts_refusal(Action="AssumeRole", RoleArn=ROLE, RoleSessionName=name)
    assert error.message.endswith(
        "at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [\\w+=,.@-]*"
    )


def test_members_of_lists_are_named_by_their_place() -> None:
    error = sts_refusal(
        Action="AssumeRole",
        RoleArn=ROLE,
        RoleSessionName="one",
        **{"Tags.member.1.Key": "a", "Tags.member.1.Value": "b", "Tags.member.2.Key": "c#"},
    )
    assert "Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not" in (
        error.message
    )
    assert "Value 'c#' at 'tags.2.member.key' failed to satisfy constraint: Member must" in (
        error.message
    )


def test_iam_does_not_repeat_the_value() -> None:
    error = iam_refusal(Action="CreateUser", UserName="u" * 65)
    assert error.message == (
        "1 validation error detected: Value at 'userName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_iam_has_its_own_sentence_for_names() -> None:
    error = iam_refusal(Action="CreateUser", UserName="bad/name")
    assert error.code == "ValidationError"
    assert error.message == (
        "The specified value for userName is invalid. It must contain only alphanumeric "
        "characters and/or the following: +=,.@_-"
    )


def test_secrets_are_never_repeated() -> None:
    error = query_refusal(
        "sts",
        "2011-06-15",
        Action="AssumeRoleWithWebIdentity",
        RoleArn=ROLE,
        RoleSessionName="one",
        WebIdentityToken="abc",
    )
    assert error.message == (
        "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: "
        "Member must have length greater than or equal to 4"
    )


def test_lambda_s_role() -> None:
    error = lambda_refusal(
        "CreateFunction", {"FunctionName": "one", "Role": "lambdarole", "Code": {}}
    )
    assert (error.code, error.status) == ("ValidationException", 400)
    # The sentence quoted in aarondfrancis/sidecar issue 147.
    assert error.message == (
        "1 validation error detected: Value 'lambdarole' at 'role' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
        r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
    )


def test_lambda_s_runtime_lists_what_is_allowed() -> None:
    error = lambda_refusal(
        "CreateFunction", {"FunctionName": "one", "Role": ROLE, "Code": {}, "Runtime": "g1.x"}
    )
    # The beginning of the sentence quoted in aws/aws-cli issue 3229.
    assert error.message.startswith(
        "1 validation error detected: Value 'g1.x' at 'runtime' failed to satisfy constraint: "
        "Member must satisfy enum value set: [nodejs, "
    )


def test_elements_of_lists_of_scalars_are_judged_at_the_list() -> None:
    error = lambda_refusal(
        "CreateFunctionUrlConfig",
        {"FunctionName": "one", "AuthType": "NONE", "Cors": {"AllowMethods": ["GET", "OPTIONS"]}},
    )
    # As an AWS SDK for Go printed it for a caller who allowed OPTIONS.
    assert error.message == (
        "1 validation error detected: Value '[GET, OPTIONS]' at 'cors.allowMethods' failed to "
        "satisfy constraint: Member must satisfy constraint: [Member must have length less than "
        "or equal to 6, Member must have length greater than or equal to 0, Member must satisfy "
        "regular expression pattern: .*, Member must not be null]"
    )


def test_numbers_have_their_range() -> None:
    error = lambda_refusal("UpdateFunctionConfiguration", {"FunctionName": "one", "Timeout": 0})
    assert error.message == (
        "1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_validation_errors_reach_the_caller_as_json() -> None:
    error = lambda_refusal("UpdateFunctionConfiguration", {"FunctionName": "one", "Timeout": 0})
    response = model("lambda").encode_error(error, Request("PUT", "/", "", {}), "id")
    assert ("x-amzn-errortype", "ValidationException") in response.headers
    body = json.loads(bytes(response.body))
    assert body == {"Type": "User", "message": error.message}


@pytest.mark.parametrize("service", ["sts", "iam", "lambda", "logs"])
def test_one_look_at_a_text_says_what_its_constraints_say_one_by_one(service: str) -> None:
    """For every text that an input of a service is made of, at its bounds and beside them."""
    shapes = botocore.session.get_session().get_service_model(service)
    looked = 0
    for name in shapes.shape_names:
        bounds = shapes.shape_for(name).metadata
        if shapes.shape_for(name).type_name != "string" or "enum" in bounds:
            continue
        minimum, maximum, pattern = bounds.get("min"), bounds.get("max"), bounds.get("pattern")
        shape = Shape(name, "string", minimum=minimum, maximum=maximum, pattern=pattern or "")
        fits, constraints = _fits(shape), _constraints(shape, Strictness())
        assert fits is not None
        least, most = minimum or 0, min(maximum or 9, 3000)
        for length in {0, 1, 12, least - 1, least, most, most + 1}:
            for character in ("a", "1", " ", "/", "\n", "é"):
                text = character * max(length, 0)
                assert fits(text) is not any(violated(text) for violated, _ in constraints)
                looked += 1
    assert looked > 100
