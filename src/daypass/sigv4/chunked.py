"""Sending a body in signed chunks (aws-chunked), without holding it.

signed = sign_stream(request, credentials, service="s3", region=…, decoded_length=…)
send(request.method, request.url, signed.headers, signed.encode(pieces))
"""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from daypass.sigv4.chain import ChunkChain, trailer_block
from daypass.sigv4.keys import SigningKey, mac_key
from daypass.sigv4.payload import Payload, PayloadMode
from daypass.sigv4.signing import S3_SERVICES, sign_with
from daypass.sigv4.timestamps import timestamp_of
from daypass.sigv4.types import Credentials, HttpRequest, SigningError

# S3 refuses chunks under 8 KiB, but for the last.
SMALLEST_CHUNK: Final = 8192
CHUNK_SIZE: Final = 64 * 1024
_MODES: Final = (
    PayloadMode.SIGNED_CHUNKS,
    PayloadMode.SIGNED_CHUNKS_TRAILER,
    PayloadMode.UNSIGNED_CHUNKS_TRAILER,
)

Trailers = Callable[[], Mapping[str, str]]


def _no_trailers() -> Mapping[str, str]:
    return {}


class SignedStream(NamedTuple):
    """The headers of a request whose body is sent in chunks, and what encodes that body.

    headers: all to send, in order; they lack Content-Length, which is `content_length` where
    the trailing fields' lengths were given, and is unknown (None) where they were not.
    """

    headers: list[tuple[str, str]]
    content_length: int | None
    decoded_length: int
    chunk_size: int
    announced: frozenset[str]
    chain: ChunkChain | None

    def encode(self, pieces: Iterable[bytes], trailers: Trailers = _no_trailers) -> Iterator[bytes]:
        """The body to send. trailers: asked for once, after the last piece. Runs once.

        Raises `SigningError` if the pieces do not make `decoded_length` bytes, or the trailing
        fields are not those announced.
        """
        encoder = _Encoder(self)
        for piece in pieces:
            yield from encoder.add(piece)
        yield from encoder.end(trailers)

    async def encode_async(
        self, pieces: AsyncIterable[bytes], trailers: Trailers = _no_trailers
    ) -> AsyncIterator[bytes]:
        """`encode` for pieces that come asynchronously."""
        encoder = _Encoder(self)
        async for piece in pieces:
            for encoded in encoder.add(piece):
                yield encoded
        for encoded in encoder.end(trailers):
            yield encoded


def sign_stream(
    request: HttpRequest,
    credentials: Credentials,
    *,
    region: str,
    decoded_length: int,
    service: str = "s3",
    mode: PayloadMode = PayloadMode.SIGNED_CHUNKS,
    trailers: Mapping[str, int | None] | None = None,
    chunk_size: int = CHUNK_SIZE,
    now: float | None = None,
) -> SignedStream:
    """Sign a request whose body follows as a stream; its `body` is not looked at.

    decoded_length: bytes of the body. trailers: the names of the fields that follow it, each
    with the length of its value if that is known (8 for a CRC-32 in base64). chunk_size: bytes,
    at least 8192. Raises `SigningError`.
    """
    stamp = timestamp_of(int(time.time() if now is None else now))
    key = mac_key(credentials.secret_access_key, stamp[:8], region, service)
    if mode not in _MODES:
        raise SigningError(f"{mode.value} is not a mode that is sent in chunks signed with SigV4.")
    return stream_with(
        key, stamp, request, credentials, service, decoded_length, mode, trailers or {}, chunk_size
    )


def stream_with(
    key: SigningKey,
    stamp: str,
    request: HttpRequest,
    credentials: Credentials,
    service: str,
    decoded_length: int,
    mode: PayloadMode,
    trailers: Mapping[str, int | None],
    chunk_size: int,
) -> SignedStream:
    """`sign_stream` with a key of either algorithm."""
    names = {name.lower(): length for name, length in trailers.items()}
    if names and not Payload(mode, mode.value).trailer:
        raise SigningError(f"{mode.value} has no trailing fields; use the mode that has.")
    if chunk_size < SMALLEST_CHUNK:
        raise SigningError(f"Chunks must have at least {SMALLEST_CHUNK} bytes, S3's minimum.")
    headers = [
        (name, f"aws-chunked,{value}" if name.lower() == "content-encoding" else value)
        for name, value in request.headers
    ]
    if not any(name.lower() == "content-encoding" for name, _ in headers):
        headers.append(("Content-Encoding", "aws-chunked"))
    headers.append(("X-Amz-Decoded-Content-Length", str(decoded_length)))
    if names:
        headers.append(("X-Amz-Trailer", ",".join(names)))
    whole = HttpRequest(request.method, request.url, headers, mode.value)
    signed = sign_with(key, stamp, whole, credentials, service in S3_SERVICES, True, True, False)
    seed = signed[-1][1].rpartition("=")[2]
    chain = None if mode is PayloadMode.UNSIGNED_CHUNKS_TRAILER else ChunkChain(key, stamp, seed)
    width = 0 if chain is None else key.signature_width
    length = _encoded_length(decoded_length, chunk_size, names, width)
    return SignedStream(signed, length, decoded_length, chunk_size, frozenset(names), chain)


def _encoded_length(
    decoded_length: int, chunk_size: int, names: Mapping[str, int | None], width: int
) -> int | None:
    extension = len(";chunk-signature=") + width if width else 0

    def framed(size: int) -> int:
        return len(f"{size:x}") + extension + 2 + (size + 2 if size else 0)

    whole, rest = divmod(decoded_length, chunk_size)
    total = whole * framed(chunk_size) + (framed(rest) if rest else 0) + framed(0)
    for name, length in names.items():
        if length is None:
            return None
        total += len(name) + 1 + length + 2
    if names and width:
        total += len("x-amz-trailer-signature:") + width + 2
    return total + 2


class _Encoder:
    """Cuts the pieces into chunks of one size and frames each."""

    def __init__(self, stream: SignedStream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._total = 0

    def add(self, piece: bytes) -> Iterator[bytes]:
        self._total += len(piece)
        if self._total > self._stream.decoded_length:
            raise self._wrong_length()
        self._buffer += piece
        size = self._stream.chunk_size
        while len(self._buffer) >= size:
            chunk = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield self._frame(chunk)

    def end(self, trailers: Trailers) -> Iterator[bytes]:
        if self._total != self._stream.decoded_length:
            raise self._wrong_length()
        if self._buffer:
            yield self._frame(bytes(self._buffer))
        yield self._head(b"")
        values = {name.lower(): value for name, value in trailers().items()}
        if values.keys() != self._stream.announced:
            raise SigningError("The trailing fields are not those that were announced.")
        lines = [f"{name}:{value}\r\n" for name, value in values.items()]
        chain = self._stream.chain
        if chain is not None and values:
            signature = chain.sign_trailer(sha256(trailer_block(values)).hexdigest())
            lines.append(f"x-amz-trailer-signature:{signature}\r\n")
        yield "".join([*lines, "\r\n"]).encode("latin-1")

    def _frame(self, chunk: bytes) -> bytes:
        return b"".join((self._head(chunk), chunk, b"\r\n"))

    def _head(self, chunk: bytes) -> bytes:
        chain = self._stream.chain
        if chain is None:
            return b"%x\r\n" % len(chunk)
        signature = chain.sign_chunk(sha256(chunk).hexdigest())
        return b"%x;chunk-signature=%b\r\n" % (len(chunk), signature.encode())

    def _wrong_length(self) -> SigningError:
        return SigningError(
            f"The body has {self._total} bytes or more; {self._stream.decoded_length} were signed."
        )
