"""The frames between the server and a function's process: a head in JSON and a body of bytes.

Both ends of the socket pair read this module, and `node.cjs` says the same in JavaScript.
"""

import json
import socket
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

PREFIX: Final = struct.Struct(">BII")
# Bytes of a head: what the server sends in one is bounded by HTTP header limits.
HEAD_LIMIT: Final = 1024 * 1024


class Kind(IntEnum):
    """PREPARE, LAUNCH and INVOKE go to the function; the others come from it."""

    LAUNCH = 0
    INVOKE = 1
    READY = 2
    RESPONSE = 3
    ERROR = 4
    INIT_ERROR = 5
    # A response in pieces: its head, any number of pieces, and its end, whose body is the
    # error with which it broke off, if it did.
    STREAM = 6
    PIECE = 7
    STREAM_END = 8
    PREPARE = 9


def encode(kind: Kind, head: Mapping[str, object], body: bytes = b"") -> bytes:
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((PREFIX.pack(kind, len(text), len(body)), text, body))


def send(connection: socket.socket, kind: Kind, head: Mapping[str, object], body: bytes) -> None:
    """Send one frame and wait until the kernel has it."""
    connection.sendall(encode(kind, head, body))


def receive(connection: socket.socket) -> tuple[Kind, dict[str, object], bytes] | None:
    """Wait for one frame; None when the other end is closed."""
    prefix = _receive_exactly(connection, PREFIX.size)
    if prefix is None:
        return None
    kind, head_length, body_length = PREFIX.unpack(prefix)
    head = _receive_exactly(connection, head_length)
    body = _receive_exactly(connection, body_length)
    if head is None or body is None:
        return None
    return Kind(kind), json.loads(head), body


def _receive_exactly(connection: socket.socket, length: int) -> bytes | None:
    if length == 0:
        return b""
    buffer = bytearray(length)
    view = memoryview(buffer)
    received = 0
    while received < length:
        count = connection.recv_into(view[received:])
        if count == 0:
            return None
        received += count
    return bytes(buffer)
