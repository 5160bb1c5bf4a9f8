"""Decisions from the tests of five independent projects, read where they stand beside the
checkout (`../shared/corpora/iam/cases.jsonl`)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.policy.case import decide

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "iam" / "cases.jsonl"
KINDS = {"assumed-role": "role-session"}
TRUST = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")


def corpus() -> list[dict[str, Any]]:
    if not CORPUS.exists():
        return []
    with CORPUS.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


CASES = corpus()


def translated(case: dict[str, Any]) -> dict[str, Any]:
    """The same case in the words of our own."""
    told = case["principal"]
    principal = {"kind": KINDS.get(told["type"], told["type"])}
    principal |= {name: told[name] for name in ("account", "arn", "service") if told.get(name)}
    policies = {layer: found for layer, found in case["policies"].items() if found}
    if case["action"] in TRUST:
        policies["resource_must_allow"] = "resource" in policies
    return {**case, "principal": principal, "policies": policies}


MISSING = pytest.param(
    None,
    marks=pytest.mark.skip(reason=f"there is no {CORPUS}: its decisions were not checked"),
    id="missing",
)
PARAMETERS = [pytest.param(case, id=f"{case['source']}-{case['id']}") for case in CASES]


@pytest.mark.parametrize("case", PARAMETERS or [MISSING])
def test_decision_of_another_project(case: dict[str, Any]) -> None:
    decision = decide(translated(case))
    expected = case["expected"]
    if expected == "deny":
        assert not decision.allowed, decision.explain().full()
    else:
        assert decision.outcome == expected, decision.explain().full()
