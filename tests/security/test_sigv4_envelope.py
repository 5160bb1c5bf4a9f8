"""Attacks on the signature's envelope: who signed, when, for what, and whether all is covered."""

import hmac
import re

import pytest

from daypass.sigv4 import Dialect, PayloadMode, Reason, Refusal, Verified, parse
from tests.sigv4.signed import KEYS, NOW, SESSION, Signed, presigned, signed

STREAM = PayloadMode.UNSIGNED_CHUNKS_TRAILER.value


def test_untampered_requests_are_accepted():
    for request in (signed(), signed("sts"), signed("lambda"), presigned(), presigned("sts")):
        assert request.verify().access_key_id == KEYS.access_key_id


# -- 1 to 4: unsigned streaming is no way around the signature -----------------------------------


def test_credential_in_the_query_with_a_bogus_signature_and_unsigned_trailer():
    request = presigned(method="PUT", headers=(("x-amz-content-sha256", STREAM),))
    bogus = request.change(query=request.query[:-64] + "0" * 64)
    assert bogus.reason() is Reason.SIGNATURE_MISMATCH
    assert bogus.status() == 403


def test_unsigned_trailer_with_a_wrong_signature():
    request = signed(body=STREAM)
    assert request.verify().payload.mode is PayloadMode.UNSIGNED_CHUNKS_TRAILER
    wrong = request.put("Authorization", request.get("authorization")[:-64] + "0" * 64)
    assert wrong.reason() is Reason.SIGNATURE_MISMATCH


@pytest.mark.parametrize("mode", [mode.value for mode in PayloadMode if mode.value != "SHA256"])
def test_every_payload_mode_needs_the_right_signature(mode):
    request = signed(body=mode)
    broken = request.put("Authorization", request.get("authorization")[:-64] + "0" * 64)
    assert broken.reason() is Reason.SIGNATURE_MISMATCH


# -- 5 to 8: one mechanism, one value ------------------------------------------------------------


@pytest.mark.parametrize("other", [KEYS, SESSION])
def test_header_and_query_authentication_together(other):
    query = presigned(keys=other).query
    both = signed(method="GET", target=f"/bucket/key?{query}", body=b"")
    assert both.reason() is Reason.MULTIPLE_MECHANISMS
    assert both.status() == 400


@pytest.mark.parametrize(
    "parameter",
    ["X-Amz-Signature=0", "X-Amz-Algorithm=x", "x-amz-credential=a", "%58-amz-expires=1"],
)
def test_header_authentication_with_a_part_of_query_authentication(parameter):
    request = signed()
    joined = request.change(query=f"{request.query}&{parameter}")
    assert joined.status() == 400


def test_two_authorization_headers():
    request = signed()
    twice = request.add(("authorization", request.get("authorization")))
    assert twice.reason() is Reason.REPEATED_PARAMETER
    assert twice.status() == 400


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "Basic YTpi",
        "Bearer token",
        "AWS id:sig",
        "AWS4-HMAC-SHA256 Credential",
        "aws4-hmac-sha256 Credential=a/b/c/d/aws4_request",
        "AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0",
        "\x00",
        "é" * 100,
    ],
)
@pytest.mark.parametrize("service", ["s3", "sts", "lambda"])
def test_unreadable_authorization_is_never_anonymous(service, value):
    request = signed(service).put("Authorization", value)
    assert request.status() == 400
    query = presigned(service).change(fields=(("Host", "example.com"), ("Authorization", value)))
    assert query.status() == 400


@pytest.mark.parametrize(
    "name",
    [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Security-Token",
    ],
)
@pytest.mark.parametrize(
    "spell", [str, str.lower, str.upper, lambda name: name.replace("X", "%58")]
)
def test_query_parameter_twice_in_any_letter_case(name, spell):
    request = presigned(keys=SESSION)
    value = re.search(f"{name}=([^&]*)", request.query)[1]
    for other in (value, "other"):
        twice = request.change(query=f"{request.query}&{spell(name)}={other}")
        assert twice.reason() is Reason.REPEATED_PARAMETER
        first = request.change(query=f"{spell(name)}={other}&{request.query}")
        assert first.status() == 400


@pytest.mark.parametrize(
    "name", ["X-Amz-Date", "X-Amz-Content-SHA256", "Host", "X-Amz-Security-Token"]
)
def test_header_that_authenticates_twice(name):
    request = signed(keys=SESSION)
    twice = request.add((name.lower(), request.get(name)))
    assert twice.reason() is Reason.REPEATED_PARAMETER


# -- 9 to 12: time -------------------------------------------------------------------------------


def test_appended_expires_does_not_lengthen_a_header_signature():
    request = signed()
    longer = request.change(query=request.query + "&Expires=9999999999")
    assert longer.reason() is Reason.SIGNATURE_MISMATCH
    assert longer.reason(now=NOW + 86400) is Reason.SIGNATURE_EXPIRED


@pytest.mark.parametrize(
    "value",
    ["abc", "", "-1", "604801", "1e3", "%2B60", "%D9%A3", "60.5", "0x10", "%2060", "9" * 30],
)
def test_presigned_expires_that_is_no_number_of_seconds(value):
    request = presigned()
    changed = request.change(
        query=request.query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={value}")
    )
    assert changed.reason() in (Reason.MALFORMED_EXPIRES, Reason.MISSING_COMPONENT)
    assert changed.status() == 400


@pytest.mark.parametrize(
    "name",
    [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ],
)
def test_presigned_url_without_one_of_its_parameters(name):
    request = presigned()
    query = "&".join(part for part in request.query.split("&") if not part.startswith(name + "="))
    assert request.change(query=query).reason() is Reason.MISSING_COMPONENT
    assert request.change(query=query).status() == 400


def test_post_dated_presigned_url():
    year = 365 * 86400
    assert presigned(expires=604800, now=NOW + year).reason() is Reason.URL_NOT_YET_VALID
    assert presigned(expires=604800, now=NOW + year).status() == 403


def test_presigned_url_ends_when_it_says():
    assert presigned(expires=60).verify(now=NOW + 60)
    assert presigned(expires=60).reason(now=NOW + 61) is Reason.URL_EXPIRED


@pytest.mark.parametrize("off", [-86400, -901, 901, 86400])
@pytest.mark.parametrize("service", ["s3", "sts", "lambda"])
def test_header_request_outside_fifteen_minutes(service, off):
    error = (
        signed(service)
        .refusal(now=NOW + off)
        .error({"s3": Dialect.S3, "sts": Dialect.QUERY, "lambda": Dialect.JSON}[service])
    )
    assert error.status == 403
    assert (
        error.code
        == {
            "s3": "RequestTimeTooSkewed",
            "sts": "SignatureDoesNotMatch",
            "lambda": "InvalidSignatureException",
        }[service]
    )


def test_fifteen_minutes_are_allowed():
    assert signed().verify(now=NOW + 900)
    assert signed().verify(now=NOW - 900)


# -- 13 to 15: scope -----------------------------------------------------------------------------


def test_key_of_another_day_does_not_sign_for_today():
    """A leaked derived key is good for its day alone."""
    request = signed()
    moved = request.put("X-Amz-Date", "20150831T123600Z")
    assert moved.reason(now=NOW + 86400) is Reason.WRONG_DATE
    assert moved.status(now=NOW + 86400) == 400  # S3's AuthorizationHeaderMalformed
    assert signed("sts").put("X-Amz-Date", "20150831T123600Z").status(now=NOW + 86400) == 403


def test_scope_of_another_region_or_service_or_terminator():
    assert signed(region="us-east-1").reason() is Reason.WRONG_REGION
    assert signed("s3").reason(service="sts") is Reason.WRONG_SERVICE
    wrong = signed().authorize("aws4_request", "aws4_requestX")
    assert wrong.reason() is Reason.WRONG_TERMINATOR
    assert signed("sts").authorize("aws4_request", "aws4_reques").status() == 403


def test_presigned_caller_identity_is_no_login_elsewhere():
    login = presigned("sts", target="/?Action=GetCallerIdentity&Version=2011-06-15")
    assert login.verify()
    elsewhere = login.change(service="s3")
    assert elsewhere.reason() is Reason.WRONG_SERVICE
    assert (
        login.change(fields=(("Host", "evil.example.com"),)).reason() is Reason.SIGNATURE_MISMATCH
    )
    assert login.change(path="/other").reason() is Reason.SIGNATURE_MISMATCH
    assert presigned("s3").change(service="sts").reason() is Reason.WRONG_SERVICE


# -- 16 to 21: what is covered -------------------------------------------------------------------


def test_host_must_be_signed():
    request = signed().authorize("host;", "")
    assert request.reason() is Reason.HOST_NOT_SIGNED
    assert request.status() == 403
    query = presigned().change(
        query=presigned().query.replace("SignedHeaders=host", "SignedHeaders=date")
    )
    assert query.reason() is Reason.HOST_NOT_SIGNED


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-acl",
        "X-Amz-Copy-Source",
        "x-amz-meta-owner",
        "x-amz-tagging",
        "x-amz-object-lock-mode",
        "X-AMZ-Security-Token",
        "x-amz-",
        "x-amz-target",
    ],
)
def test_unsigned_amazon_header(name):
    added = signed().add((name, "value"))
    assert added.reason() is Reason.HEADERS_NOT_SIGNED
    error = added.refusal().error(Dialect.S3)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.fields["HeadersNotSigned"] == name.lower()
    assert signed("sts").add((name, "value")).status() == 403
    if "Token" not in name:
        assert presigned().add((name, "value")).reason() is Reason.HEADERS_NOT_SIGNED


def test_strangers_leave_nothing_in_memory():
    from daypass.sigv4 import envelope

    envelope._envelopes.clear()
    for number in range(50):
        request = signed(headers=((f"x-amz-meta-{number}", "a"),))
        request.reason(lookup=lambda _: None)
        request.reason(lookup=lambda _: "wrong")
    assert not envelope._envelopes
    assert signed().verify()
    assert len(envelope._envelopes) == 1


def test_remembered_envelope_does_not_let_a_later_unsigned_header_pass():
    request = signed()
    for _ in range(3):
        assert request.verify()
    assert request.add(("x-amz-acl", "public-read")).reason() is Reason.HEADERS_NOT_SIGNED
    assert request.verify()


def test_signed_header_that_is_absent():
    request = signed(headers=(("X-Note", "a"),))
    assert request.drop("X-Note").reason() is Reason.SIGNED_HEADER_MISSING
    assert request.drop("X-Note").status() == 403
    as_parameter = request.drop("X-Note").change(query="x=1&x-note=a")
    assert as_parameter.reason() is Reason.SIGNED_HEADER_MISSING


@pytest.mark.parametrize(
    "listed",
    [
        "x-amz-date;host;x-amz-content-sha256",
        "host;host;x-amz-content-sha256;x-amz-date",
        "Host;x-amz-content-sha256;x-amz-date",
        ";host;x-amz-content-sha256;x-amz-date",
        "host;;x-amz-content-sha256;x-amz-date",
        "host;x-amz-content-sha256;x-amz-date;",
        "host x-amz-content-sha256;x-amz-date",
        "hôst",
    ],
)
def test_signed_headers_that_are_no_sorted_list(listed):
    request = signed(body=b"").authorize("host;x-amz-content-sha256;x-amz-date", listed)
    assert request.status() == 400


def test_repeated_header_counts_with_all_its_values():
    request = signed(headers=(("x-amz-meta-a", "one"), ("X-Amz-Meta-A", "two")))
    assert request.verify()
    first, second = [field for field in request.fields if field[0].lower() == "x-amz-meta-a"]
    assert request.drop("x-amz-meta-a").add(second, first).reason() is Reason.SIGNATURE_MISMATCH
    assert request.drop("x-amz-meta-a").add(first).reason() is Reason.SIGNATURE_MISMATCH
    joined = request.drop("x-amz-meta-a").add(("x-amz-meta-a", "one,two"))
    assert joined.verify()  # the same text to a handler, too


@pytest.mark.parametrize("value", ["a\nx-amz-acl:public-read", "a\r\nb", "\n", "a\rb"])
def test_line_break_in_a_signed_header(value):
    request = signed(headers=(("x-amz-meta-a", "a"),)).put("x-amz-meta-a", value)
    assert request.reason() is Reason.MALFORMED_HEADER


def test_line_break_cannot_make_one_header_pose_as_two():
    request = signed(headers=(("x-amz-acl", "private"), ("x-amz-meta-z", "1")))
    merged = request.drop("x-amz-acl").drop("x-amz-content-sha256")
    merged = merged.put("x-amz-acl", "private\nx-amz-content-sha256:" + "0" * 64)
    assert merged.status() in (400, 403)


def test_underscore_is_no_dash():
    request = signed(headers=(("x-amz-meta-a", "one"),))
    renamed = request.drop("x-amz-meta-a").add(("x_amz_meta_a", "one"))
    assert renamed.reason() is Reason.SIGNED_HEADER_MISSING


def test_forwarded_headers_change_nothing():
    request = signed()
    for name in ("X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Port"):
        assert request.add((name, "evil")).verify()
    moved = request.change(path="/key").add(("X-Forwarded-Prefix", "/bucket"))
    assert moved.reason() is Reason.SIGNATURE_MISMATCH


# -- 23 and 24: paths and queries ----------------------------------------------------------------

SAME = {
    "/bucket/a%2Fb": "/bucket/a/b",
    "/bucket/%7Ea": "/bucket/~a",
    "/bucket/a=b": "/bucket/a%3Db",
}
OTHER = [
    "/bucket//key",
    "/bucket/./key",
    "/bucket/../bucket/key",
    "/bucket/%2e%2e/key",
    "/bucket/key/",
    "/bucket/Key",
    "/bucket/ke%79%00",
    "/bucket\\key",
    "/bucket/key%20",
    "/bucket/k%C3%A9y",
    "/bucket%2F%2Fkey",
    "/bucket/%2e/key",
    "/bucket/%252Fkey",
    "/bucket/+key",
]


@pytest.mark.parametrize("path", OTHER)
def test_another_s3_path_is_another_request(path):
    assert signed().change(path=path).reason() is Reason.SIGNATURE_MISMATCH


@pytest.mark.parametrize("path", ["/bucket/%zz", "/bucket/%", "/bucket/%4", "/%2"])
def test_broken_escape_is_refused(path):
    assert signed().change(path=path).status() == 400
    assert signed("sts").change(query="a=" + path).status() == 400


def test_spellings_of_one_key_are_one_request():
    """What is authorised is the decoded key, and it is the same."""
    for signed_path, sent in SAME.items():
        assert signed(target=sent).change(path=signed_path, query="").verify()


def test_double_encoding_is_another_key():
    assert signed(target="/bucket/a%2520b").change(path="/bucket/a%20b", query="").reason() is (
        Reason.SIGNATURE_MISMATCH
    )


@pytest.mark.parametrize(
    ("signed_query", "sent"),
    [
        ("a=1", "a=2"),
        ("a=1", "a=1&b="),
        ("a=1&a=2", "a=1"),
        ("a=%2B", "a=+"),
        ("a=1;b=2", "a=1&b=2"),
        ("acl", "acl=x"),
        ("a=1", "A=1"),
        ("a=b%26c", "a=b&c"),
        ("a=b%3Dc", "a%3Db=c"),
        ("", "acl"),
    ],
)
def test_another_query_is_another_request(signed_query, sent):
    request = signed(target=f"/bucket/key?{signed_query}" if signed_query else "/bucket/key")
    assert request.change(query=sent).reason() is Reason.SIGNATURE_MISMATCH


@pytest.mark.parametrize(
    ("signed_query", "sent"),
    [
        ("a=1&b=2", "b=2&a=1"),
        ("a=%20", "a=+"),
        ("acl", "acl="),
        ("a=%2f", "a=%2F"),
        ("a=~", "a=%7e"),
        ("a=1", "a=1&"),
        ("a=1&a=2", "a=2&a=1"),
    ],
)
def test_spellings_of_one_query_are_one_request(signed_query, sent):
    request = signed(target=f"/bucket/key?{signed_query}").change(query=sent)
    assert request.verify()


# -- 25 to 28: malformed, and what a comparison gives away ---------------------------------------


@pytest.mark.parametrize(
    "credential",
    [
        "é/20150830/eu-central-1/s3/aws4_request",
        "a/b/20150830/eu-central-1/s3/aws4_request",
        "/20150830/eu-central-1/s3/aws4_request",
        "A" * 200 + "/20150830/eu-central-1/s3/aws4_request",
        "AKIA/20150830/s3/aws4_request",
        "AKIA",
        "AKIA////",
        "AKIA\x00/20150830/eu-central-1/s3/aws4_request",
    ],
)
def test_malformed_credential(credential):
    request = signed()
    old = re.search("Credential=([^,]*)", request.get("authorization"))[1]
    refusal = request.authorize(old, credential).refusal()
    assert refusal.error(Dialect.S3).status == 400
    assert len(str(refusal)) < 2000


def test_megabyte_of_authorization():
    refusal = (
        signed().put("Authorization", "AWS4-HMAC-SHA256 " + "Credential=a," * 80_000).refusal()
    )
    assert refusal.error(Dialect.S3).status == 400
    assert len(str(refusal)) < 2000
    refusal = signed().put("Authorization", "x" * 1_000_000).refusal()
    assert len(str(refusal)) < 2000


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-1],
        lambda s: s + "0",
        lambda s: s.upper(),
        lambda s: s[:-2] + "zz",
        lambda s: "0",
        lambda s: "é" * 64,
        lambda s: s[:32] + "_" + s[33:],
        lambda s: "\ud800" * 64,
    ],
)
def test_signature_of_another_form(change):
    request = signed()
    value = request.get("authorization")
    good = value[-64:]
    assert (
        request.put("Authorization", value[:-64] + change(good)).reason()
        is Reason.SIGNATURE_MISMATCH
    )
    query = presigned()
    if change(good).isascii():
        broken = query.change(query=query.query[:-64] + change(query.query[-64:]))
        assert broken.reason() is Reason.SIGNATURE_MISMATCH


def test_signatures_are_compared_in_constant_time(monkeypatch):
    calls = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: calls.append((a, b)) or compare(a, b))
    signed().verify()
    assert len(calls) == 1


def test_unknown_key_costs_the_same_work_as_a_wrong_one(monkeypatch):
    from daypass.sigv4.keys import MacKey

    request = signed()
    done: list[bytes] = []
    work = MacKey.sign
    monkeypatch.setattr(MacKey, "sign", lambda self, text: done.append(text) or work(self, text))
    assert request.reason(lookup=lambda _: None) is Reason.UNKNOWN_ACCESS_KEY
    unknown = list(done)
    done.clear()
    assert request.reason(lookup=lambda _: "wrong") is Reason.SIGNATURE_MISMATCH
    assert len(unknown) == 1
    assert done[0] == unknown[0]


def test_lookup_is_asked_only_for_what_is_in_scope_and_in_time():
    def never(_):
        raise AssertionError("looked up")

    assert signed().reason(now=NOW + 5000, lookup=never) is Reason.SIGNATURE_EXPIRED
    assert signed(region="us-east-1").reason(lookup=never) is Reason.WRONG_REGION


# -- presigned requests as they are meant (44, 45) and the proof itself --------------------------


def test_presigned_url_is_for_its_method_and_query_alone():
    request = presigned()
    for method in ("PUT", "DELETE", "HEAD", "POST", "get"):
        assert request.change(method=method).reason() is Reason.SIGNATURE_MISMATCH
    for more in ("response-content-type=text/html", "versionId=1", "acl", "x-id=GetObject"):
        assert request.change(query=f"{request.query}&{more}").reason() is Reason.SIGNATURE_MISMATCH


def test_refusal_of_the_lookup_reaches_the_caller():
    """A session that ended ends its presigned URLs."""

    def expired(_):
        raise Refusal(Reason.EXPIRED_TOKEN)

    request = presigned(keys=SESSION)
    assert request.reason(lookup=expired) is Reason.EXPIRED_TOKEN
    assert request.refusal(lookup=expired).error(Dialect.S3).code == "ExpiredToken"


def test_token_of_the_query_is_what_the_lookup_sees():
    seen = []
    request = presigned(keys=SESSION)
    request.verify(lookup=lambda p: seen.append(p.session_token) or SESSION.secret_access_key)
    assert seen == ["session-token"]
    assert request.add(("x-amz-security-token", "other")).reason() is Reason.MULTIPLE_MECHANISMS
    changed = request.change(query=request.query.replace("session-token", "session-tokem"))
    assert changed.reason() is Reason.SIGNATURE_MISMATCH


def test_empty_token_is_refused():
    request = signed(keys=SESSION)
    assert request.put("X-Amz-Security-Token", "").reason() is Reason.INVALID_TOKEN
    query = presigned(keys=SESSION)
    empty = query.change(query=query.query.replace("session-token", ""))
    assert empty.reason() is Reason.INVALID_TOKEN


def test_no_proof_without_verification():
    with pytest.raises(TypeError):
        Verified()
    with pytest.raises(TypeError):

        class Forged(Verified):
            pass

    import copy
    import pickle

    proof = signed().verify()
    with pytest.raises(TypeError):
        copy.copy(proof)
    with pytest.raises(TypeError):
        pickle.dumps(proof)


def test_request_without_authentication_is_anonymous():
    assert parse("GET", "/", "a=b%20c", {"host": "h"}, frozenset(), dialect=Dialect.S3) is None


def test_signature_version_2_is_refused_where_it_was_once_taken():
    request = Signed(
        "GET", "/b/k", "AWSAccessKeyId=AKIA&Signature=x&Expires=1", (("Host", "h"),), b"", "s3"
    )
    assert request.reason() is Reason.UNSUPPORTED_ALGORITHM
    assert request.change(service="sts").status() == 400


def test_nothing_secret_in_what_is_logged():
    refusal = signed(keys=SESSION).refusal(lookup=lambda _: "wrong")
    for text in (
        str(refusal),
        repr(refusal),
        repr(signed(keys=SESSION).verify()),
        repr(signed(keys=SESSION).present()),
        repr(SESSION),
    ):
        assert "session-token" not in text
        assert SESSION.secret_access_key not in text
