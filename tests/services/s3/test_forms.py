"""A form read piece by piece: however it is cut, it is the same, and its file is never held."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body
from daypass.services.s3.forms import is_form, read_form

TYPE = "multipart/form-data; boundary=XX"
FORM = (
    b'--XX\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\xc3\xbc\r\n'
    b'--XX\r\ncontent-disposition: form-data; name="empty"\r\n\r\n\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="n \xc3\xbc"\r\n'
    b"Content-Type: image/png\r\n\r\n" + b"\r\n--X\r\n-" * 20 + b"\r\n"
    b'--XX\r\nContent-Disposition: form-data; name="after"\r\n\r\nx\r\n'
    b"--XX--\r\n and more"
)
FILE = b"\r\n--X\r\n-" * 20


def body_of(pieces: list[bytes]) -> Body:
    waiting = list(pieces)

    async def receive() -> bytes:
        return waiting.pop(0) if waiting else b""

    return Body(receive)


async def read_all(body: Body) -> bytes:
    pieces = []
    while piece := await body.next_piece():
        pieces.append(piece)
    assert await body.next_piece() == b""
    return b"".join(pieces)


@given(cuts=st.lists(st.integers(1, len(FORM) - 1), max_size=20))
async def test_a_form_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts)), len(FORM)]
    pieces = [FORM[start:end] for start, end in pairwise(edges)]
    form = await read_form(TYPE, body_of(pieces))
    assert form.fields == [("key", "kü"), ("empty", "")]
    assert form.file_name == "n ü"
    assert await read_all(form.file) == FILE


async def test_the_file_is_not_held() -> None:
    asked = 0
    head = b'--XX\r\nContent-Disposition: form-data; name="file"\r\n\r\n'

    async def receive() -> bytes:
        nonlocal asked
        asked += 1
        return head if asked == 1 else b"x" * 1000

    form = await read_form(TYPE, Body(receive))
    assert asked == 1
    for _ in range(100):
        assert len(await form.file.next_piece()) <= 1100
    assert asked < 110


@pytest.mark.parametrize("length", range(1, len(FORM) - len(b"\r\n and more") - 1))
async def test_a_form_that_is_cut_short_has_no_end(length: int) -> None:
    async def read() -> None:
        form = await read_form(TYPE, body_of([FORM[:length]]))
        await read_all(form.file)

    with pytest.raises(ServiceError) as refused:
        await read()
    assert refused.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize(
    ("content_type", "whether"),
    [
        (TYPE, True),
        ("MULTIPART/form-data;boundary=x", True),
        ("multipart/form-data", True),
        ("multipart/form-data-x", False),
        ("multipart/mixed; boundary=x", False),
        ("application/json; x=multipart/form-data", False),
        ("", False),
    ],
)
def test_what_is_a_form(content_type: str, whether: bool) -> None:
    assert is_form(content_type) is whether
