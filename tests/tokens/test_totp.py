"""Codes are those of RFC 6238 and of authenticator apps."""

import base64

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.tokens.totp import base32_seed, code_at, new_seed, step_at, step_of_code


@pytest.mark.parametrize(
    ("moment", "code"),
    # RFC 6238, appendix B, SHA-1; its eight digits end in our six.
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_rfc(moment, code):
    assert code_at(b"12345678901234567890", step_at(moment)) == code[-6:]


@given(st.binary(min_size=16, max_size=64), st.integers(0, 2**37))
def test_codes_are_those_of_an_authenticator_app(seed, moment):
    app = pyotp.TOTP(base32_seed(seed))
    assert code_at(seed, step_at(moment)) == app.at(moment)


def test_a_seed_is_what_apps_accept_and_is_never_the_same():
    seed = new_seed()
    assert base64.b32decode(base32_seed(seed)) == seed
    assert len(base32_seed(seed)) == 64
    assert "=" not in base32_seed(seed)
    assert new_seed() != seed


def test_a_code_is_found_among_the_steps_that_are_looked_at_only():
    seed = b"12345678901234567890"
    code = code_at(seed, 100)
    assert step_of_code(seed, code, range(99, 102)) == 100
    assert step_of_code(seed, code, range(101, 104)) is None
    for nonsense in ("", "12345", "1234567", "１２３４５６", "     1"):
        assert step_of_code(seed, nonsense, range(99, 102)) is None
