import zlib
from collections.abc import Callable

import pytest
from awscrt import checksums as crt
from hypothesis import given
from hypothesis import strategies as st

from daypass.services.s3.crc import COMBINABLE, combine

OF: dict[str, tuple[Callable[[bytes], int], int]] = {
    "CRC32": (zlib.crc32, 4),
    "CRC32C": (crt.crc32c, 4),
    "CRC64NVME": (crt.crc64nvme, 8),
}


@pytest.mark.parametrize("algorithm", sorted(COMBINABLE))
@given(first=st.binary(max_size=200), second=st.binary(max_size=200))
def test_the_crc_of_the_whole_comes_from_those_of_its_parts(
    algorithm: str, first: bytes, second: bytes
) -> None:
    of, width = OF[algorithm]

    def crc(data: bytes) -> bytes:
        return of(data).to_bytes(width, "big")

    assert combine(algorithm, crc(first), crc(second), len(second)) == crc(first + second)


def test_lengths_beyond_any_buffer() -> None:
    size = 5 * 1024**3 + 12345
    expected = crt.combine_crc64nvme(0x0123456789ABCDEF, 0xFEDCBA9876543210, size)
    found = combine(
        "CRC64NVME",
        (0x0123456789ABCDEF).to_bytes(8, "big"),
        (0xFEDCBA9876543210).to_bytes(8, "big"),
        size,
    )
    assert int.from_bytes(found, "big") == expected
