"""Every case of the AWS signing test suite, signed and verified."""

from hashlib import sha256

import pytest

from daypass.protocol.message import combine_headers
from daypass.sigv4 import (
    Dialect,
    HttpRequest,
    canonical_request,
    parse,
    presign,
    sign,
    string_to_sign,
    verify,
)
from tests.sigv4.suite import Case, cases

CASES = cases("v4")
suite = pytest.mark.parametrize(
    "case",
    CASES or [pytest.param(None, marks=pytest.mark.skip("the AWS signing test suite is absent"))],
    ids=lambda case: case.folder.name if case else "absent",
)


def request_of(case: Case) -> HttpRequest:
    message = case.message("request.txt")
    host = next(value for name, value in message.fields if name.lower() == "host")
    body = message.body if case.sign_body else None
    return HttpRequest(message.method, f"https://{host}{message.target}", message.fields, body)


def test_the_suite_is_whole():
    if not CASES:
        pytest.skip("the AWS signing test suite is absent")
    assert len(CASES) == 38


@suite
def test_signed_headers(case):
    headers = sign(
        request_of(case),
        case.credentials,
        service=case.service,
        region=case.region,
        now=case.now,
        normalize_path=case.normalize,
        content_sha256=case.sign_body,
        unsigned_session_token=case.omit_session_token,
    )
    authorization = dict(headers)["Authorization"]
    assert authorization.rpartition("=")[2] == case.text("header-signature.txt")


@suite
def test_presigned_url(case):
    url = presign(
        request_of(case),
        case.credentials,
        service=case.service,
        region=case.region,
        expires=case.expires,
        now=case.now,
        normalize_path=case.normalize,
        unsigned_session_token=case.omit_session_token,
    )
    assert url.rpartition("=")[2] == case.text("query-signature.txt")


@suite
@pytest.mark.parametrize("kind", ["header", "query"])
def test_published_signed_request_is_verified(case, kind):
    message = case.message(f"{kind}-signed-request.txt")
    path, _, query = message.target.encode().decode("latin-1").partition("?")
    headers, repeated = combine_headers(message.fields)
    presented = parse(
        message.method,
        path,
        query,
        headers,
        repeated,
        dialect=Dialect.QUERY,
        normalize_path=case.normalize,
        unsigned_session_token=case.omit_session_token,
    )
    assert presented is not None
    body = message.body if case.sign_body else b""
    verified = verify(
        presented,
        lambda _: case.credentials.secret_access_key,
        service=case.service,
        region=case.region,
        now=case.now,
        body_sha256=sha256(body).hexdigest(),
    )
    assert verified.access_key_id == "AKIDEXAMPLE"
    assert verified.in_query == (kind == "query")


@suite
@pytest.mark.parametrize("kind", ["header", "query"])
def test_public_steps_give_the_published_texts(case, kind):
    published = case.text(f"{kind}-canonical-request.txt")
    signed_headers = published.split("\n")[-2].split(";")
    message = case.message(f"{kind}-signed-request.txt")
    path, _, query = message.target.encode().decode("latin-1").partition("?")
    unsigned = ["X-Amz-Signature="]
    if case.omit_session_token:
        unsigned.append("X-Amz-Security-Token=")
    query = "&".join(part for part in query.split("&") if not part.startswith(tuple(unsigned)))
    canonical = canonical_request(
        message.method,
        path,
        query,
        combine_headers(message.fields)[0],
        signed_headers,
        published.split("\n")[-1],
        normalize=case.normalize,
    )
    assert canonical == published
    scope = f"20150830/{case.region}/{case.service}/aws4_request"
    assert string_to_sign(canonical, "20150830T123600Z", scope) == case.text(
        f"{kind}-string-to-sign.txt"
    )
