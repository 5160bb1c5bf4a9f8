"""The page on policies says what is so."""

from pathlib import Path

import pytest

from daypass.policy import linter
from daypass.policy.linter import conditions, elements, principals

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "policy.md"
DECISIONS = ROOT / "docs" / "decisions"


def blocks(language: str) -> list[str]:
    parts = PAGE.read_text(encoding="utf-8").split("```")
    return [part.removeprefix(language) for part in parts[1::2] if part.startswith(f"{language}\n")]


def test_the_examples_run_and_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, str(PAGE), "exec"), names)
    shown = next(block for block in blocks("") if block.startswith("\nDenied:"))
    assert shown.strip() in capsys.readouterr().out


def test_every_finding_is_listed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for module in (linter, conditions, elements, principals):
        lines = Path(module.__file__ or "").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.strip() in ("yield Finding(", "Finding("):
                code = lines[number + 1].strip().strip('",')
                assert f"`{code}`" in page, code


@pytest.mark.parametrize("folder", ["src/daypass/policy", "tests/policy"])
def test_decisions_that_are_referred_to_exist(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix not in (".py", ".json"):
            continue
        for part in path.read_text(encoding="utf-8").split("docs/decisions/")[1:]:
            name = part.partition(".md")[0]
            assert (DECISIONS / f"{name}.md").exists() or "*" in name or '"' in name, name
