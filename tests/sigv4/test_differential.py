"""Requests made at random, signed by botocore, awscrt and the plain reference, and by us.

Where they agree with AWS's rules, so must we, both ways: our signatures are theirs, and theirs
verify. Where they differ from one another, the difference is written down here.
"""

from datetime import UTC, datetime
from hashlib import sha256
from unittest import mock
from urllib.parse import quote

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders
from awscrt.http import HttpRequest as CrtRequest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.protocol.message import combine_headers
from daypass.sigv4 import Credentials, Dialect, HttpRequest, parse, presign, sign, verify
from tests.sigv4.reference import Parts, strict_path, strict_query, strict_value

KEYS = Credentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "tok/+=")
NOW = 1_440_938_160
DATE = datetime.fromtimestamp(NOW, UTC)
STAMP = "20150830T123600Z"
CRT_PROVIDER = AwsCredentialsProvider.new_static(
    KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token
)

text = st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=8)
encoded = text.map(lambda value: quote(value, safe=""))
segment = st.one_of(
    encoded, st.sampled_from(["a", "b:c", "a=b", "!$'()*,@", "%7E", "%2F", "x%20y"])
)
path = st.lists(segment, max_size=4).map(lambda parts: "/" + "/".join(parts))
pair = st.tuples(
    encoded, st.one_of(st.none(), encoded, st.sampled_from(["a:b", "a=b", "%7e", "*"]))
)
query = st.lists(pair, max_size=4).map(
    lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs)
)
value = st.text("ab \tA09-\"',;=/()é", max_size=12)
header = st.tuples(st.sampled_from(["X-One", "x-two", "X-Amz-Meta-A", "Content-Type"]), value)
headers = st.lists(header, max_size=4, unique_by=lambda pair: pair[0].lower())
body = st.binary(max_size=40)
method = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
service = st.sampled_from(["s3", "lambda", "execute-api"])
request = st.builds(
    lambda m, p, q, h, b: HttpRequest(m, f"https://example.com:8443{p}{'?' if q else ''}{q}", h, b),
    method,
    path,
    query,
    headers,
    body,
)


def ours(made: HttpRequest, name: str) -> dict[str, str]:
    signed = sign(made, KEYS, service=name, region="eu-central-1", now=NOW)
    return {known.lower(): given for known, given in signed}


def check(made: HttpRequest, name: str, fields: list[tuple[str, str]]) -> None:
    rest = made.url.removeprefix("https://example.com:8443")
    wire_path, _, wire_query = rest.partition("?")
    # The wire has bytes, which a server reads as latin-1.
    wire = [(known, given.encode().decode("latin-1")) for known, given in fields]
    dialect = Dialect.S3 if name == "s3" else Dialect.JSON
    presented = parse(made.method, wire_path, wire_query, *combine_headers(wire), dialect=dialect)
    verify(
        presented,
        lambda _: KEYS.secret_access_key,
        service=name,
        region="eu-central-1",
        now=NOW,
        body_sha256=sha256(made.body).hexdigest(),
    )


@settings(max_examples=300, deadline=None)
@given(request, service)
def test_reference_agrees_and_the_verifier_accepts(made, name):
    signed = ours(made, name)
    listed = signed["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    rest = made.url.removeprefix("https://example.com:8443")
    wire_path, _, wire_query = rest.partition("?")
    parts = Parts(
        made.method,
        strict_path(wire_path, name),
        strict_query(wire_query),
        [(known, strict_value([signed[known]]).encode().decode("latin-1")) for known in listed],
        sha256(made.body).hexdigest(),
        STAMP,
        "eu-central-1",
        name,
        KEYS.secret_access_key,
    )
    assert signed["authorization"].endswith(parts.signature())
    check(made, name, list(signed.items()))


@settings(max_examples=200, deadline=None)
@given(request, service)
def test_presigned_url_is_verified(made, name):
    bare = HttpRequest(made.method, made.url)
    url = presign(bare, KEYS, service=name, region="eu-central-1", now=NOW)
    signed = HttpRequest(made.method, url, (), b"")
    check(signed, name, [("Host", "example.com:8443")])


clean_pair = st.tuples(encoded.filter(bool), encoded)
clean = st.builds(
    lambda m, p, q, h, b: HttpRequest(
        m,
        "https://example.com:8443/"
        + "/".join(p)
        + ("?" if q else "")
        + "&".join(f"{name}={given}" for name, given in q),
        h,
        b,
    ),
    method,
    st.lists(encoded.filter(lambda part: part not in ("", ".", "..")), max_size=3),
    st.lists(clean_pair, max_size=4),
    headers,
    body,
)


@settings(max_examples=200, deadline=None)
@given(clean, service)
def test_botocore_agrees(made, name):
    kind = S3SigV4Auth if name == "s3" else SigV4Auth
    keys = BotocoreCredentials(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token)
    message = AWSRequest(made.method, made.url, HTTPHeaders(), made.body)
    for known, given_value in made.headers:
        message.headers[known] = given_value
    with mock.patch("botocore.auth.get_current_datetime", return_value=DATE):
        kind(keys, name, "eu-central-1").add_auth(message)
    assert message.headers["X-Amz-Date"] == STAMP
    theirs = message.headers["Authorization"]
    assert ours(made, name)["authorization"] == theirs


def by_awscrt(made: HttpRequest, name: str) -> list[tuple[str, str]]:
    rest = made.url.removeprefix("https://example.com:8443")
    message = CrtRequest(
        made.method, rest, HttpHeaders([("Host", "example.com:8443"), *made.headers])
    )
    config = AwsSigningConfig(
        signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
        service=name,
        region="eu-central-1",
        credentials_provider=CRT_PROVIDER,
        date=DATE,
        use_double_uri_encode=name != "s3",
        should_normalize_uri_path=name != "s3",
        signed_body_value=sha256(made.body).hexdigest(),
        signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
        if name == "s3"
        else AwsSignedBodyHeaderType.NONE,
    )
    return list(aws_sign_request(message, config).result().headers)


@settings(max_examples=200, deadline=None)
@given(clean, service)
def test_awscrt_agrees(made, name):
    theirs = by_awscrt(made, name)
    assert ours(made, name)["authorization"] == dict(theirs)["Authorization"]
    check(made, name, theirs)


DIFFERENCES = [
    # service, target, what awscrt signs, what botocore signs; AWS's rule is ours
    ("lambda", "/?a=b+c", False, False),
    ("lambda", "/?a=b:c", True, False),
    ("lambda", "/?a=b%2fc", True, False),
    ("lambda", "/?a=%7E", True, False),
    ("lambda", "/?a=b=c", True, False),
    ("lambda", "/?b=1&a=2", True, True),
    ("lambda", "/?a", True, True),
    ("lambda", "/?a=b&&c=d", True, False),
    ("lambda", "/a%20b", True, True),
    ("lambda", "/a/./b//../c", True, True),
    ("s3", "/a:b", False, False),
    ("s3", "/a=b@c", False, False),
    ("s3", "/a%2Fb", True, True),
    ("s3", "/%7Ea", False, False),
    ("s3", "/a//b/../c/", True, True),
]


def test_documented_differences():
    for name, target, awscrt_agrees, botocore_agrees in DIFFERENCES:
        made = HttpRequest("GET", "https://example.com:8443" + target, (), b"")
        mine = ours(made, name)["authorization"]
        assert (dict(by_awscrt(made, name))["Authorization"] == mine) == awscrt_agrees, target
        kind = S3SigV4Auth if name == "s3" else SigV4Auth
        keys = BotocoreCredentials(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token)
        message = AWSRequest(made.method, made.url, {}, made.body)
        with mock.patch("botocore.auth.get_current_datetime", return_value=DATE):
            kind(keys, name, "eu-central-1").add_auth(message)
        assert (message.headers["Authorization"] == mine) == botocore_agrees, target
