import pytest

from daypass.blobs import DIGESTS, new_digest

# The check values of the CRC catalogue (the CRC of "123456789"), and of RFC 1321 and FIPS 180.
CHECKS = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}


@pytest.mark.parametrize("name", CHECKS)
def test_digests_give_their_published_values_in_one_piece_or_many(name: str) -> None:
    assert name in DIGESTS
    whole, pieces = new_digest(name), new_digest(name)
    whole.update(b"123456789")
    for piece in (b"1", b"", b"2345", b"6789"):
        pieces.update(piece)
    assert whole.digest().hex() == pieces.digest().hex() == CHECKS[name]
