"""A variable's value is text (attack 86).

Seen elsewhere: a user who names himself `*` opens every home directory, because the value is put
into the pattern before its stars are looked for.
"""

import pytest

from tests.policy.asking import ask

HOME = {
    "Effect": "Allow",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::homes/${jwt:preferred_username}/*",
}
BY_TAG = {
    "Effect": "Allow",
    "Action": "s3:GetObject",
    "Resource": "*",
    "Condition": {"StringLike": {"s3:ExistingObjectTag/owner": "${aws:PrincipalTag/name}"}},
}
BY_ARN = {
    "Effect": "Allow",
    "Action": "s3:GetObject",
    "Resource": "*",
    "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:*:${aws:PrincipalTag/name}"}},
}


@pytest.mark.parametrize("name", ["*", "?????", "b*", "bo?", "**", "bob/../alice", "", "*/"])
def test_a_name_of_wildcards_opens_no_other_home(name: str) -> None:
    context = {"jwt:preferred_username": name}
    for key in ("alice/secret", "bobby/secret", "bob/secret"):
        assert not ask(HOME, resource=f"arn:aws:s3:::homes/{key}", context=context).allowed


@pytest.mark.parametrize("name", ["*", "b*", "?ob"])
def test_a_name_of_wildcards_still_has_its_own_home(name: str) -> None:
    context = {"jwt:preferred_username": name}
    assert ask(HOME, resource=f"arn:aws:s3:::homes/{name}/x", context=context).allowed


def test_a_value_is_not_looked_at_for_further_variables() -> None:
    context = {"jwt:preferred_username": "${aws:username}", "aws:username": "alice"}
    assert not ask(HOME, resource="arn:aws:s3:::homes/alice/x", context=context).allowed


def test_a_colon_in_a_value_does_not_make_segments() -> None:
    context = {"aws:principaltag/name": "b:c", "aws:sourcearn": "arn:aws:sqs:eu:1:b"}
    assert not ask(BY_ARN, context=context).allowed


@pytest.mark.parametrize("name", ["*", "?", "", "al*"])
def test_conditions_take_the_value_as_text_too(name: str) -> None:
    context = {"s3:existingobjecttag/owner": "alice", "aws:principaltag/name": name}
    assert not ask(BY_TAG, context=context).allowed
    context = {"aws:sourcearn": "arn:aws:sqs:eu:1:alice", "aws:principaltag/name": name}
    assert not ask(BY_ARN, context=context).allowed


def test_a_variable_without_a_value_matches_nothing() -> None:
    for key in ("alice/x", "/x", "${jwt:preferred_username}/x", "*/x"):
        assert not ask(HOME, resource=f"arn:aws:s3:::homes/{key}").allowed


def test_several_values_are_no_value() -> None:
    context = {"jwt:preferred_username": ["bob", "alice"]}
    assert not ask(HOME, resource="arn:aws:s3:::homes/alice/x", context=context).allowed
