"""What of a body is signed: its bytes, or their hash, never a copy of a stream in memory."""

import hashlib
import inspect
from collections.abc import Callable, Iterable
from typing import Final, Protocol, cast, runtime_checkable

from daypass.client.errors import UnsignableBodyError

_PIECE: Final = 1 << 20


@runtime_checkable
class SeekableFile(Protocol):
    """A file that can be read, and read again from where it stood."""

    def read(self, size: int = -1, /) -> bytes: ...
    def tell(self) -> int: ...
    def seek(self, offset: int, /) -> int: ...


def payload_of(body: object) -> bytes | str:
    """The bytes themselves, or the hex SHA-256 of a file's rest, which is rewound to where it
    stood. Raises `UnsignableBodyError` for what can be read only once."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if isinstance(body, SeekableFile) and not inspect.iscoroutinefunction(body.read):
        return _hash_file(body)
    raise unsignable(type(body).__name__, "It is read only once")


def _hash_file(file: SeekableFile) -> str:
    try:
        start = file.tell()
    except OSError as error:
        raise unsignable("pipe or socket", "It is read only once") from error
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        if isinstance(piece, str):
            raise UnsignableBodyError(
                "The body cannot be signed.",
                "The file is open as text, so its bytes are not known.",
                'Open it with open(path, "rb").',
            )
        digest.update(piece)
    file.seek(start)
    return digest.hexdigest()


def hash_pieces(pieces: Iterable[bytes], announced: str | None) -> str:
    """The hex SHA-256 of a form that makes its pieces anew each time. announced: its
    Content-Length. Raises `UnsignableBodyError` if a file in it can be read only once."""
    digest = hashlib.sha256()
    length = 0
    for piece in pieces:
        digest.update(piece)
        length += len(piece)
    # A form tells its length only if all its files can be rewound.
    if announced != str(length):
        raise unsignable("form", "A file in it is read only once")
    return digest.hexdigest()


def rewinding(body: object) -> Callable[[], None] | None:
    """What makes a body ready to be sent once more, from where it stands now; None for what can
    be read only once."""
    if body is None or isinstance(body, str | bytes | bytearray | memoryview):
        return lambda: None
    if not isinstance(body, SeekableFile) or inspect.iscoroutinefunction(body.read):
        return None
    file = body
    try:
        start = file.tell()
    except OSError:
        return None

    def rewind() -> None:
        file.seek(start)

    return rewind


def file_behind(stream: object) -> object:
    """The file or iterator that an httpx request stream reads from."""
    return cast("object", getattr(stream, "_stream", stream))


def unsignable(kind: str, why: str) -> UnsignableBodyError:
    """The error for a body whose bytes are not known before they are sent. why: a sentence
    without its end."""
    return UnsignableBodyError(
        f"The body, a {kind}, cannot be signed.",
        f"{why}, and the hash must be known before the first byte is sent.",
        'Pass bytes or an open file; for S3, Auth(payload="unsigned") sends it without a hash.',
    )
