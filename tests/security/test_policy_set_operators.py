"""Set operators over missing and empty keys, and their negations (attack 85)."""

import pytest

from daypass.policy import Outcome
from tests.policy.asking import EVERYTHING, ask

TAGS = "aws:TagKeys"


def holds(operator: str, found: list[str] | str | None) -> bool:
    statement = {**EVERYTHING, "Condition": {operator: {TAGS: ["env", "team"]}}}
    return ask(statement, context={} if found is None else {"aws:tagkeys": found}).allowed


@pytest.mark.parametrize("found", [None, [], "", [""]])
def test_for_any_value_never_holds_without_values(found: list[str] | str | None) -> None:
    assert not holds("ForAnyValue:StringEquals", found)
    assert not holds("ForAnyValue:StringNotEquals", found)
    assert not holds("ForAnyValue:StringLike", found)


@pytest.mark.parametrize("found", [None, [], "", [""]])
def test_for_all_values_holds_without_values_as_aws_documents(
    found: list[str] | str | None,
) -> None:
    assert holds("ForAllValues:StringEquals", found)
    assert holds("ForAllValues:StringNotEquals", found)


@pytest.mark.parametrize("found", [["env", "cost"], ["cost", "env"], ["cost"] * 3 + ["env"]])
def test_one_value_among_others_decides_by_the_set_operator(found: list[str]) -> None:
    assert holds("ForAnyValue:StringEquals", found)
    assert not holds("ForAllValues:StringEquals", found)
    assert holds("ForAnyValue:StringNotEquals", found)
    assert not holds("ForAllValues:StringNotEquals", found)


def test_a_deny_of_forbidden_tags_denies_when_one_is_among_them() -> None:
    deny = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {TAGS: "forbidden"}},
    }
    context = {"aws:tagkeys": ["env", "forbidden"]}
    assert ask(EVERYTHING, deny, context=context).outcome is Outcome.EXPLICIT_DENY


def test_without_a_set_operator_several_values_do_not_satisfy_an_allow() -> None:
    assert not holds("StringEquals", ["env", "team"])
    assert not holds("StringLike", ["env", "env"])
