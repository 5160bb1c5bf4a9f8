"""Our own corpus: what AWS's documentation says of each rule, one case a rule."""

import json
from collections import Counter
from typing import Any

import pytest

from daypass.policy.conditions import OPERATORS
from tests.policy import tables
from tests.policy.case import CASES, decide, every_case, load

ALL = every_case()


@pytest.mark.parametrize("case", [case for _, case in ALL], ids=[name for name, _ in ALL])
def test_decision_and_reason(case: dict[str, Any]) -> None:
    decision = decide(case)
    assert decision.outcome == case["expected"], decision.explain().full()
    if "layer" in case:
        assert decision.layer == case["layer"]
    if "sid" in case:
        assert decision.statement is not None
        assert decision.statement.sid == case["sid"]


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(ALL) >= 400
    twice = [name for name, count in Counter(name for name, _ in ALL).items() if count > 1]
    assert not twice


def test_every_operator_has_cases() -> None:
    text = json.dumps([case["policies"] for _, case in ALL])
    assert [o.name for o in OPERATORS.values() if f'"{o.name}"' not in text] == []


@pytest.mark.parametrize("name", sorted(tables.FAMILIES))
def test_generated_cases_are_those_of_the_tables(name: str) -> None:
    """Run `python -m tests.policy.tables` after changing a table."""
    assert load(CASES / f"{name}.json") == list(tables.FAMILIES[name]())
