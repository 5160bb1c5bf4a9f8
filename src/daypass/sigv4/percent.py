"""Percent-encoding by bytes (RFC 3986 section 2.1), as AWS wants it: upper-case, nothing else.

`urllib.parse` does the same; its import costs more than all of this package's own code.
"""

from typing import Final

_KEPT: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CODES: Final = tuple([chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in range(256)])
_PATH_CODES: Final = tuple(["/" if byte == 0x2F else _CODES[byte] for byte in range(256)])
_HEX: Final = frozenset(b"0123456789ABCDEFabcdef")


def encode(data: bytes) -> str:
    """Everything but A-Z a-z 0-9 - . _ ~ encoded."""
    return "".join([_CODES[byte] for byte in data])


def encode_path(data: bytes) -> str:
    """The same with slashes kept."""
    return "".join([_PATH_CODES[byte] for byte in data])


def decode(data: bytes) -> bytes:
    """The bytes meant. A "%" without two hexadecimal digits stays as it is."""
    if b"%" not in data:
        return data
    first, *rest = data.split(b"%")
    pieces = [first]
    for piece in rest:
        code = piece[:2]
        if len(code) == 2 and code[0] in _HEX and code[1] in _HEX:
            pieces += (bytes((int(code, 16),)), piece[2:])
        else:
            pieces += (b"%", piece)
    return b"".join(pieces)
