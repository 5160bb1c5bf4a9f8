"""Each known mistake, made by an independent signer, is found and named; alone and in pairs."""

import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from daypass.sigv4 import Credentials, HttpRequest, Refusal, sign
from daypass.sigv4.diagnosis import diagnose
from daypass.sigv4.diagnosis.mistakes import MISTAKES
from tests.sigv4.reference import Parts, strict_path, strict_query

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN, OTHER_TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE+/=", "IQoJb3JpZ2luX2VjOTHER"
OTHER = {"AKIAOTHER": "another/secret+ofTheSameCaller0123456789"}
NOW = 1_440_938_160.0
STAMP = "20150830T123600Z"
HOST = "api.example.com:8443"
BODY = json.dumps({"b": [1, 2], "a": "é\n"}, ensure_ascii=False).encode()
EMPTY = hashlib.sha256(b"").hexdigest()


class Case:
    """A request as it is sent, and the parts a correct client would sign."""

    def __init__(
        self,
        service: str = "lambda",
        path: str = "/a%20b/c",
        query: str = "b=2&a=x%20y&flag=&a=%2B",
        method: str = "POST",
        body: bytes = BODY,
        headers: tuple[tuple[str, str], ...] = (),
        token: str | None = TOKEN,
        declared: str = "",
    ) -> None:
        self.method, self.path, self.query, self.body = method, path, query, body
        self.service = service
        self.access_key_id = "ASIAEXAMPLE" if token else "AKIAEXAMPLE"
        digest = hashlib.sha256(body).hexdigest()
        self.sent = [
            ("X-Amz-Date", STAMP),
            ("Host", HOST),
            ("Content-Type", "application/json"),
            ("X-Note", "two  blanks"),
            *headers,
        ]
        if token:
            self.sent.append(("X-Amz-Security-Token", token))
        if service == "s3":
            self.sent.append(("X-Amz-Content-SHA256", declared or digest))
        lines = {name.lower(): " ".join(value.split()) for name, value in self.sent}
        self.right = Parts(
            method,
            strict_path(path, service),
            strict_query(query),
            sorted(lines.items()),
            declared or digest,
            STAMP,
            "eu-central-1",
            service,
            SECRET,
        )
        self.listed = ";".join(sorted(lines))

    def request(self, change: Callable[[Parts], None]) -> HttpRequest:
        """The request with the signature that the changed parts give."""
        self.listed = self.right.names or self.listed
        change(self.right)
        listed = self.right.extra.get("listed", self.listed)
        scope = f"20150830/eu-central-1/{self.service}/aws4_request"
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key_id}/{scope}, "
            f"SignedHeaders={listed}, Signature={self.right.signature()}"
        )
        target = self.path + (f"?{self.query}" if self.query else "")
        return HttpRequest(
            self.method,
            f"https://{HOST}{target}",
            [*self.sent, ("Authorization", authorization)],
            self.body,
        )


def look(request: HttpRequest, **options):
    return diagnose(
        request, SECRET, now=NOW, other_secrets=OTHER, other_tokens=[OTHER_TOKEN], **options
    )


def line(parts: Parts, name: str, value: str) -> None:
    parts.lines = [(known, value if known == name else old) for known, old in parts.lines]


def drop(parts: Parts, name: str) -> None:
    parts.lines = [known for known in parts.lines if known[0] != name]


def add(parts: Parts, name: str, value: str) -> None:
    parts.lines = sorted([*parts.lines, (name, value)])


def put(**values: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        for name, value in values.items():
            setattr(parts, name, value)

    return change


def hashed(body: bytes) -> Callable[[Parts], None]:
    return put(payload=hashlib.sha256(body).hexdigest())


def not_listed(name: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        listed = [known for known, _ in parts.lines if known != name]
        parts.extra["listed"] = parts.names = ";".join(listed)

    return change


def left_out(name: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts.names = ";".join(known for known, _ in parts.lines)
        drop(parts, name)

    return change


def unsigned_token(parts: Parts) -> None:
    drop(parts, "x-amz-security-token")
    parts.extra["listed"] = ";".join(name for name, _ in parts.lines)


def lambda_case(**options) -> Case:
    return Case(**options)


S3 = {"service": "s3", "path": "/b/k=1/x%20y"}
MADE: list[tuple[str, dict, Callable[[Parts], None]]] = [
    ("host-port", {}, lambda p: line(p, "host", "api.example.com")),
    ("host-port", {}, lambda p: line(p, "host", "api.example.com:443")),
    (
        "host-forwarded",
        {"headers": (("X-Forwarded-Host", "public.example.com"),)},
        lambda p: (
            drop(p, "x-forwarded-host"),
            line(p, "host", "public.example.com"),
            p.extra.update(listed=";".join(n for n, _ in p.lines)),
        ),
    ),
    ("host-spelling", {}, lambda p: line(p, "host", HOST + ".")),
    ("path-encoded-once", {}, put(path="/a%20b/c")),
    ("path-not-encoded", {}, put(path="/a b/c")),
    ("path-encoded-twice", S3, lambda p: setattr(p, "path", quote(p.path, safe="/-_.~"))),
    ("path-signed-as-sent", S3, put(path="/b/k=1/x%20y")),
    ("path-not-encoded", S3, put(path="/b/k=1/x y")),
    ("path-segments", {"path": "/a/./b//../c"}, put(path="/a/./b//../c")),
    ("path-segments", {"service": "s3", "path": "/a//b/../c"}, put(path="/a/c")),
    ("path-slash", {"path": "/a/"}, put(path="/a")),
    ("path-absolute", {}, put(path=f"https://{HOST}/a%20b/c")),
    (
        "path-with-query",
        {"path": "/p"},
        put(path="/p?b=2&a=x%20y&flag=&a=%2B", query=""),
    ),
    ("query-not-sorted", {}, put(query="b=2&a=x%20y&flag=&a=%2B")),
    ("query-plus", {}, put(query="a=%2B&a=x+y&b=2&flag=")),
    ("query-plus", {"query": "a=x+y"}, put(query="a=x%2By")),
    ("query-plus", {"query": "a=x+y"}, put(query="a=x+y")),
    ("query-bare-name", {}, put(query="a=%2B&a=x%20y&b=2&flag")),
    ("query-bare-name", {}, put(query="a=%2B&a=x%20y&b=2")),
    ("query-signed-as-sent", {"query": "t=a:b&u=%2f"}, put(query="t=a:b&u=%2f")),
    ("query-not-encoded", {}, put(query="a=+&a=x y&b=2&flag=")),
    ("query-encoded-twice", {}, put(query="a=%252B&a=x%2520y&b=2&flag=")),
    ("query-left-out", {}, put(query="")),
    ("header-blanks", {}, lambda p: line(p, "x-note", "two  blanks")),
    (
        "header-order",
        {},
        lambda p: (setattr(p, "names", ";".join(n for n, _ in p.lines)), p.lines.reverse()),
    ),
    ("header-signed-but-not-listed", {}, not_listed("content-type")),
    ("header-listed-but-not-signed", {}, left_out("x-note")),
    (
        "content-type-changed",
        {},
        lambda p: line(p, "content-type", "application/json; charset=utf-8"),
    ),
    ("blank-line-missing", {}, put(gap="")),
    ("token-left-out", {}, left_out("x-amz-security-token")),
    ("token-left-out", {}, lambda p: drop(p, "x-amz-security-token")),
    ("token-not-listed", {}, not_listed("x-amz-security-token")),
    ("token-of-another-session", {}, lambda p: line(p, "x-amz-security-token", OTHER_TOKEN)),
    ("body-newline", {}, hashed(BODY + b"\n")),
    ("body-newline", {"body": b"text\n"}, hashed(b"text")),
    ("body-line-ends", {"body": b"one\ntwo"}, hashed(b"one\r\ntwo")),
    ("body-json", {}, hashed(json.dumps(json.loads(BODY)).encode())),
    (
        "body-json",
        {},
        hashed(json.dumps(json.loads(BODY), separators=(",", ":"), sort_keys=True).encode()),
    ),
    ("body-empty", {}, put(payload=EMPTY)),
    ("body-unsigned", {}, put(payload="UNSIGNED-PAYLOAD")),
    (
        "body-hash-differs-from-header",
        {**S3, "declared": "UNSIGNED-PAYLOAD"},
        hashed(BODY),
    ),
    ("body-not-hashed", {"body": b"text"}, put(payload="text")),
    ("body-not-hashed", {}, lambda p: setattr(p, "payload", p.payload.upper())),
    ("region", {}, put(key_region="us-east-1")),
    (
        "region",
        {},
        put(key_region="ap-southeast-4", scope="20150830/ap-southeast-4/lambda/aws4_request"),
    ),
    ("service", {}, put(key_service="execute-api")),
    ("date", {}, put(key_date="20150831")),
    ("local-time", {}, lambda p: setattr(p, "stamp", "20150830T143600Z")),
    (
        "date-header",
        {"headers": (("Date", "Sun, 30 Aug 2015 12:36:00 GMT"),)},
        put(
            scope="20150830/eu-central-1/lambda/aws4_request",
            key_date="20150830",
            stamp="Sun, 30 Aug 2015 12:36:00 GMT",
        ),
    ),
    ("secret-spelling", {}, put(secret=SECRET + "\n")),
    ("secret-spelling", {}, put(secret=f'"{SECRET}"')),
    ("secret-spelling", {}, put(secret=SECRET.replace("+", " "))),
    ("secret-of-another-key", {}, put(secret=OTHER["AKIAOTHER"])),
    ("secret-without-prefix", {}, put(prefix="")),
    ("method", {"method": "GET", "body": b""}, put(method="POST")),
    ("method-case", {}, put(method="post")),
]


@pytest.mark.parametrize(("name", "options", "change"), MADE, ids=[made[0] for made in MADE])
def test_mistake_is_named(name, options, change):
    diagnosis = look(Case(**options).request(change))
    assert diagnosis.matched
    assert [
        finding.name for finding in diagnosis.findings if finding.name != "headers-not-signed"
    ] == [name]


def test_every_mistake_has_a_test():
    assert {mistake.name for mistake in MISTAKES} == {made[0] for made in MADE}
    assert len(MISTAKES) >= 25


PAIRS: list[tuple[set[str], dict, list[Callable[[Parts], None]]]] = [
    (
        {"host-port", "path-encoded-once"},
        {},
        [lambda p: line(p, "host", "api.example.com"), put(path="/a%20b/c")],
    ),
    (
        {"query-not-sorted", "body-newline"},
        {},
        [put(query="b=2&a=x%20y&flag=&a=%2B"), hashed(BODY + b"\n")],
    ),
    (
        {"host-port", "secret-spelling"},
        {},
        [lambda p: line(p, "host", "api.example.com"), put(secret=SECRET + "\n")],
    ),
    ({"path-encoded-once", "region"}, {}, [put(path="/a%20b/c"), put(key_region="us-east-1")]),
    (
        {"header-blanks", "token-left-out"},
        {},
        [lambda p: line(p, "x-note", "two  blanks"), left_out("x-amz-security-token")],
    ),
    ({"body-empty", "local-time"}, {}, [put(payload=EMPTY), put(stamp="20150830T133600Z")]),
    ({"query-plus", "method"}, {"query": "a=x+y"}, [put(query="a=x%2By"), put(method="GET")]),
    (
        {"content-type-changed", "body-json"},
        {},
        [
            lambda p: line(p, "content-type", "application/json;charset=UTF-8"),
            hashed(json.dumps(json.loads(BODY)).encode()),
        ],
    ),
]


@pytest.mark.parametrize(
    ("names", "options", "changes"), PAIRS, ids=["+".join(sorted(p[0])) for p in PAIRS]
)
def test_two_mistakes_are_named(names, options, changes):
    def both(parts: Parts) -> None:
        for change in changes:
            change(parts)

    diagnosis = look(Case(**options).request(both))
    assert diagnosis.matched
    assert {finding.name for finding in diagnosis.findings} == names


def test_right_signature_has_nothing_to_find():
    diagnosis = look(Case().request(lambda _: None))
    assert diagnosis.matched
    assert diagnosis.findings == ()
    assert diagnosis.sentence() == "The signature matches."


@pytest.mark.parametrize("size", [10, 2_000_000])
@pytest.mark.parametrize("service", ["lambda", "s3"])
def test_body_may_be_large_or_only_its_hash_at_hand(service, size):
    body = b"x" * size
    case = Case(service, body=body)
    for given in (body, hashlib.sha256(body).hexdigest()):
        request = case.request(lambda _: None)._replace(body=given)
        assert diagnose(request, SECRET, now=NOW).sentence() == "The signature matches."


def test_wrong_secret_is_not_explained():
    diagnosis = look(Case().request(put(secret="something else")))
    assert not diagnosis.matched
    assert "known mistakes" in diagnosis.sentence()


def test_comparison_shows_the_line_that_differs():
    diagnosis = look(Case().request(put(path="/a%20b/c")))
    assert "- /a%2520b/c\n+ /a%20b/c\n" in diagnosis.comparison()


def test_temporary_key_without_token():
    case = Case(token=None)
    case.access_key_id = "ASIAEXAMPLE"
    diagnosis = look(case.request(lambda _: None))
    assert [finding.name for finding in diagnosis.findings] == ["token-missing"]


def test_clock_and_scope_are_found_beside_a_matching_signature():
    request = Case().request(lambda _: None)
    late = diagnose(request, SECRET, now=NOW + 3600, service="s3", region="us-east-1")
    assert {finding.name for finding in late.findings} >= {"scope-region", "scope-service"}
    local = diagnose(request, SECRET, now=NOW + 7200)
    assert [finding.name for finding in local.findings] == ["clock-local-time"]
    slow = diagnose(request, SECRET, now=NOW + 100_000)
    assert [finding.name for finding in slow.findings] == ["clock"]


def test_declared_hash_of_another_body_is_found():
    case = Case(service="s3", declared=EMPTY)
    diagnosis = look(case.request(lambda _: None))
    assert [finding.name for finding in diagnosis.findings] == ["content-sha256"]


def test_unsigned_header_is_named():
    case = Case()
    request = case.request(lambda _: None)
    more = HttpRequest(
        request.method, request.url, [*request.headers, ("X-Amz-Acl", "private")], request.body
    )
    assert "x-amz-acl" in look(more).sentence()


def test_presigned_url_with_the_token_left_out():
    from daypass.sigv4 import presign

    keys = Credentials("ASIAEXAMPLE", SECRET, TOKEN)
    url = presign(
        HttpRequest("GET", "https://b.s3.amazonaws.com/k"),
        keys,
        service="s3",
        region="us-east-1",
        now=NOW,
        unsigned_session_token=True,
    )
    diagnosis = diagnose(HttpRequest("GET", url), SECRET, now=NOW)
    assert [finding.name for finding in diagnosis.findings] == ["token-left-out"]


def test_request_without_readable_authentication_is_refused():
    with pytest.raises(Refusal):
        diagnose(HttpRequest("GET", "https://h/", [("Authorization", "Basic abc")]), SECRET)
    with pytest.raises(Refusal):
        diagnose(HttpRequest("GET", "https://h/"), SECRET)


def test_secrets_and_tokens_are_in_no_representation():
    headers = sign(
        HttpRequest("GET", "https://h/"),
        Credentials("AKIAX", SECRET),
        service="lambda",
        region="us-east-1",
        now=NOW,
    )
    diagnosis = look(HttpRequest("GET", "https://h/", headers))
    assert SECRET not in repr(diagnosis)
    assert OTHER_TOKEN not in repr(diagnosis)
