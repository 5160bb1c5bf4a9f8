"""Messages of `application/vnd.amazon.eventstream`, AWS's framing of answers that come in events.

A message is its length, the length of its headers, a checksum of both, the headers, the payload,
and a checksum of all of it (AWS SDKs' "Amazon Event Stream encoding").
"""

import struct
from typing import Final
from zlib import crc32

_PRELUDE: Final = struct.Struct(">II")
_CHECKSUM: Final = struct.Struct(">I")
_STRING: Final = 7
# Bytes of a message beside its headers and payload.
_FRAME: Final = 16


def encode_event(name: str, payload: bytes, content_type: str) -> bytes:
    """One event of a stream: the name of the union's member, and its payload."""
    headers = b"".join(
        (
            _header(":event-type", name),
            _header(":content-type", content_type),
            _header(":message-type", "event"),
        )
    )
    prelude = _PRELUDE.pack(len(headers) + len(payload) + _FRAME, len(headers))
    head = prelude + _CHECKSUM.pack(crc32(prelude)) + headers
    return b"".join((head, payload, _CHECKSUM.pack(crc32(payload, crc32(head)))))


def _header(name: str, value: str) -> bytes:
    text, content = name.encode(), value.encode()
    return struct.pack(f">B{len(text)}sBH", len(text), text, _STRING, len(content)) + content
