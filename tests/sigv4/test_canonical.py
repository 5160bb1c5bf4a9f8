"""The quick ways through canonicalisation give what the plain reference gives."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.sigv4 import BrokenEscapeError, Dialect, parse
from daypass.sigv4.canonical import canonical_path, canonical_query, canonical_value
from tests.sigv4.reference import strict_path, strict_query, strict_value

pieces = st.sampled_from(
    [
        "a",
        "B",
        "-",
        ".",
        "_",
        "~",
        "=",
        "&",
        "+",
        "/",
        "..",
        "%2F",
        "%2f",
        "%41",
        "%7E",
        "%00",
        "%C3%A9",
        ":",
        "*",
        "%25",
        " ",
        "a-",
        "a=",
        "%3D",
        "%26",
    ]
)
wire = st.lists(pieces, max_size=12).map("".join)


@settings(max_examples=2000, deadline=None)
@given(wire)
@example("a-=1&a=1")
@example("a=1&a-=1")
@example("a=b=c&&d")
def test_query(query):
    assert canonical_query(query) == strict_query(query)


@settings(max_examples=2000, deadline=None)
@given(wire, st.booleans())
def test_path(path, s3):
    path = "/" + path
    assert canonical_path(path, s3=s3) == strict_path(path, "s3" if s3 else "lambda")


@given(st.text('a \t\xa0\x85\x1c",', max_size=12))
def test_value_collapses_blanks_and_tabs_alone(value):
    assert canonical_value(value) == strict_value([value])


@pytest.mark.parametrize("text", ["%", "a%2", "%zz", "%%41", "a=%g0"])
def test_broken_escapes_have_no_canonical_form(text):
    with pytest.raises(BrokenEscapeError):
        canonical_query(text)
    with pytest.raises(BrokenEscapeError):
        canonical_path("/" + text, s3=True)


@pytest.mark.parametrize(
    ("date", "stamp"),
    [
        ("Sun, 30 Aug 2015 12:36:00 GMT", "20150830T123600Z"),
        ("Sun, 30 Aug 2015 12:36:00 -0000", "20150830T123600Z"),
        ("30 Aug 2015 12:36:00 +0000", "20150830T123600Z"),
        ("20150830T123600Z", "20150830T123600Z"),
    ],
)
def test_date_header_where_there_is_no_x_amz_date(date, stamp):
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/iam/aws4_request,"
        "SignedHeaders=date;host,Signature=0"
    )
    headers = {"authorization": authorization, "date": date, "host": "h"}
    presented = parse("GET", "/", "", headers, frozenset(), dialect=Dialect.QUERY)
    assert (presented.stamp, presented.timestamp) == (stamp, 1440938160.0)
