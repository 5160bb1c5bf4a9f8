"""The bytes of a body, checked as they arrive and given out only as far as they are covered.

aws-chunked, signed:    size;chunk-signature=SIG CRLF data CRLF … 0;chunk-signature=SIG CRLF
                        [name:value CRLF … x-amz-trailer-signature:SIG CRLF] CRLF
aws-chunked, unsigned:  size CRLF data CRLF … 0 CRLF [name:value CRLF …] CRLF

Amazon S3 API reference, "Signature calculations: transferring payload in multiple chunks" and
"… including trailing headers".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final, Protocol

from daypass.sigv4.chain import ChunkChain, trailer_block
from daypass.sigv4.payload import (
    UNSIGNED_PAYLOAD,
    Payload,
    PayloadMode,
    declared_payload,
    is_payload,
)
from daypass.sigv4.refusal import Reason, Refusal
from daypass.sigv4.verified import Verified, content_mismatch

# A signed chunk is held until its signature is checked, so its size is the memory it costs.
LARGEST_SIGNED_CHUNK: Final = 16 * 1024 * 1024
# S3's rule for every chunk but the last.
SMALLEST_CHUNK: Final = 8192
_LONGEST_LINE: Final = 4096
_LONGEST_TRAILER: Final = 16 * 1024
# The most bytes S3 takes in one request: 5 GiB; its size has nine hexadecimal digits.
_SIGNED_HEAD: Final = re.compile(b"([0-9a-fA-F]{1,9});chunk-signature=([0-9a-f*]{64,144})")
_UNSIGNED_HEAD: Final = re.compile(b"([0-9a-fA-F]{1,9})")
_FIELD_NAME: Final = re.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_LENGTH: Final = re.compile("[0-9]{1,16}")
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"


class BodyVerifier(Protocol):
    """Turns the body as received into the body that was meant.

    decoded_length: the bytes that will come out, None if the request does not say.
    """

    @property
    def decoded_length(self) -> int | None: ...

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The pieces that can be given out now. Raises `Refusal`."""

    def finish(self) -> Mapping[str, str]:
        """Check that the body is whole; its trailers, lower-case names. Raises `Refusal`."""


def body_verifier(verified: Verified | None, headers: Mapping[str, str]) -> BodyVerifier:
    """What checks the body of this request. headers: as given to `parse`.

    verified: None for an anonymous request, whose body can only be checked against a hash or be
    unsigned. Single-hash bodies are given out as they come and judged by `finish`: commit
    nothing before it. Raises `Refusal` where the headers do not fit the payload mode.
    """
    payload = _anonymous_payload(headers) if verified is None else verified.payload
    match payload.mode:
        case PayloadMode.SHA256:
            return _HashedBody(payload.declared, _plain_length(headers))
        case PayloadMode.UNSIGNED:
            return _UnsignedBody(_plain_length(headers))
        case PayloadMode.UNSIGNED_CHUNKS_TRAILER:
            return _ChunkedBody(_decoded_length(headers), _announced(headers, payload), None)
        case (
            PayloadMode.SIGNED_CHUNKS
            | PayloadMode.SIGNED_CHUNKS_TRAILER
            | PayloadMode.ECDSA_CHUNKS
            | PayloadMode.ECDSA_CHUNKS_TRAILER
        ):
            if verified is None or verified.algorithm not in payload.declared:
                raise _not_allowed("The chunks must be signed as the request is.")
            return _ChunkedBody(
                _decoded_length(headers), _announced(headers, payload), verified.chunk_chain()
            )


def _anonymous_payload(headers: Mapping[str, str]) -> Payload:
    text = headers.get("x-amz-content-sha256")
    if text is None:
        chunked = "aws-chunked" in headers.get("content-encoding", "").lower()
        text = PayloadMode.UNSIGNED_CHUNKS_TRAILER if chunked else UNSIGNED_PAYLOAD
    if not is_payload(text):
        raise Refusal(Reason.MALFORMED_CONTENT_SHA256)
    return declared_payload(text)


def _not_allowed(detail: str) -> Refusal:
    return Refusal(Reason.PAYLOAD_MODE_NOT_ALLOWED, detail)


def _plain_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if _LENGTH.fullmatch(text) else None


def _decoded_length(headers: Mapping[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length")
    if text is None or not _LENGTH.fullmatch(text):
        raise Refusal(Reason.MISSING_DECODED_LENGTH)
    return int(text)


def _announced(headers: Mapping[str, str], payload: Payload) -> frozenset[str]:
    """The trailers that x-amz-trailer announces."""
    text = headers.get("x-amz-trailer")
    if text is None:
        return frozenset()
    names = [name.strip(" \t").lower() for name in text.split(",")]
    if not payload.trailer:
        raise _malformed_trailer("x-amz-trailer is announced and the payload mode has none.")
    if len(set(names)) != len(names) or not all(map(_FIELD_NAME.fullmatch, names)):
        raise _malformed_trailer("x-amz-trailer must name each trailing field once.")
    if _TRAILER_SIGNATURE in names:
        raise _malformed_trailer("x-amz-trailer must not name the trailer signature.")
    return frozenset(names)


def _malformed_trailer(detail: str) -> Refusal:
    return Refusal(Reason.MALFORMED_TRAILER, detail)


class _UnsignedBody:
    """A body the signature says nothing about."""

    __slots__ = ("decoded_length",)

    def __init__(self, length: int | None) -> None:
        self.decoded_length = length

    def feed(self, data: bytes) -> Sequence[bytes]:
        return (data,) if data else ()

    def finish(self) -> Mapping[str, str]:
        return {}


class _HashedBody:
    """A body whose SHA-256 is signed."""

    __slots__ = ("_declared", "_hash", "decoded_length")

    def __init__(self, declared: str, length: int | None) -> None:
        self._declared = declared
        self._hash = sha256()
        self.decoded_length = length

    def feed(self, data: bytes) -> Sequence[bytes]:
        self._hash.update(data)
        return (data,) if data else ()

    def finish(self) -> Mapping[str, str]:
        computed = self._hash.hexdigest()
        if computed != self._declared:
            raise content_mismatch(self._declared, computed)
        return {}


class _ChunkedBody:
    """An aws-chunked body. With a chain, each chunk is held until its signature is checked."""

    __slots__ = (
        "_after_bare_lf",
        "_announced",
        "_chain",
        "_hash",
        "_held",
        "_last_size",
        "_left",
        "_line",
        "_out",
        "_signature",
        "_step",
        "_total",
        "_trailer_bytes",
        "_trailers",
        "decoded_length",
    )

    def __init__(
        self, decoded_length: int, announced: frozenset[str], chain: ChunkChain | None
    ) -> None:
        self.decoded_length: int | None = decoded_length
        self._announced = announced
        self._chain = chain
        self._step: Callable[[bytes, int], int] = self._read_head
        self._line = bytearray()
        self._left = 0
        self._total = 0
        self._last_size: int | None = None
        self._signature = ""
        self._hash = sha256()
        self._held: list[bytes] = []
        self._out: list[bytes] = []
        self._trailers: dict[str, str] = {}
        self._trailer_bytes = 0
        self._after_bare_lf = False

    def feed(self, data: bytes) -> Sequence[bytes]:
        self._out = []
        position = 0
        while position < len(data):
            position = self._step(data, position)
        out, self._out = self._out, []
        return out

    def finish(self) -> Mapping[str, str]:
        # Bound methods are made anew at each access; equality compares what they are bound to.
        if self._step != self._read_nothing:
            raise _incomplete("The aws-chunked body ends before its last chunk does.")
        if self._total != self.decoded_length:
            raise _incomplete(
                f"The body decodes to {self._total} bytes, not to the "
                f"{self.decoded_length} that x-amz-decoded-content-length says."
            )
        return self._trailers

    # -- steps: each takes what it can from data[position:] and returns where it stopped --------

    def _read_line(
        self, data: bytes, position: int, *, bare_lf: bool = False
    ) -> tuple[bytes | None, int]:
        end = data.find(b"\n", position)
        stop = len(data) if end < 0 else end + 1
        if len(self._line) + stop - position > _LONGEST_LINE:
            raise _malformed_chunk("A line of the aws-chunked body is too long.")
        self._line += data[position:stop]
        if end < 0:
            return None, stop
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            if bare_lf:
                self._after_bare_lf = True
                return line[:-1], stop
            raise _malformed_chunk("A line of the aws-chunked body does not end in CRLF.")
        return line[:-2], stop

    def _read_head(self, data: bytes, position: int) -> int:
        line, position = self._read_line(data, position)
        if line is None:
            return position
        match = (_UNSIGNED_HEAD if self._chain is None else _SIGNED_HEAD).fullmatch(line)
        if match is None:
            if self._chain is not None and _UNSIGNED_HEAD.fullmatch(line.partition(b";")[0]):
                raise Refusal(
                    Reason.CHUNK_SIGNATURE_MISMATCH, "A chunk comes without its signature."
                )
            raise _malformed_chunk("A chunk's size line is malformed.")
        self._begin_chunk(int(match[1], 16))
        if self._chain is not None:
            self._signature = match[2].decode()
            if self._left == 0:
                self._check_chunk()
        return position

    def _begin_chunk(self, size: int) -> None:
        if size and self._last_size is not None and self._last_size < SMALLEST_CHUNK:
            raise Refusal(Reason.SMALL_CHUNK, f"A chunk has {self._last_size} bytes.")
        if self._chain is not None and size > LARGEST_SIGNED_CHUNK:
            raise Refusal(
                Reason.LARGE_CHUNK,
                f"A signed chunk must not be larger than {LARGEST_SIGNED_CHUNK} bytes.",
            )
        self._total += size
        if self._total > (self.decoded_length or 0):
            raise _incomplete("The body is longer than x-amz-decoded-content-length says.")
        self._left = size
        self._last_size = size
        self._step = self._read_data if size else self._read_trailer

    def _read_data(self, data: bytes, position: int) -> int:
        piece = data[position : position + self._left]
        self._left -= len(piece)
        if self._chain is None:
            self._out.append(piece)
        else:
            self._hash.update(piece)
            self._held.append(piece)
        if self._left == 0:
            if self._chain is not None:
                self._check_chunk()
            self._step = self._read_data_end
        return position + len(piece)

    def _check_chunk(self) -> None:
        assert self._chain is not None
        self._chain.check_chunk(self._hash.hexdigest(), self._signature)
        self._hash = sha256()
        self._out += self._held
        self._held = []

    def _read_data_end(self, data: bytes, position: int) -> int:
        line, position = self._read_line(data, position)
        if line is None:
            return position
        if line:
            raise _malformed_chunk("A chunk's data does not end in CRLF.")
        self._step = self._read_head
        return position

    def _read_trailer(self, data: bytes, position: int) -> int:
        after_bare_lf, self._after_bare_lf = self._after_bare_lf, False
        line, position = self._read_line(data, position, bare_lf=self._chain is not None)
        if line is None:
            self._after_bare_lf = after_bare_lf
            return position
        if not line and after_bare_lf:
            # minio-go writes "name:value LF CRLF x-amz-trailer-signature:… CRLF CRLF".
            return position
        if not line:
            self._check_trailers()
            self._step = self._read_nothing
            return position
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _LONGEST_TRAILER:
            raise _malformed_trailer("The trailing fields are too long.")
        raw_name, colon, raw_value = line.decode("latin-1").partition(":")
        name = raw_name.lower()
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise _malformed_trailer("A trailing field is malformed.")
        if name in self._trailers:
            raise _malformed_trailer(f"The trailing field '{name}' comes twice.")
        if name not in self._announced and (self._chain is None or name != _TRAILER_SIGNATURE):
            raise _malformed_trailer(f"The trailing field '{name[:128]}' was not announced.")
        self._trailers[name] = raw_value.strip(" \t")
        return position

    def _check_trailers(self) -> None:
        given = self._trailers.pop(_TRAILER_SIGNATURE, None)
        if self._trailers.keys() != self._announced:
            raise _malformed_trailer("A trailing field that x-amz-trailer announces is missing.")
        if self._chain is None:
            return
        if self._announced or given is not None:
            block = sha256(trailer_block(self._trailers)).hexdigest()
            self._chain.check_trailer(block, given or "")

    def _read_nothing(self, _data: bytes, _position: int) -> int:
        raise _malformed_chunk("Bytes follow the last chunk.")


def _incomplete(detail: str) -> Refusal:
    return Refusal(Reason.INCOMPLETE_BODY, detail)


def _malformed_chunk(detail: str) -> Refusal:
    return Refusal(Reason.MALFORMED_CHUNK, detail)
