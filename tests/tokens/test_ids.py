"""Identifiers have AWS's forms."""

import re

import pytest

from daypass.tokens import (
    accessor_prefix,
    account_of,
    new_access_key_id,
    new_accessor,
    new_secret_access_key,
    new_unique_id,
)


@pytest.mark.parametrize(
    ("access_key_id", "account"),
    # Published examples of decoding ("A short note on AWS KEY ID", Tal Be'ery).
    [("ASIAQNZGKIQY56JQ7WML", "029608264753"), ("AKIASP2TPHJSQH3FJRUX", "171436882533")],
)
def test_account_is_read_from_real_access_key_ids(access_key_id, account):
    assert account_of(access_key_id) == account


@pytest.mark.parametrize("account", ["123456789012", "000000000001", "999999999999"])
@pytest.mark.parametrize("prefix", ["AKIA", "ASIA"])
def test_new_access_key_ids_carry_their_account(prefix, account):
    access_key_id = new_access_key_id(prefix, account)
    assert re.fullmatch(prefix + "[A-Z2-7]{16}", access_key_id)
    assert account_of(access_key_id) == account


@pytest.mark.parametrize(
    "text",
    ["AKIAIOSFODNN7EXAMPLE", "", "AKIA", "AKIA" + "1" * 16, "AKIA" + "é" * 16, "A" * 21],
)
def test_ids_that_carry_no_account_have_none(text):
    assert account_of(text) is None


def test_every_access_key_id_is_new():
    ids = {new_access_key_id("ASIA", "123456789012") for _ in range(1000)}
    assert len(ids) == 1000


@pytest.mark.parametrize("prefix", ["AIDA", "AROA", "ANPA", "AGPA"])
def test_unique_ids_have_twenty_one_characters(prefix):
    assert re.fullmatch(prefix + "[A-Z2-7]{17}", new_unique_id(prefix))


def test_secret_access_keys_have_forty_characters_of_base64():
    assert re.fullmatch("[A-Za-z0-9+/]{40}", new_secret_access_key())


def test_accessor_begins_with_what_the_access_key_id_gives():
    access_key_id = new_access_key_id("ASIA", "123456789012")
    accessor = new_accessor(access_key_id)
    assert re.fullmatch("[a-z2-7]{16}", accessor)
    assert accessor.startswith(accessor_prefix(access_key_id))
