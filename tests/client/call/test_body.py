"""Bodies in segments: the same bytes each time, and forms that other parsers read."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from daypass.client.call.body import Body, FormPart, form, joined, kept


class Once(io.RawIOBase):
    """A pipe."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def read(self, size=-1):
        return self.content.read(size)

    def seekable(self):
        return False


@given(st.lists(st.binary(max_size=50), max_size=5), st.binary(max_size=2))
def test_segments_are_joined_and_read_again(contents, by):
    segments = [one if at % 2 else io.BytesIO(one) for at, one in enumerate(contents)]
    body = joined(segments, by)
    whole = by.join(contents)
    for _ in range(2):
        assert b"".join(body) == whole
        assert body.sha256() == hashlib.sha256(whole).hexdigest()
    assert body.length == len(whole)


@pytest.mark.parametrize("size", [0, 100, 3_000_000])
def test_a_pipe_is_kept_to_be_read_again(size):
    content = b"p" * size
    body = Body([kept(Once(content))])
    assert [b"".join(body), b"".join(body)] == [content, content]
    assert body.length == size


# Browsers send a backslash as it is, which other parsers take for an escape.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\\"),
    min_size=1,
)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=100)), min_size=1, max_size=4))
def test_forms_are_read_by_another_parser(fields):
    body, kind = form([FormPart(name, content) for name, content in fields])
    content = b"".join(body)
    assert len(content) == body.length
    _, parsed, _ = parse_form_data(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(body.length),
            "wsgi.input": io.BytesIO(content),
        }
    )
    # This parser turns %22 into the quotation mark it stands for, wherever it came from.
    expected = [(name.replace("%22", '"'), one.decode("utf-8", "replace")) for name, one in fields]
    assert sorted(parsed.items(multi=True)) == sorted(expected)


def test_a_name_cannot_end_its_header():
    body, _ = form([FormPart('a"\r\nX-Injected: 1', b"", 'f"\r\n\r\n.txt')])
    content = b"".join(body)
    assert b"\nX-Injected" not in content
    assert content.count(b"\r\n") == 6


def test_a_files_kind_is_told_by_its_name():
    body, _ = form([FormPart("f", b"", "a.png"), FormPart("g", b"", "a.unknown-kind")])
    content = b"".join(body)
    assert b"Content-Type: image/png\r\n" in content
    assert b"Content-Type: application/octet-stream\r\n" in content
