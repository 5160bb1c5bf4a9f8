"""Attacks 40, 41 and 43 on browser uploads: what the signed policy does not name, roundabout
routes, and keys that lead elsewhere. What is refused is not stored."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials as BotocoreCredentials

from daypass.sigv4 import Credentials, post_form
from tests.conftest import Server
from tests.security.s3_world import Bucket, a_bucket, a_user, allow
from tests.signing import Answer, Raw, send, signed

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
CONTENT = b"content"
Fields = list[tuple[str, str]]


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    with a_bucket(server) as made:
        yield made


def form(bucket: Bucket, key: str = "key", **options: Any) -> Fields:
    """The fields of a form signed by root, or by `credentials`."""
    keys = options.pop("credentials", bucket.credentials)
    given = Credentials(keys.access_key, keys.secret_key, keys.token)
    name = options.pop("bucket_name", bucket.name)
    region = bucket.server.region
    return list(post_form(given, bucket=name, key=key, region=region, **options).items())


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def written(
    fields: Fields, content: bytes = CONTENT, *, file_name: str = "name", after: bytes = b""
) -> bytes:
    parts = [part(name, value.encode()) for name, value in fields]
    file = part("file", content, f'; filename="{file_name}"')
    return b"".join(parts) + file + after + f"--{BOUNDARY}--\r\n".encode()


def post(
    bucket: Bucket, body: bytes, content_type: str = FORM, path: str = "", **headers: str
) -> Answer:
    host = bucket.server.endpoint.removeprefix("http://")
    fields = [("Host", host), ("Content-Type", content_type), *headers.items()]
    url = f"{bucket.server.endpoint}/{bucket.name}{path}"
    return send(Raw("POST", url, fields, body))


def assert_refused(bucket: Bucket, answer: Answer, code: str, status: int = 403) -> None:
    assert f"<Code>{code}</Code>" in answer.body, answer
    assert answer.status == status
    assert bucket.listed() == []


def changed(fields: Fields, name: str, value: str) -> Fields:
    return [(known, value if known == name else old) for known, old in fields]


def test_what_is_right_is_stored(bucket: Bucket) -> None:
    assert post(bucket, written(form(bucket))).status == 204
    assert bucket.content("key") == CONTENT


# -- 40: fields, key and length against the policy -----------------------------------------------


@pytest.mark.parametrize(
    "name", ["acl", "x-amz-meta-evil", "Content-Type", "success_action_redirect"]
)
def test_a_field_beside_the_policy(bucket: Bucket, name: str) -> None:
    answer = post(bucket, written([*form(bucket), (name, "evil")]))
    assert_refused(bucket, answer, "AccessDenied")
    assert "Extra input fields" in answer.body


def test_another_key_than_the_policys(bucket: Bucket) -> None:
    for allowed, key in (("key", "evil"), ("user/${filename}", "other/${filename}")):
        answer = post(bucket, written(changed(form(bucket, allowed), "key", key)))
        assert_refused(bucket, answer, "AccessDenied")


@pytest.mark.parametrize(
    ("size", "code"), [(1, "EntityTooSmall"), (101, "EntityTooLarge"), (500_000, "EntityTooLarge")]
)
def test_another_length_than_the_policys(bucket: Bucket, size: int, code: str) -> None:
    fields = form(bucket, conditions=[["content-length-range", 2, 100]])
    assert_refused(bucket, post(bucket, written(fields, b"x" * size)), code, 400)


def test_a_policy_that_is_over(bucket: Bucket) -> None:
    fields = form(bucket, expires=60, now=time.time() - 120)
    assert_refused(bucket, post(bucket, written(fields)), "AccessDenied")


@pytest.mark.parametrize("policy", ["no base64!", "e30=", "bnVsbA=="])
def test_another_policy_than_was_signed(bucket: Bucket, policy: str) -> None:
    fields = changed(form(bucket), "policy", policy)
    assert_refused(bucket, post(bucket, written(fields)), "SignatureDoesNotMatch")


def test_a_policy_without_conditions(bucket: Bucket) -> None:
    text = base64.b64encode(json.dumps({"expiration": "2099-01-01T00:00:00Z"}).encode()).decode()
    fields = changed(form(bucket), "policy", text)
    assert_refused(bucket, post(bucket, written(fields)), "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["key", "KEY", "policy", "X-Amz-Signature", "file "])
def test_a_field_twice_or_in_another_spelling(bucket: Bucket, name: str) -> None:
    answer = post(bucket, written([*form(bucket), (name, "evil")]))
    assert answer.status in (400, 403)
    assert bucket.listed() == []


def test_fields_after_the_file_say_nothing(bucket: Bucket) -> None:
    after = part("key", b"evil") + part("file", b"evil", '; filename="evil"') + part("acl", b"x")
    assert post(bucket, written(form(bucket), after=after)).status == 204
    assert bucket.listed() == ["key"]
    assert bucket.content("key") == CONTENT


def test_a_form_for_another_bucket(bucket: Bucket) -> None:
    fields = form(bucket, bucket_name="another-bucket")
    assert_refused(bucket, post(bucket, written(fields)), "AccessDenied")


@pytest.mark.parametrize(
    "drop", ["policy", "x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date"]
)
def test_half_an_authentication_is_never_anonymous(bucket: Bucket, drop: str) -> None:
    bucket.set_policy({**allow("s3:PutObject", f"{bucket.arn}/*"), "Principal": "*"})
    fields = [(name, value) for name, value in form(bucket) if name != drop]
    answer = post(bucket, written(fields))
    assert answer.status in (400, 403)
    for name in ("AWSAccessKeyId", "signature"):
        assert post(bucket, written([("key", "evil"), (name, "x")])).status in (400, 403)
    assert bucket.listed() == []


def test_a_wrong_secret_and_an_unknown_key(bucket: Bucket) -> None:
    known = BotocoreCredentials(bucket.credentials.access_key, "x" * 40)
    unknown = BotocoreCredentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    for keys, code in ((known, "SignatureDoesNotMatch"), (unknown, "InvalidAccessKeyId")):
        assert_refused(bucket, post(bucket, written(form(bucket, credentials=keys))), code)


# -- 41: the form is no way around authentication or policies ------------------------------------


def test_a_form_of_nobodys(bucket: Bucket) -> None:
    assert_refused(bucket, post(bucket, written([("key", "evil")])), "AccessDenied")


@pytest.mark.parametrize(
    "content_type",
    [
        FORM.replace("multipart/form-data", "Multipart/Form-Data"),
        FORM.replace("; ", ";"),
        FORM.replace("; ", " ; "),
        f'multipart/form-data; x=y; boundary="{BOUNDARY}"',
        f"multipart/form-data, application/json; boundary={BOUNDARY}",
        f"application/json; multipart/form-data; boundary={BOUNDARY}",
        f"multipart/form-datax; boundary={BOUNDARY}",
        f"multipart/mixed; boundary={BOUNDARY}",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 300}",
        "",
    ],
)
def test_a_content_type_that_is_read_in_two_ways(bucket: Bucket, content_type: str) -> None:
    """CVE-2023-28434: what took the request for a form was not what checked the bucket."""
    for path in ("", "/", "//", "/key", "/?delete", "/?x", "?policy"):
        answer = post(bucket, written([("key", "evil")]), content_type, path)
        assert 400 <= answer.status <= 501, (path, answer)
        assert answer.status != 500
    assert bucket.listed() == []


def test_who_may_only_read_does_not_write(bucket: Bucket, server: Server) -> None:
    """CVE-2021-21362: a form was taken where a PUT was denied."""
    with a_user(server, allow("s3:GetObject", f"{bucket.arn}/*")) as reader:
        fields = form(bucket, credentials=reader.credentials)
        assert_refused(bucket, post(bucket, written(fields)), "AccessDenied")
    with a_user(server, allow("s3:PutObject", f"{bucket.arn}/user/*")) as writer:
        for key, status in (("user/key", 204), ("other", 403)):
            fields = form(bucket, key, credentials=writer.credentials)
            assert post(bucket, written(fields)).status == status
        fields = form(bucket, "${filename}", credentials=writer.credentials)
        # What is authorised is the key that is stored, not the one in the form.
        assert post(bucket, written(fields, file_name="user/../x")).status == 403
    assert bucket.listed() == ["user/key"]


def test_two_ways_of_authentication(bucket: Bucket) -> None:
    body = written(form(bucket))
    url = f"{bucket.server.endpoint}/{bucket.name}"
    region = bucket.server.region
    request = signed(bucket.credentials, "s3", region, "POST", url, body, {"Content-Type": FORM})
    assert_refused(bucket, send(request), "InvalidArgument", 400)


def test_a_bucket_policy_lets_anonymous_forms_in(bucket: Bucket) -> None:
    statement = {**allow("s3:PutObject", f"{bucket.arn}/open/*"), "Principal": "*"}
    bucket.set_policy(statement)
    assert post(bucket, written([("key", "closed/x")])).status == 403
    assert post(bucket, written([("key", "open/x")])).status == 204
    assert bucket.listed() == ["open/x"]


def test_the_policys_condition_on_forms(bucket: Bucket) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{bucket.arn}/*",
        "Condition": {"StringEquals": {"s3:authType": "POST"}},
    }
    bucket.set_policy(deny)
    assert_refused(bucket, post(bucket, written(form(bucket))), "AccessDenied")


# -- 43: keys that lead elsewhere ----------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["../escaped", "/../../other-bucket/key", "a/../../b", "a//b", ".", "..", "%2e%2e/x", "a\\b"],
)
def test_a_key_is_stored_as_it_stands(bucket: Bucket, key: str) -> None:
    assert post(bucket, written(form(bucket, key))).status == 204
    assert bucket.listed() == [key]


@pytest.mark.parametrize("name", ["../../x", "..\\\\..\\\\x", "/etc/x", "a/b/x"])
def test_a_file_name_adds_no_folders(bucket: Bucket, name: str) -> None:
    fields = form(bucket, "user/${filename}")
    assert post(bucket, written(fields, file_name=name)).status == 204
    assert bucket.listed() == ["user/x"]


def test_a_header_in_a_field(bucket: Bucket) -> None:
    fields = form(bucket, fields={"Content-Disposition": "x\r\nset-cookie: a=b"})
    assert_refused(bucket, post(bucket, written(fields)), "InvalidArgument", 400)


# -- broken and endless forms --------------------------------------------------------------------


def test_a_form_that_is_cut_short(bucket: Bucket) -> None:
    whole = written(form(bucket), b"x" * 100_000)
    for end in (len(whole) - 60, len(whole) - 3 - len(BOUNDARY), 50_000, 200, 10, 0):
        answer = post(bucket, whole[:end])
        assert_refused(bucket, answer, "MalformedPOSTRequest", 400)


def test_a_form_without_a_file(bucket: Bucket) -> None:
    parts = b"".join(part(name, value.encode()) for name, value in form(bucket))
    answer = post(bucket, parts + f"--{BOUNDARY}--\r\n".encode())
    assert_refused(bucket, answer, "InvalidArgument", 400)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "Content-Disposition: form-data",
        'Content-Disposition: attachment; name="key"',
        "Content-Type: text/plain",
        "no colon",
        "Content-Disposition: " + "x" * 10_000,
        "\r\n".join(f"X-{number}: y" for number in range(100)),
    ],
)
def test_parts_that_are_none(bucket: Bucket, head: str) -> None:
    broken = f"--{BOUNDARY}\r\n{head}\r\n\r\nx\r\n".encode()
    assert_refused(
        bucket, post(bucket, broken + written(form(bucket))), "MalformedPOSTRequest", 400
    )


def test_fields_do_not_fill_the_memory(bucket: Bucket) -> None:
    for fields in ([("a", "x" * 30_000)], [(f"a{n}", "x") for n in range(2000)]):
        answer = post(bucket, written([*fields, *form(bucket)]))
        assert_refused(bucket, answer, "MaxPostPreDataLengthExceeded", 400)


def test_a_field_that_is_no_text(bucket: Bucket) -> None:
    body = part("key", b"\xff\xfe") + written(form(bucket))
    assert_refused(bucket, post(bucket, body), "MalformedPOSTRequest", 400)
