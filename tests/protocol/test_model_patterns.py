"""The models' patterns are Java's; they must mean the same here."""

import gzip
import json
import sys
import unicodedata
from pathlib import Path

import botocore
import pytest

from daypass.protocol.patterns import LONGEST_MATCHED, compile_pattern

MODELS = ("sts/2011-06-15", "iam/2010-05-08", "lambda/2015-03-31", "s3/2006-03-01")


def patterns() -> list[str]:
    data = Path(botocore.__file__).parent / "data"
    found: set[str] = set()
    for name in MODELS:
        model = json.loads(gzip.decompress((data / name / "service-2.json.gz").read_bytes()))
        found |= {shape["pattern"] for shape in model["shapes"].values() if "pattern" in shape}
    return sorted(found)


def test_every_pattern_of_the_models_is_understood() -> None:
    skipped = [pattern for pattern in patterns() if compile_pattern(pattern) is None]
    assert skipped == []


def test_a_pattern_that_python_cannot_read_is_left_out() -> None:
    assert compile_pattern(r"[\p{Sc}]+") is None


def test_letters_separators_and_numbers_are_unicode_s() -> None:
    matches = compile_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+")
    assert matches is not None
    wrong = []
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        expected = unicodedata.category(character)[0] in "LZN" or character in "_.:/=+-@"
        if matches(character) != expected:
            wrong.append(f"U+{point:04X} {unicodedata.category(character)}")
    assert wrong == []


@pytest.mark.parametrize("text", ["\u00e9", "\u0661", "a\n", "a\u2028", ""])
def test_word_characters_and_digits_are_ascii_and_the_match_is_whole(text: str) -> None:
    word, digit = compile_pattern(r"[\w+=,.@-]+"), compile_pattern(r"\d{12}|[\d]+")
    assert word is not None
    assert digit is not None
    assert not word(text)
    assert not digit(text)


def test_an_endless_text_is_not_looked_at() -> None:
    matches = compile_pattern(r"[\s\S]*")
    assert matches is not None
    assert matches("a" * LONGEST_MATCHED)
    assert not matches("a" * (LONGEST_MATCHED + 1))
