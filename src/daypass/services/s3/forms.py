"""A browser's form upload, read from the body as it comes: its fields, then its file.

The file is handed on piece by piece and never held. What follows it in the form is not read as
fields (Amazon S3 API reference, "POST Object": the file must be last).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from daypass.protocol.errors import ServiceError
from daypass.protocol.message import Body

# What S3 takes before the file (S3 API reference, "MaxPostPreDataLengthExceededError").
_LONGEST_FIELDS: Final = 20 * 1024
_FORM: Final = b"multipart/form-data"


@dataclass(frozen=True, slots=True)
class Form:
    """fields: in the order they came, as they were sent. file_name: "" if the browser gave none.
    file: its bytes; its end is given out only if the form is whole."""

    fields: Sequence[tuple[str, str]]
    file_name: str
    file: Body = field(repr=False)


def is_form(content_type: str) -> bool:
    """Whether a Content-Type is that of a form with a file."""
    return parse_options_header(content_type)[0] == _FORM


async def read_form(content_type: str, body: Body) -> Form:
    """The fields, read up to the file's first bytes. Raises `ServiceError`."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _malformed("the Content-Type names no boundary")
    reader = _Reader(boundary, body)
    while not reader.in_file:
        await reader.read_on()
    return Form(reader.fields, reader.file_name, Body(reader.next_piece))


class _Reader:
    """The state of a form's reading. Its `on_…` methods are called by the parser."""

    def __init__(self, boundary: bytes, body: Body) -> None:
        self.fields: list[tuple[str, str]] = []
        self.file_name = ""
        self.in_file = False
        self._body = body
        self._pieces: deque[bytes] = deque()
        self._part = 0
        self._file_part = -1
        self._whole = False
        self._ended = False
        self._before_file = 0
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[bytes, str] = {}
        self._name = ""
        self._value = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _malformed("the boundary is too long") from None

    async def read_on(self) -> None:
        """Read the next piece of the body. Raises `ServiceError`."""
        piece = await self._body.next_piece()
        if piece:
            try:
                # What follows the form's end says nothing.
                if not self._whole:
                    self._parser.write(piece)
            except FormParserError:
                raise _malformed("a part of it cannot be read") from None
        elif not self._whole:
            raise _malformed("it ends before its last boundary")
        elif not self.in_file:
            raise ServiceError(
                "InvalidArgument", "POST requires exactly one file upload per request.", 400
            )
        else:
            self._ended = True

    async def next_piece(self) -> bytes:
        """The next bytes of the file, b"" at the end of a form that is whole."""
        while not self._pieces:
            if self._ended:
                return b""
            await self.read_on()
        return self._pieces.popleft()

    # -- called by the parser --------------------------------------------------------------------

    def _begin_part(self) -> None:
        self._part += 1
        self._headers = {}
        self._value.clear()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = self._header_value.decode("latin-1")
        self._header_name.clear()
        self._header_value.clear()

    def _end_headers(self) -> None:
        if self.in_file:
            return
        kind, options = parse_options_header(self._headers.get(b"content-disposition", ""))
        if kind != b"form-data" or b"name" not in options:
            raise _malformed("a part of it has no name")
        self._name = _text(options[b"name"])
        if self._name.lower() == "file":
            self.in_file = True
            self._file_part = self._part
            self.file_name = _text(options.get(b"filename", b""))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == self._file_part:
            self._pieces.append(data[start:end])
        elif not self.in_file:
            self._count(end - start)
            self._value += data[start:end]

    def _end_part(self) -> None:
        if not self.in_file:
            self.fields.append((self._name, _text(bytes(self._value))))

    def _end(self) -> None:
        self._whole = True

    def _count(self, size: int) -> None:
        if self.in_file:
            return
        self._before_file += size
        if self._before_file > _LONGEST_FIELDS:
            raise ServiceError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.",
                400,
                fields={"MaxPostPreDataLengthBytes": str(_LONGEST_FIELDS)},
            )


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _malformed("a field of it is not UTF-8") from None


def _malformed(why: str) -> ServiceError:
    return ServiceError(
        "MalformedPOSTRequest",
        f"The body of your POST request is not well-formed multipart/form-data: {why}.",
        400,
    )
