"""The CRC of a whole from the CRCs of its parts, without reading a byte again.

A CRC is linear: appending n bytes multiplies the earlier remainder by x^(8n), which is a matrix
over GF(2); XOR with the CRC of those bytes gives the CRC of the whole.
"""

from functools import cache
from typing import Final

# Polynomials with their bits reversed, as these CRCs process them, and their widths in bits.
_CRCS: Final = {
    "CRC32": (0xEDB88320, 32),
    "CRC32C": (0x82F63B78, 32),
    "CRC64NVME": (0x9A6C9329AC4BC9B5, 64),
}
COMBINABLE: Final = frozenset(_CRCS)

Matrix = tuple[int, ...]


def combine(algorithm: str, first: bytes, second: bytes, second_size: int) -> bytes:
    """The CRC of two runs of bytes from the CRC of each and the second's size in bytes."""
    _polynomial, width = _CRCS[algorithm]
    remainder = int.from_bytes(first, "big")
    power = 0
    while second_size:
        if second_size & 1:
            remainder = _times(_zeros(algorithm, power), remainder)
        second_size >>= 1
        power += 1
    return (remainder ^ int.from_bytes(second, "big")).to_bytes(width // 8, "big")


@cache
def _zeros(algorithm: str, power: int) -> Matrix:
    """The matrix of appending 2**power zero bytes."""
    polynomial, width = _CRCS[algorithm]
    if power:
        return _squared(_zeros(algorithm, power - 1))
    bit: Matrix = (polynomial, *(1 << row for row in range(width - 1)))
    return _squared(_squared(_squared(bit)))


def _squared(matrix: Matrix) -> Matrix:
    return tuple(_times(matrix, row) for row in matrix)


def _times(matrix: Matrix, vector: int) -> int:
    total = 0
    for row in matrix:
        if not vector:
            break
        if vector & 1:
            total ^= row
        vector >>= 1
    return total
