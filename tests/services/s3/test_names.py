import pytest

from daypass.protocol.errors import ServiceError
from daypass.services.s3.names import canonical_user_id, is_bucket_name, key_bytes


@pytest.mark.parametrize(
    "name",
    ["abc", "my-bucket", "my.bucket.name", "1bucket", "bucket1", "a" * 63, "192.168.5.4a", "a-b.c"],
)
def test_valid_bucket_names(name: str) -> None:
    assert is_bucket_name(name)


# "General purpose bucket naming rules", S3 User Guide: one name for each rule.
@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper-case",
        "under_score",
        "sp ace",
        "-begins",
        "ends-",
        ".begins",
        "ends.",
        "two..periods",
        "192.168.5.4",
        "xn--punycode",
        "sthree-configurator",
        "amzn-s3-demo-bucket",
        "alias-s3alias",
        "lambda--ol-s3",
        "point.mrap",
        "directory--x-s3",
        "table--table-s3",
        "ünïcode",
        "bucket\n",
        "",
    ],
)
def test_invalid_bucket_names(name: str) -> None:
    assert not is_bucket_name(name)


def test_a_key_may_have_1024_bytes_and_not_one_more() -> None:
    assert key_bytes("é" * 512) == "é".encode() * 512
    with pytest.raises(ServiceError) as refusal:
        key_bytes("é" * 512 + "x")
    assert (refusal.value.code, refusal.value.status) == ("KeyTooLongError", 400)


def test_composed_and_decomposed_letters_are_two_keys() -> None:
    assert key_bytes("\u00e9") != key_bytes("e\u0301")


def test_a_canonical_user_id_is_64_hexadecimal_digits() -> None:
    assert len(bytes.fromhex(canonical_user_id("123456789012"))) == 32
    assert canonical_user_id("123456789012") != canonical_user_id("210987654321")
