"""Percent-decoding beside the standard library's, and what neither may make whole."""

import re
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.protocol.malformed import MalformedEncodingError
from daypass.protocol.percent import decode_form, decode_segment

# Much of it escapes, and pieces of escapes.
PIECES = st.lists(
    st.sampled_from(["%", "%3A", "%2F", "%22", "%25", "%7b", "%C3%A9", "2", "3A", "F", ":", "x"])
).map("".join)


def expected(text: str) -> str | None:
    """What the standard library makes of it; None where an escape is broken, or the bytes are no
    UTF-8."""
    if any(not re.match("[0-9A-Fa-f]{2}", rest) for rest in text.split("%")[1:]):
        return None
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return None


@given(PIECES)
def test_decodes_as_the_standard_library_does_or_refuses(text: str) -> None:
    wanted = expected(text)
    if wanted is None:
        with pytest.raises(MalformedEncodingError):
            decode_segment(text)
    else:
        assert decode_segment(text) == wanted


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_form_gives_back_what_was_encoded(text: str) -> None:
    assert decode_form(f"a={quote(text, safe='')}".encode()) == [("a", text)]
