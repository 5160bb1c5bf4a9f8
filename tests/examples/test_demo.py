"""The whole story, as `make demo` runs it."""

import json
import shutil
from pathlib import Path

import pytest

from daypass.cli.demo import examples, node, stage
from daypass.cli.demo.screen import Screen, masked
from daypass.cli.failure import Failure
from tests.cli.running import daypass

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = 8


@pytest.fixture(scope="module")
def verdict():
    ended = daypass("demo", "--output", "json", timeout=600)
    assert ended.out, ended
    return ended, json.loads(ended.out)


def test_every_step_is_as_it_should_be(verdict):
    ended, found = verdict
    failed = [check for step in found["Steps"] for check in step["Checks"] if not check["Ok"]]
    assert (failed, found["Ok"], ended.code) == ([], True, 0)
    assert [step["Number"] for step in found["Steps"]] == list(range(1, STEPS + 1))
    assert all(step["Checks"] for step in found["Steps"])


def test_no_secret_is_shown():
    shown = masked(
        json.dumps(
            {
                "Credentials": {"SecretAccessKey": "very-secret", "SessionToken": "very-secret"},
                "List": [{"SecretAccessKey": "very-secret"}],
                "AccessKeyId": "ASIA1",
            }
        )
    )
    assert "very-secret" not in shown
    assert "ASIA1" in shown


def test_a_failed_check_fails_the_demo(capsys):
    screen = Screen()
    screen.step(1, "A step", "About something.")
    screen.check("this is so", ok=True)
    screen.check("that is not", ok=False)
    verdict = screen.verdict()
    assert not verdict["Ok"]
    assert "step 1: that is not" in capsys.readouterr().out


def test_the_demo_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_path", lambda: str(tmp_path))
    with pytest.raises(Failure) as caught:
        stage._require_clients()
    assert "the AWS CLI" in caught.value.what
    assert caught.value.remedy == "pip install 'daypass[demo]'"


def test_without_node_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = node.node_modules(EXAMPLES / "node")
    assert isinstance(reason, str)
    assert "node" in reason


def test_packages_that_cannot_be_installed_are_a_reason_and_leave_nothing(tmp_path, monkeypatch):
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "node", project)
    (project / "package-lock.json").write_text("{}")
    monkeypatch.setattr(node, "cache_directory", lambda: tmp_path / "cache")
    assert "npm could not install" in node.node_modules(project)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_examples_are_found_in_a_checkout():
    assert examples.find_examples() == EXAMPLES


def test_the_lock_names_no_registry():
    lock = (EXAMPLES / "node" / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock
