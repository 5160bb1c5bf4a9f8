"""Bodies that are hashed and sent in pieces, as often as needed, and never held."""

import mimetypes
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

_PIECE: Final = 256 * 1024
# Bytes of standard input that stay in memory.
_SPOOLED: Final = 1024 * 1024

Segment = bytes | IO[bytes]


class Body:
    """Segments one after another: bytes, and files that can be read again from their start."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self.length: int = sum(map(_length, self.segments))

    def __iter__(self) -> Iterator[bytes]:
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            segment.seek(0)
            while piece := segment.read(_PIECE):
                yield piece

    def sha256(self) -> str:
        """In hexadecimal, as it is signed."""
        digest = sha256()
        for piece in self:
            digest.update(piece)
        return digest.hexdigest()


def _length(segment: Segment) -> int:
    return len(segment) if isinstance(segment, bytes) else segment.seek(0, os.SEEK_END)


def joined(segments: Sequence[Segment], by: bytes) -> Body:
    """The segments with `by` between them."""
    woven: list[Segment] = []
    for segment in segments:
        woven += [by, segment] if woven else [segment]
    return Body(woven)


def kept(stream: IO[bytes]) -> IO[bytes]:
    """All of a stream that can be read only once, in memory or, beyond that, on disk."""
    file = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115 - the caller's to close
    while piece := stream.read(_PIECE):
        file.write(piece)
    return file


@dataclass(frozen=True, slots=True)
class FormPart:
    """A field of a form. filename: "" for a field that is no file. kind: its Content-Type."""

    name: str
    content: Segment
    filename: str = ""
    kind: str = ""


def form(parts: Sequence[FormPart]) -> tuple[Body, str]:
    """The body of multipart/form-data (RFC 7578), and its Content-Type."""
    boundary = f"daypass-{secrets.token_hex(16)}"
    segments: list[Segment] = []
    for part in parts:
        disposition = f'form-data; name="{_quoted(part.name)}"'
        if part.filename:
            disposition += f'; filename="{_quoted(part.filename)}"'
        kind = part.kind or (_kind_of(part.filename) if part.filename else "")
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {kind}\r\n\r\n" if kind else "\r\n"
        segments += [head.encode(), part.content, b"\r\n"]
    segments.append(f"--{boundary}--\r\n".encode())
    return Body(segments), f"multipart/form-data; boundary={boundary}"


def _quoted(text: str) -> str:
    # As the HTML standard escapes names in forms: a name must not end its header.
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _kind_of(filename: str) -> str:
    return mimetypes.guess_type(Path(filename).name)[0] or "application/octet-stream"
