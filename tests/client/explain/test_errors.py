"""Refusals as they are pasted: the bodies services send, and what tools make of them."""

import pytest

from daypass.client.explain.errors import explain_error
from daypass.sigv4 import Credentials, signature, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
# S3 API reference, "Error responses", and what STS, Lambda, OpenSearch and the CLI print.
S3 = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>message</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>"""


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        (S3.format(code="ExpiredToken"), "ExpiredToken", "session is over"),
        (S3.format(code="RequestTimeTooSkewed"), "RequestTimeTooSkewed", "15 minutes"),
        (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            "<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token "
            "included in the request is invalid.</Message></Error></ErrorResponse>",
            "InvalidClientTokenId",
            "does not exist there",
        ),
        (
            "HTTP/1.1 403 Forbidden\nx-amzn-ErrorType: InvalidSignatureException:\n\n"
            '{"message":"The request signature we calculated does not match"}',
            "InvalidSignatureException",
            "another signature than was sent",
        ),
        (
            '{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"no"}',
            "UnrecognizedClientException",
            "does not exist there",
        ),
        (
            "\nAn error occurred (ExpiredToken) when calling the ListBuckets operation: The "
            "provided token has expired.\n",
            "ExpiredToken",
            "session is over",
        ),
        (
            "botocore.exceptions.ClientError: An error occurred (RequestExpired) when calling the "
            "DescribeInstances operation: Request has expired.",
            "RequestExpired",
            "signed more than 15 minutes ago",
        ),
        (
            "operation error STS: GetCallerIdentity, https response error StatusCode: 403, "
            "RequestID: x, api error SignatureDoesNotMatch: Signature expired: …",
            "SignatureDoesNotMatch",
            "15 minutes",
        ),
        (
            "ExpiredTokenException: The security token included in the request is expired\n"
            "    at throwDefaultError (/node_modules/x.js:8:22)",
            "ExpiredTokenException",
            "session is over",
        ),
    ],
)
def test_a_refusal_is_recognised_in_what_stands_around_it(text, code, hint):
    told = explain_error(f"$ some command\n{text}\n$ ")
    assert code in told.what
    assert hint in " ".join(told.why)
    assert told.do


def test_a_denial_in_an_error_is_taken_apart():
    text = S3.format(code="AccessDenied").replace(
        "message",
        "User: arn:aws:iam::1:user/a is not authorized to perform: s3:GetObject on resource: "
        '"arn:aws:s3:::b/k" because no identity-based policy allows the s3:GetObject action',
    )
    assert explain_error(text).facts["Resource"].strip('"') == "arn:aws:s3:::b/k"


def test_a_daypass_servers_own_explanation_comes_first():
    text = (
        "HTTP/1.1 403 Forbidden\nx-daypass-explanation: The host was signed without its port.\n\n"
        + S3.format(code="SignatureDoesNotMatch")
    )
    assert explain_error(text).why[0] == "The host was signed without its port."


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{}", "{broken", "<Error/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><Error>&x;</Error>"],
)
def test_what_is_no_refusal_is_none(text):
    assert explain_error(text) is None


def mismatch(secret):
    """As S3 answers: with what it computed."""
    scope = "20240101/us-east-1/s3/aws4_request"
    canonical = "GET\n/key\n\nhost:b.s3.amazonaws.com\nx-amz-security-token:TOKEN\n\nhost\nUNSIGNED"
    to_sign = f"AWS4-HMAC-SHA256\n20240101T000000Z\n{scope}\n{'0' * 64}"
    sent = signature(signing_key(secret, "20240101", "us-east-1", "s3"), to_sign)
    fields = {
        "Code": "SignatureDoesNotMatch",
        "AWSAccessKeyId": "AKIDEXAMPLE",
        "StringToSign": to_sign,
        "SignatureProvided": sent,
        "CanonicalRequest": canonical,
    }
    return "<Error>" + "".join(f"<{n}>{text}</{n}>" for n, text in fields.items()) + "</Error>"


@pytest.mark.parametrize(
    ("signed_with", "at_hand", "said"),
    [
        (SECRET, SECRET, "the service holds another secret"),
        ("another", SECRET, "the client signed another request, or with another secret"),
    ],
)
def test_the_secret_at_hand_tells_who_is_wrong(signed_with, at_hand, said):
    told = explain_error(mismatch(signed_with), Credentials("AKIDEXAMPLE", at_hand))
    assert said in " ".join(told.why)
    other = explain_error(mismatch(signed_with), Credentials("AKIDOTHER", at_hand))
    assert said not in " ".join(other.why)


def test_the_canonical_request_is_shown_without_the_token():
    told = explain_error(mismatch(SECRET))
    assert "host:b.s3.amazonaws.com" in told.detail
    assert "TOKEN" not in told.detail


def test_opensearchs_sentence_is_read():
    text = (
        '{"message":"The request signature we calculated does not match the signature you '
        "provided.\\n\\nThe Canonical String for this request should have been\\n'GET\\n/x\\n\\n"
        "host:a\\n\\nhost\\nabc'\\n\\nThe String-to-Sign should have been\\n'AWS4'\\n\"}"
    )
    assert "GET\n/x" in explain_error(f"x-amzn-ErrorType: InvalidSignatureException\n{text}").detail
