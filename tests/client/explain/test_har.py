"""HAR files: requests that botocore signed, recorded as browsers record them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials

from daypass.client.explain.har import NoHarError, is_har, read_har
from daypass.sigv4 import Credentials

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT_HAND = Credentials(KEY, SECRET)
URL = "https://abc.lambda-url.eu-west-1.on.aws/path?b=2&a=1"
REFUSAL = '{"message":"The request signature we calculated does not match the signature you …"}'


def entry(
    url=URL, status=200, text="", signed=True, late=0, secret=SECRET, headers=(), expires=None,
    error="", change=lambda headers: headers,
):  # fmt: skip
    request = AWSRequest("GET", url, headers=dict(headers))
    keys = SdkCredentials(KEY, secret, "session-token")
    if expires:
        SigV4QueryAuth(keys, "lambda", "eu-west-1", expires).add_auth(request)
    elif signed:
        SigV4Auth(keys, "lambda", "eu-west-1").add_auth(request)
    prepared = request.prepare()
    sent = {":authority": prepared.url.split("/")[2], **dict(prepared.headers.items())}
    when = datetime.now(UTC) + timedelta(seconds=late)
    kind = [{"name": "x-amzn-ErrorType", "value": error}] if error else []
    return {
        "startedDateTime": when.isoformat().replace("+00:00", "Z"),
        "request": {
            "method": "GET",
            "url": prepared.url,
            "headers": [{"name": n, "value": str(v)} for n, v in change(sent).items()],
        },
        "response": {
            "status": status,
            "headers": kind,
            "content": {"text": text, "mimeType": "application/json"},
        },
    }


def read(*entries, credentials=AT_HAND):
    text = json.dumps({"log": {"version": "1.2", "entries": list(entries)}})
    assert is_har(text)
    return read_har(text, credentials)


def test_what_went_well_and_what_was_not_signed():
    good, plain, refused = read(entry(), entry(signed=False), entry(signed=False, status=403))
    assert (good.verdict, good.access_key_id, good.scope) == ("ok", KEY, "lambda eu-west-1")
    assert (plain.verdict, plain.why) == ("unsigned", "")
    assert (refused.verdict, bool(refused.why)) == ("unsigned", True)


def test_the_mistake_in_a_signature_is_found_with_the_secret_at_hand():
    one = entry(status=403, text=REFUSAL, error="InvalidSignatureException", secret=f"{SECRET}\n")
    (found,) = read(one)
    assert found.verdict == "mismatch"
    assert "line break" in found.why or "white space" in found.why
    (unknown,) = read(one, credentials=None)
    assert unknown.verdict == "mismatch"
    assert "not at hand" in unknown.why


@pytest.mark.parametrize(
    ("one", "verdict", "why"),
    [
        ({"expires": 60, "late": 61, "status": 403, "text": "x"}, "expired", "good for 60 s"),
        ({"late": 901, "status": 403, "text": REFUSAL}, "clock", "s off the time it was sent"),
        (
            {"status": 403, "text": '{"message":"m"}', "error": "ExpiredTokenException"},
            "expired",
            "The session was over",
        ),
        (
            {
                "status": 403,
                "text": '{"Message":"User: arn:aws:iam::1:user/a is not authorized to perform: '
                "lambda:InvokeFunctionUrl on resource: arn:x because no identity-based policy "
                'allows the lambda:InvokeFunctionUrl action"}',
                "error": "AccessDeniedException",
            },
            "denied",
            "user a may not do lambda:InvokeFunctionUrl",
        ),
        ({"status": 500, "text": "oops"}, "failed", ""),
        ({"status": 404, "text": "{}"}, "failed", ""),
    ],
)
def test_verdicts(one, verdict, why):
    (found,) = read(entry(**one))
    assert found.verdict == verdict
    assert why in found.why


def test_nothing_secret_is_told():
    for found in read(
        entry(expires=60),
        entry(status=403, text=REFUSAL, error="InvalidSignatureException", secret="other"),
    ):
        told = json.dumps(found.data())
        assert "session-token" not in told
        assert "X-Amz-Signature" not in told
        assert SECRET not in told


@pytest.mark.parametrize(
    "text",
    [
        '{"log": {"entries": 7}}',
        '{"log": {"entries": [7]}}',
        '{"log": {"entries": [{}]}}',
        '{"log": {"entries": [{"request": {"method": 1, "url": 2, "headers": 3}, "response": 4}]}}',
        '{"log": {"entries": "',
    ],
)
def test_what_is_no_har_is_refused(text):
    with pytest.raises(NoHarError):
        read_har(text)


def test_a_signature_that_cannot_be_read_is_said():
    broken = entry(change=lambda sent: sent | {"Authorization": "AWS4-HMAC-SHA256 nonsense"})
    (found,) = read(broken)
    assert found.verdict == "refused"
    assert found.why
