"""Attacks on S3's POST forms: fields beside the policy, beyond it, and around its signature."""

import base64
import json

import pytest

from daypass.sigv4 import (
    Dialect,
    Reason,
    Refusal,
    post_form,
    sign_post_policy,
    verify_post_form,
)
from daypass.sigv4.keys import mac_key
from tests.sigv4.signed import KEYS, NOW, REGION, SECRETS, SESSION

Form = list[tuple[str, str]]


def form(**options) -> Form:
    fields = post_form(
        options.pop("keys", KEYS),
        bucket="bucket",
        key=options.pop("key", "user/${filename}"),
        region=REGION,
        now=NOW,
        fields=options.pop("fields", {"acl": "private"}),
        conditions=[
            ["content-length-range", 1, 1000],
            ["starts-with", "$Content-Type", "image/"],
            *options.pop("conditions", []),
        ],
        **options,
    )
    return [*fields.items(), ("Content-Type", "image/png")]


def of_policy(document: object, **more: str) -> Form:
    """A form whose policy is exactly this document."""
    text = document if isinstance(document, str) else json.dumps(document)
    key = mac_key(KEYS.secret_access_key, "20150830", REGION, "s3")
    fields = sign_post_policy(text, KEYS, key, "20150830T123600Z")
    return [("key", "k"), *fields.items(), *more.items()]


def read(fields: Form, now: float = NOW, bucket: str = "bucket", region: str = REGION):
    return verify_post_form(
        fields, lambda p: SECRETS.get(p.access_key_id), bucket=bucket, region=region, now=now
    )


def refusal(fields: Form, **options) -> Refusal:
    with pytest.raises(Refusal) as refused:
        read(fields, **options)
    assert refused.value.error(Dialect.S3).status in (400, 403)
    return refused.value


def test_documented_example_is_signed_and_verified():
    """The form of the S3 API reference, "Browser-based upload using HTTP POST"."""
    text = (
        '{ "expiration": "2015-12-30T12:00:00.000Z",\r\n  "conditions": [\r\n'
        '    {"bucket": "sigv4examplebucket"},\r\n'
        '    ["starts-with", "$key", "user/user1/"],\r\n'
        '    {"acl": "public-read"},\r\n'
        '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/'
        'successful_upload.html"},\r\n'
        '    ["starts-with", "$Content-Type", "image/"],\r\n'
        '    {"x-amz-meta-uuid": "14365123651274"},\r\n'
        '    {"x-amz-server-side-encryption": "AES256"},\r\n'
        '    ["starts-with", "$x-amz-meta-tag", ""],\r\n\r\n'
        '    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},\r\n'
        '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},\r\n'
        '    {"x-amz-date": "20151229T000000Z" }\r\n  ]\r\n}'
    )
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    key = mac_key(secret, "20151229", "us-east-1", "s3")
    fields = sign_post_policy(text, KEYS, key, "20151229T000000Z")
    published = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    assert fields["x-amz-signature"] == published
    sent = [
        ("key", "user/user1/${filename}"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("Policy", fields["policy"]),
        ("X-Amz-Signature", published),
    ]
    accepted = verify_post_form(
        sent, lambda _: secret, bucket="sigv4examplebucket", region="us-east-1", now=1451390400.0
    )
    assert accepted.verified.access_key_id == "AKIAIOSFODNN7EXAMPLE"


def test_boto3_form_is_verified():
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        region_name=REGION,
        aws_access_key_id=SESSION.access_key_id,
        aws_secret_access_key=SESSION.secret_access_key,
        aws_session_token=SESSION.session_token,
        config=Config(signature_version="s3v4"),
    )
    made = client.generate_presigned_post(
        "bucket", "a/${filename}", Fields={"acl": "private"}, Conditions=[{"acl": "private"}]
    )
    import time

    accepted = read(list(made["fields"].items()), now=time.time())
    assert accepted.verified.session_token == "session-token"


def test_own_form_is_verified():
    accepted = read(form(keys=SESSION))
    assert accepted.verified.session_token == "session-token"
    assert accepted.lengths == (1, 1000)
    accepted.check_length(1000)
    with pytest.raises(Refusal) as refused:
        accepted.check_length(1001)
    assert refused.value.error(Dialect.S3).code == "EntityTooLarge"
    with pytest.raises(Refusal) as refused:
        accepted.check_length(0)
    assert refused.value.error(Dialect.S3).code == "EntityTooSmall"


@pytest.mark.parametrize(
    "change",
    [
        ("acl", "public-read"),
        ("key", "other/x"),
        ("key", "../user/x"),
        ("Content-Type", "text/html"),
        ("Content-Type", "image/png,text/html"),
        ("Content-Type", ""),
    ],
)
def test_field_that_breaks_a_condition(change):
    name, value = change
    fields = [(known, value if known == name else old) for known, old in form()]
    refused = refusal(fields)
    assert refused.reason is Reason.POLICY_VIOLATED
    assert refused.error(Dialect.S3).status == 403


@pytest.mark.parametrize(
    "name", ["x-amz-meta-a", "success_action_redirect", "tagging", "X-Amz-Storage-Class", "bucket"]
)
def test_field_the_policy_does_not_name(name):
    refused = refusal([*form(), (name, "value")])
    assert refused.reason is Reason.POLICY_VIOLATED
    assert ("Extra input fields" in refused.detail) == (name != "bucket")


def test_bucket_field_does_not_stand_in_for_the_bucket():
    assert refusal([*form(), ("bucket", "bucket")], bucket="other").reason is Reason.POLICY_VIOLATED


def test_ignored_fields_are_ignored():
    assert read([*form(), ("x-ignore-this", "1")])


@pytest.mark.parametrize(
    "name", ["key", "Key", "policy", "x-amz-signature", "X-AMZ-CREDENTIAL", "acl"]
)
def test_field_that_comes_twice(name):
    assert refusal([*form(), (name, "x")]).reason is Reason.REPEATED_PARAMETER


@pytest.mark.parametrize(
    "name",
    ["key", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"],
)
def test_field_that_is_missing(name):
    fields = [field for field in form() if field[0] != name]
    assert refusal(fields).reason is Reason.MISSING_FORM_FIELD
    empty = [(known, "" if known == name else value) for known, value in form()]
    assert refusal(empty).reason is Reason.MISSING_FORM_FIELD


def test_form_without_authentication_is_anonymous():
    assert read([("key", "k"), ("acl", "public-read")]) is None


def test_other_bucket_region_and_time():
    assert refusal(form(), bucket="other").reason is Reason.POLICY_VIOLATED
    assert refusal(form(), region="us-east-1").reason is Reason.WRONG_REGION
    assert refusal(form(), now=NOW + 3601).reason is Reason.POLICY_EXPIRED
    assert refusal(form(), now=NOW - 5000).reason is Reason.URL_NOT_YET_VALID
    late = form(expires=30 * 86400)
    assert refusal(late, now=NOW + 8 * 86400).reason is Reason.POLICY_EXPIRED


def test_policy_of_another_signature():
    fields = dict(form())
    text = json.loads(base64.b64decode(fields["policy"]))
    text["conditions"] = []
    fields["policy"] = base64.b64encode(json.dumps(text).encode()).decode()
    refused = refusal(list(fields.items()))
    assert refused.reason is Reason.SIGNATURE_MISMATCH
    assert refused.error(Dialect.S3).status == 403
    for signature in ("0" * 64, "", "é", dict(form())["x-amz-signature"].upper()):
        changed = {**dict(form()), "x-amz-signature": signature}
        refusal(list(changed.items()))


def test_unknown_key():
    fields = {**dict(form()), "x-amz-credential": f"AKIANOBODY/20150830/{REGION}/s3/aws4_request"}
    assert refusal(list(fields.items())).reason is Reason.UNKNOWN_ACCESS_KEY


GOOD = {"expiration": "2015-08-30T13:00:00Z", "conditions": []}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "[" * 100_000,
        {"conditions": []},
        {"expiration": "2015-08-30T13:00:00Z"},
        {**GOOD, "expiration": "2015-08-30T13:00:00"},
        {**GOOD, "expiration": "tomorrow"},
        {**GOOD, "expiration": 1440938160},
        {**GOOD, "expiration": None},
        {**GOOD, "conditions": {}},
        {**GOOD, "conditions": "x"},
        {**GOOD, "more": 1},
        '{"expiration": "2015-08-30T13:00:00Z", "conditions": [], "conditions": []}',
        {**GOOD, "conditions": [None]},
        {**GOOD, "conditions": [{}]},
        {**GOOD, "conditions": [{"a": "b", "c": "d"}]},
        {**GOOD, "conditions": [{"a": 1}]},
        {**GOOD, "conditions": [["eq", "key", "k"]]},
        {**GOOD, "conditions": [["ends-with", "$key", "k"]]},
        {**GOOD, "conditions": [["eq", "$key"]]},
        {**GOOD, "conditions": [["starts-with", "$key", 1]]},
        {**GOOD, "conditions": [["content-length-range", -1, 5]]},
        {**GOOD, "conditions": [["content-length-range", 1.5, 5]]},
        {**GOOD, "conditions": [["content-length-range", True, 5]]},
        {**GOOD, "conditions": [["content-length-range", 1]]},
    ],
    ids=lambda document: str(document)[:50],
)
def test_policy_that_cannot_be_understood_allows_nothing(document):
    fields = of_policy(document) if document else of_policy("")
    refused = refusal(fields)
    assert refused.reason in (Reason.MALFORMED_POLICY, Reason.MISSING_FORM_FIELD)
    assert refused.error(Dialect.S3).status == 400


@pytest.mark.parametrize("text", ["not base64!", "e30", "e30=\n", "é", "AAAA"])
def test_policy_that_is_no_base64_of_a_document(text):
    key = mac_key(KEYS.secret_access_key, "20150830", REGION, "s3")
    fields = sign_post_policy("{}", KEYS, key, "20150830T123600Z")
    fields = {"key": "k", **fields, "policy": text, "x-amz-signature": key.sign(text.encode())}
    assert refusal(list(fields.items())).reason is Reason.MALFORMED_POLICY


def test_quotes_in_values_stay_values():
    """minio-java #1174: a file name with a quote added conditions of the sender's choice."""
    evil = 'x"}, ["starts-with", "$acl", ""], {"y": "'
    fields = form(key=evil)
    document = json.loads(base64.b64decode(dict(fields)["policy"]))
    assert {"key": evil} in document["conditions"]
    assert read(fields).fields["key"] == evil


def test_lengths_of_several_conditions_hold_together():
    accepted = read(form(conditions=[["content-length-range", "500", "2000"]]))
    assert accepted.lengths == (500, 1000)


def test_secret_does_not_leak():
    refused = refusal([*form(keys=SESSION), ("evil", "1")])
    assert SESSION.secret_access_key not in str(refused)
    assert "session-token" not in str(refused)
