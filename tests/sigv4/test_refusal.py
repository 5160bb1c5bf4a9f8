"""Each refusal in AWS's own words, for each kind of service."""

import pytest

from daypass.sigv4 import Dialect, Reason, Refusal
from tests.sigv4.signed import NOW, presigned, signed

WORDS = [
    # As documented: S3's error responses, the general reference's "Troubleshoot Signature
    # Version 4 errors", and the common errors of the STS, IAM and Lambda API references.
    (
        Reason.SIGNATURE_MISMATCH,
        Dialect.S3,
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your "
        "key and signing method.",
    ),
    (
        Reason.SIGNATURE_MISMATCH,
        Dialect.QUERY,
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.",
    ),
    (
        Reason.SIGNATURE_MISMATCH,
        Dialect.JSON,
        "InvalidSignatureException",
        403,
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.",
    ),
    (
        Reason.UNKNOWN_ACCESS_KEY,
        Dialect.S3,
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    (
        Reason.UNKNOWN_ACCESS_KEY,
        Dialect.QUERY,
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    ),
    (
        Reason.UNKNOWN_ACCESS_KEY,
        Dialect.JSON,
        "UnrecognizedClientException",
        403,
        "The security token included in the request is invalid.",
    ),
    (Reason.EXPIRED_TOKEN, Dialect.S3, "ExpiredToken", 400, "The provided token has expired."),
    (
        Reason.EXPIRED_TOKEN,
        Dialect.QUERY,
        "ExpiredToken",
        403,
        "The security token included in the request is expired",
    ),
    (
        Reason.EXPIRED_TOKEN,
        Dialect.JSON,
        "ExpiredTokenException",
        403,
        "The security token included in the request is expired",
    ),
    (
        Reason.INVALID_TOKEN,
        Dialect.S3,
        "InvalidToken",
        400,
        "The provided token is malformed or otherwise invalid.",
    ),
    (
        Reason.MISSING_AUTHENTICATION,
        Dialect.QUERY,
        "MissingAuthenticationToken",
        403,
        "Request is missing Authentication Token",
    ),
    (
        Reason.MISSING_AUTHENTICATION,
        Dialect.JSON,
        "MissingAuthenticationTokenException",
        403,
        "Request is missing Authentication Token",
    ),
    (Reason.MISSING_AUTHENTICATION, Dialect.S3, "AccessDenied", 403, "Access Denied"),
    (
        Reason.CONTENT_SHA256_MISMATCH,
        Dialect.S3,
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    (
        Reason.MISSING_CONTENT_SHA256,
        Dialect.S3,
        "InvalidRequest",
        400,
        "Missing required header for this request: x-amz-content-sha256",
    ),
]


@pytest.mark.parametrize(("reason", "dialect", "code", "status", "message"), WORDS)
def test_words_of_aws(reason, dialect, code, status, message):
    error = Refusal(reason).error(dialect)
    assert (error.code, error.status, error.message) == (code, status, message)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("in_query", [True, False])
def test_every_reason_has_words_everywhere(reason, dialect, in_query):
    refusal = Refusal(reason, "{detail} {0} %s", given="{given}", expected="{x}", in_query=in_query)
    error = refusal.error(dialect)
    assert 400 <= error.status < 500
    assert error.code
    assert error.message


def test_expired_signature():
    error = signed("sts").refusal(now=NOW + 1000).error(Dialect.QUERY)
    assert error.message == (
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123740Z "
        "(20150830T125240Z - 15 min.)"
    )
    early = signed("sts").refusal(now=NOW - 1000).error(Dialect.QUERY)
    assert early.message == (
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123420Z "
        "(20150830T121920Z + 15 min.)"
    )


def test_skewed_s3_request_tells_both_times():
    error = signed().refusal(now=NOW + 1000).error(Dialect.S3)
    assert error.code == "RequestTimeTooSkewed"
    assert error.fields == {
        "RequestTime": "20150830T123600Z",
        "ServerTime": "2015-08-30T12:52:40Z",
        "MaxAllowedSkewMilliseconds": "900000",
    }


def test_expired_s3_url():
    error = presigned(expires=60).refusal(now=NOW + 100).error(Dialect.S3)
    assert (error.code, error.message) == ("AccessDenied", "Request has expired")
    assert error.fields == {
        "X-Amz-Expires": "60",
        "Expires": "2015-08-30T12:37:00Z",
        "ServerTime": "2015-08-30T12:37:40Z",
    }


def test_wrong_region():
    error = signed(region="us-west-2").refusal().error(Dialect.S3)
    assert error.code == "AuthorizationHeaderMalformed"
    assert error.message == (
        "The authorization header is malformed; the region 'us-west-2' is wrong; expecting "
        "'eu-central-1'"
    )
    assert error.fields == {"Region": "eu-central-1"}
    query = signed("sts", region="us-west-2").refusal().error(Dialect.QUERY)
    assert query.message == "Credential should be scoped to a valid region, not 'us-west-2'."


def test_wrong_service_and_date():
    error = signed("sts").refusal(service="iam").error(Dialect.QUERY)
    assert error.message == "Credential should be scoped to correct service: 'iam'."
    moved = signed("sts").put("X-Amz-Date", "20150831T123600Z").refusal(now=NOW + 86400)
    assert moved.error(Dialect.QUERY).message == (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '20150830' != '20150831'."
    )


def test_mismatch_at_s3_shows_what_was_computed():
    error = signed(body=b"").refusal(lookup=lambda _: "wrong").error(Dialect.S3)
    assert error.fields["AWSAccessKeyId"] == "AKIAIOSFODNN7EXAMPLE"
    assert error.fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20150830T123600Z\n")
    assert error.fields["CanonicalRequest"].startswith("PUT\n/bucket/key\nx=1\nhost:example.com\n")
    assert (
        bytes.fromhex(error.fields["CanonicalRequestBytes"]).decode()
        == (error.fields["CanonicalRequest"])
    )
    assert len(error.fields["SignatureProvided"]) == 64
    assert signed("sts").refusal(lookup=lambda _: "wrong").error(Dialect.QUERY).fields == {}


def test_missing_parts_are_all_named():
    request = presigned("sts")
    query = "&".join(
        part
        for part in request.query.split("&")
        if not part.startswith(("X-Amz-Date=", "X-Amz-Expires="))
    )
    error = request.change(query=query).refusal().error(Dialect.QUERY)
    assert error.code == "IncompleteSignature"
    assert "'X-Amz-Date'" in error.message
    assert "'X-Amz-Expires'" in error.message


def test_malformed_credential():
    request = signed("sts").authorize("/aws4_request", "")
    error = request.refusal().error(Dialect.QUERY)
    assert (error.code, error.status) == ("IncompleteSignature", 400)
    assert error.message == (
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got "
        "'AKIAIOSFODNN7EXAMPLE/20150830/eu-central-1/sts'"
    )
