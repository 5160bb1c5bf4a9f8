"""The name server of a view, asked in RFC 1035's own words."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.network.names import ADDRESS, answer, question_of

A, AAAA, MX = 1, 28, 15
HEAD = bytes.fromhex("123401000001000000000000")


def query(name: str, kind: int = A, family: int = 1, head: bytes = HEAD) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return head + labels + b"\0" + kind.to_bytes(2, "big") + family.to_bytes(2, "big")


def said(name: str, kind: int = A) -> tuple[int, list[bytes]]:
    """The code of the answer, and the data of its records."""
    asked = query(name, kind)
    message = answer(asked)
    assert message is not None
    assert message[:2] == asked[:2], "it has the identifier of the query"
    flags, questions, answers = (int.from_bytes(message[at : at + 2], "big") for at in (2, 4, 6))
    assert flags & 0x8000, "it is a response"
    assert flags & 0x0100, "recursion was desired"
    assert questions == 1
    assert message[12:].startswith(asked[12:]), "it repeats the question"
    rest = message[len(asked) :]
    records = []
    for _ in range(answers):
        assert rest[:2] == b"\xc0\x0c", "the name of the question"
        assert rest[2:6] == kind.to_bytes(2, "big") + b"\0\x01"
        length = int.from_bytes(rest[10:12], "big")
        records.append(rest[12 : 12 + length])
        rest = rest[12 + length :]
    assert rest == b""
    return flags & 0xF, records


@pytest.mark.parametrize(
    "name",
    [
        "sts.us-east-1.amazonaws.com",
        "STS.Amazonaws.Com",
        "my.dotted.bucket.s3.eu-central-1.amazonaws.com",
        "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
        "lambda.ap-southeast-2.api.aws",
    ],
)
def test_every_name_of_aws_leads_to_one_address(name: str) -> None:
    assert said(name) == (0, [ipaddress.IPv4Address(ADDRESS).packed])


def test_a_name_without_such_a_record_exists_all_the_same() -> None:
    assert said("iam.amazonaws.com", AAAA) == (0, [])
    assert said("iam.amazonaws.com", MX) == (0, [])


def test_names_of_loopback_lead_there() -> None:
    assert said("localhost") == (0, [b"\x7f\0\0\x01"])
    assert said("bucket.s3.localhost") == (0, [b"\x7f\0\0\x01"])
    assert said("localhost", AAAA) == (0, [b"\0" * 15 + b"\x01"])


@pytest.mark.parametrize(
    "name",
    ["example.com", "amazonaws.com.example.com", "notamazonaws.com", "aws", "amazonaws.com.cn"],
)
def test_no_other_name_exists(name: str) -> None:
    assert said(name) == (3, [])


def test_what_a_client_adds_for_extended_dns_is_no_hindrance() -> None:
    option = b"\0" + bytes.fromhex("00291000000000000000")
    head = HEAD[:10] + b"\0\x01"
    plain = answer(query("sts.amazonaws.com"))
    assert answer(query("sts.amazonaws.com", head=head) + option) == plain


def test_what_is_no_query_is_refused_or_left_unanswered() -> None:
    assert answer(b"") is None
    assert answer(HEAD[:11]) is None
    assert answer(query("sts.amazonaws.com", head=b"\x12\x34\x81\x80" + HEAD[4:])) is None
    for broken in (HEAD, query("a" * 64 + ".amazonaws.com"), query("a.amazonaws.com", family=3)):
        refused = answer(broken)
        assert refused is not None
        assert refused[3] & 0xF == 1, "a format error"
    update = answer(query("amazonaws.com", head=b"\x12\x34\x28\x00" + HEAD[4:]))
    assert update is not None
    assert update[3] & 0xF == 4, "not implemented"


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    message = answer(data)
    question = question_of(data)
    assert message is None or len(message) <= len(data) + 28
    assert question is None or question.end <= len(data)
