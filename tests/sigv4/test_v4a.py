"""SigV4A: the test suite's cases, and awscrt, which signs and verifies it too."""

from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.hashes import SHA256

from daypass.protocol.message import combine_headers
from daypass.sigv4 import (
    Credentials,
    Dialect,
    HttpRequest,
    PayloadMode,
    Reason,
    Refusal,
    body_verifier,
    parse,
    string_to_sign,
    v4a,
    verify,
)
from tests.sigv4.suite import cases

CASES = cases("v4a")
suite = pytest.mark.parametrize(
    "case",
    CASES or [pytest.param(None, marks=pytest.mark.skip("the AWS signing test suite is absent"))],
    ids=lambda case: case.folder.name if case else "absent",
)
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/+=")
NOW = 1_440_938_160.0


def test_the_suite_is_whole():
    if not CASES:
        pytest.skip("the AWS signing test suite is absent")
    assert len(CASES) == 38


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
        sigv4a=True,
    )
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


@suite
@pytest.mark.parametrize("kind", ["header", "query"])
def test_our_signature_is_of_the_published_string_to_sign(case, kind):
    message = case.message("request.txt")
    host = next(value for name, value in message.fields if name.lower() == "host")
    request = HttpRequest(
        message.method,
        f"https://{host}{message.target}",
        message.fields,
        message.body if case.sign_body else None,
    )
    options = {
        "service": case.service,
        "region_set": case.region,
        "now": case.now,
        "normalize_path": case.normalize,
        "unsigned_session_token": case.omit_session_token,
    }
    if kind == "header":
        headers = v4a.sign(request, case.credentials, content_sha256=case.sign_body, **options)
        signature = dict(headers)["Authorization"].rpartition("=")[2]
    else:
        url = v4a.presign(request, case.credentials, expires=case.expires, **options)
        signature = parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]
    key = v4a.signing_key_v4a(
        case.credentials.access_key_id, case.credentials.secret_access_key
    ).public_key()
    text = case.text(f"{kind}-string-to-sign.txt")
    key.verify(bytes.fromhex(signature), text.encode(), ECDSA(SHA256()))


@suite
def test_derived_key_is_the_published_one(case):
    import json

    published = json.loads(case.text("public-key.json"))
    numbers = EllipticCurvePublicNumbers(
        int(published["X"], 16), int(published["Y"], 16), SECP256R1()
    )
    key = v4a.signing_key_v4a(case.credentials.access_key_id, case.credentials.secret_access_key)
    assert key.public_key().public_numbers() == numbers


def signed(region_set: str = "eu-*,us-east-1") -> tuple[HttpRequest, list[tuple[str, str]]]:
    request = HttpRequest("PUT", "https://bucket.s3.amazonaws.com/a%20b?x=1", (), b"body")
    return request, v4a.sign(request, KEYS, service="s3", region_set=region_set, now=NOW)


def read(headers, **options):
    return parse(
        "PUT",
        "/a%20b",
        "x=1",
        *combine_headers(headers),
        dialect=Dialect.S3,
        sigv4a=True,
        **options,
    )


def check(headers, region="eu-central-1", secret=KEYS.secret_access_key):
    return verify(read(headers), lambda _: secret, service="s3", region=region, now=NOW)


def test_region_set_takes_in_its_regions_and_no_others():
    _, headers = signed()
    assert check(headers, "eu-central-1").algorithm == "AWS4-ECDSA-P256-SHA256"
    assert check(headers, "us-east-1")
    with pytest.raises(Refusal) as refused:
        check(headers, "us-east-2")
    assert refused.value.reason is Reason.WRONG_REGION


@pytest.mark.parametrize(
    ("region_set", "taken_in"),
    [
        ("*", True),
        ("eu-central-1", True),
        ("eu-*", True),
        ("*-1", True),
        ("eu-*-1", True),
        ("*central*", True),
        ("**", True),
        ("us-east-1, eu-central-1", True),
        ("", False),
        ("eu-central", False),
        ("eu-central-1*1", False),
        ("eu-*l-1-1", False),
        ("EU-*", False),
        ("*a" * 500, False),
        ("eu.central-1", False),
    ],
)
def test_region_sets(region_set, taken_in):
    _, headers = signed(region_set)
    if taken_in:
        assert check(headers)
    else:
        with pytest.raises(Refusal):
            check(headers)


def test_changed_region_set_is_refused():
    _, headers = signed("us-east-1")
    wider = [(name, "*" if name == "X-Amz-Region-Set" else value) for name, value in headers]
    with pytest.raises(Refusal) as refused:
        check(wider)
    assert refused.value.reason is Reason.SIGNATURE_MISMATCH


def test_is_refused_where_it_is_not_asked_for():
    _, headers = signed()
    with pytest.raises(Refusal) as refused:
        parse("PUT", "/a%20b", "x=1", *combine_headers(headers), dialect=Dialect.S3)
    assert refused.value.reason is Reason.UNSUPPORTED_ALGORITHM


def test_wrong_secret_and_garbage_are_refused():
    _, headers = signed()
    with pytest.raises(Refusal):
        check(headers, secret="other")
    name, value = headers[-1]
    for ending in ("zz", "30", "é", ""):
        broken = [*headers[:-1], (name, value[:-8] + ending)]
        with pytest.raises(Refusal):
            check(broken)


def test_chunks_are_signed_padded_and_verified():
    body = b"x" * 100_000
    stream = v4a.sign_stream(
        HttpRequest("PUT", "https://bucket.s3.amazonaws.com/a%20b?x=1"),
        KEYS,
        region_set="*",
        decoded_length=len(body),
        mode=PayloadMode.ECDSA_CHUNKS_TRAILER,
        trailers={"x-amz-checksum-crc32": 8},
        now=NOW,
    )
    wire = b"".join(stream.encode([body], lambda: {"x-amz-checksum-crc32": "AAAAAA=="}))
    assert len(wire) == stream.content_length
    verified = check(stream.headers)
    verifier = body_verifier(verified, combine_headers(stream.headers)[0])
    assert b"".join(verifier.feed(wire)) == body
    assert verifier.finish() == {"x-amz-checksum-crc32": "AAAAAA=="}
    changed = bytearray(wire)
    changed[50_000] ^= 1
    with pytest.raises(Refusal) as refused:
        body_verifier(verified, combine_headers(stream.headers)[0]).feed(bytes(changed))
    assert refused.value.reason is Reason.CHUNK_SIGNATURE_MISMATCH


def test_awscrt_signature_is_verified():
    from awscrt.auth import (
        AwsCredentialsProvider,
        AwsSignatureType,
        AwsSigningAlgorithm,
        AwsSigningConfig,
        aws_sign_request,
    )
    from awscrt.http import HttpHeaders
    from awscrt.http import HttpRequest as CrtRequest

    provider = AwsCredentialsProvider.new_static(
        KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token
    )
    from datetime import UTC, datetime

    message = CrtRequest("GET", "/a%20b?x=1", HttpHeaders([("Host", "example.com")]))
    config = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4_ASYMMETRIC,
        signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=provider,
        region="us-east-1",
        service="service",
        date=datetime.fromtimestamp(NOW, UTC),
    )
    result = aws_sign_request(message, config).result()
    headers, repeated = combine_headers(list(result.headers))
    presented = parse("GET", "/a%20b", "x=1", headers, repeated, dialect=Dialect.QUERY, sigv4a=True)
    assert string_to_sign("x", "t", "s", algorithm="AWS4-ECDSA-P256-SHA256").startswith(
        "AWS4-ECDSA-P256-SHA256\nt\ns\n"
    )
    verify(
        presented,
        lambda _: KEYS.secret_access_key,
        service="service",
        region="us-east-1",
        now=NOW,
        body_sha256=sha256(b"").hexdigest(),
    )
