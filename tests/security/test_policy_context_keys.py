"""Condition keys mean what the server says, and no other name stands in for one (attacks 88, 89).

The evaluation adds no key and takes none from elsewhere; what it is given under another name does
not count.
"""

import pytest

from tests.policy.asking import EVERYTHING, ask

BY_ADDRESS = {**EVERYTHING, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
BY_NAME = {**EVERYTHING, "Condition": {"StringEquals": {"aws:username": "admin"}}}


@pytest.mark.parametrize(
    "name",
    ["sourceip", "SourceIp", "x-forwarded-for", "s3:sourceip", "jwt:aws:sourceip", "aws:sourceip "],
)
def test_another_name_is_not_the_source_address(name: str) -> None:
    assert not ask(BY_ADDRESS, context={name: "10.0.0.1"}).allowed


@pytest.mark.parametrize("name", ["username", "jwt:username", "s3:aws:username", "aws:user-name"])
def test_another_name_is_not_the_user_name(name: str) -> None:
    assert not ask(BY_NAME, context={name: "admin"}).allowed


def test_a_second_value_does_not_join_the_first() -> None:
    """A list where AWS has one value must not let a forged member decide."""
    assert not ask(BY_ADDRESS, context={"aws:sourceip": ["192.0.2.1", "10.0.0.1"]}).allowed


@pytest.mark.parametrize("address", ["::ffff:10.9.9.9", "::ffff:0a09:0909"])
def test_an_address_written_as_ipv6_is_the_same_address(address: str) -> None:
    deny = {**BY_ADDRESS, "Sid": "Deny", "Effect": "Deny"}
    assert not ask(EVERYTHING, deny, context={"aws:sourceip": address}).allowed


@pytest.mark.parametrize("address", ["10.1", "167772161", "0x0a000001", "10.0.0.1/8", "10.0.0.1 "])
def test_what_is_not_an_address_is_in_no_block(address: str) -> None:
    assert not ask(BY_ADDRESS, context={"aws:sourceip": address}).allowed
